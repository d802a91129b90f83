#include "tidelog/client/admin.hpp"

#include "tidelog/protocol/create_partitions.hpp"
#include "tidelog/protocol/create_topics.hpp"
#include "tidelog/protocol/delete_records.hpp"
#include "tidelog/protocol/delete_topics.hpp"
#include "tidelog/protocol/describe_configs.hpp"
#include "tidelog/protocol/describe_log_dirs.hpp"
#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_quorum.hpp"
#include "tidelog/protocol/elect_leaders.hpp"
#include "tidelog/protocol/incremental_alter_configs.hpp"
#include "tidelog/protocol/list_offsets.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <thread>

namespace tidelog::client {
namespace {

constexpr std::int32_t broker_timeout_ms = 30'000;

tl::unexpected<base::error> incomplete(std::string_view what) {
  return base::fail(client_errc::malformed_answer, "{}: the answer leaves out what was asked for", what);
}

std::string text_of(const std::optional<std::string>& message) {
  return message.value_or(std::string{});
}

/// A broker answers for its own configs only; everything else may be asked of anybody.
template <class Request>
base::result<answer<Request>> ask_for_resource(cluster& in, const config_resource& of,
                                               const Request& request) {
  std::int32_t id = -1;
  if (of.type == protocol::resource_type::broker && !of.name.empty()) {
    const auto* end = of.name.data() + of.name.size();
    if (std::from_chars(of.name.data(), end, id).ptr != end)
      return base::fail(std::make_error_code(std::errc::invalid_argument), "broker id \"{}\" is no number",
                        of.name);
    return in.ask(model::broker_id(id), request);
  }
  return in.ask_any(request);
}

using partitions_by_leader = std::map<model::broker_id, std::vector<model::topic_partition>>;
base::result<partitions_by_leader> group_by_leader(cluster& in,
                                                   std::span<const model::topic_partition> wanted) {
  partitions_by_leader groups;
  for (const auto& at : wanted) {
    TIDELOG_TRY(const auto leader, in.leader_of(at));
    groups[leader].push_back(at);
  }
  return groups;
}

}  // namespace

base::status create_topic(cluster& in, const topic_creation& wanted) {
  protocol::create_topics_request request;
  request.timeout_ms = broker_timeout_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = wanted.name;
  topic.num_partitions = wanted.partition_count;
  topic.replication_factor = wanted.replication_factor;
  for (const auto& config : wanted.configs)
    topic.configs.push_back({.name = config.name, .value = config.value});
  TIDELOG_TRY(const auto got, in.ask_any(request));
  if (got->topics.size() != 1) return incomplete("CreateTopics");
  TIDELOG_DO(check_answer(got->topics[0].error_code, wanted.name, text_of(got->topics[0].error_message)));
  in.forget(wanted.name);
  const auto until = after(in.options().retry_for);
  for (auto shown = in.topic(wanted.name);; shown = in.topic(wanted.name)) {
    if (shown) return {};
    // A broker may answer before its own metadata shows the topic.
    if (shown.error().code != client_errc::unknown_topic || std::chrono::steady_clock::now() > until)
      return base::forward_error(shown);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

base::status delete_topic(cluster& in, const std::string& name) {
  protocol::delete_topics_request request;
  request.timeout_ms = broker_timeout_ms;
  // Which of the two lists travels depends on the version.
  request.topic_names.push_back(name);
  request.topics.push_back({.name = name, .topic_id = {}});
  TIDELOG_TRY(const auto got, in.ask_any(request));
  if (got->responses.size() != 1) return incomplete("DeleteTopics");
  in.forget(name);
  return check_answer(got->responses[0].error_code, name, text_of(got->responses[0].error_message));
}

base::status create_partitions(cluster& in, const std::string& topic, std::int32_t partition_count) {
  protocol::create_partitions_request request;
  request.timeout_ms = broker_timeout_ms;
  request.topics.push_back({.name = topic, .count = partition_count, .assignments = std::nullopt});
  TIDELOG_TRY(const auto got, in.ask_any(request));
  if (got->results.size() != 1) return incomplete("CreatePartitions");
  in.forget(topic);
  return check_answer(got->results[0].error_code, topic, text_of(got->results[0].error_message));
}

base::result<std::vector<config_entry>> describe_configs(cluster& in, const config_resource& of,
                                                         const std::vector<std::string>& names) {
  protocol::describe_configs_request request;
  request.include_documentation = true;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = of.type;
  resource.resource_name = of.name;
  if (!names.empty()) resource.configuration_keys = names;
  TIDELOG_TRY(auto got, ask_for_resource(in, of, request));
  if (got->results.size() != 1) return incomplete("DescribeConfigs");
  auto& answered = got->results[0];
  TIDELOG_DO(check_answer(answered.error_code, of.name, text_of(answered.error_message)));
  std::vector<config_entry> entries;
  for (auto& config : answered.configs) {
    entries.push_back({std::move(config.name), std::move(config.value), config.config_source,
                       config.read_only, config.is_sensitive, text_of(config.documentation)});
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  return entries;
}

base::status change_configs(cluster& in, const config_resource& of, std::span<const config_change> changes) {
  protocol::incremental_alter_configs_request request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = of.type;
  resource.resource_name = of.name;
  for (const auto& change : changes) {
    const auto operation =
        change.value ? protocol::config_operation::set : protocol::config_operation::remove;
    resource.configs.push_back({.name = change.name, .config_operation = operation, .value = change.value});
  }
  TIDELOG_TRY(const auto got, ask_for_resource(in, of, request));
  if (got->responses.size() != 1) return incomplete("IncrementalAlterConfigs");
  return check_answer(got->responses[0].error_code, of.name, text_of(got->responses[0].error_message));
}

namespace {

base::status list_offsets_of(cluster& in, model::broker_id leader,
                             const std::vector<model::topic_partition>& wanted, offset_query query,
                             std::map<model::topic_partition, listed_offset>& into) {
  protocol::list_offsets_request request;
  request.replica_id = -1;
  request.timeout_ms = broker_timeout_ms;
  std::map<std::string, std::size_t> places;
  for (const auto& at : wanted) {
    const auto [place, fresh] = places.emplace(at.topic, request.topics.size());
    if (fresh) request.topics.push_back({.name = at.topic, .partitions = {}});
    request.topics[place->second].partitions.push_back(
        {.partition_index = at.partition.value(), .current_leader_epoch = -1, .timestamp = query.value()});
  }
  TIDELOG_TRY(const auto got, in.ask(leader, request));
  for (const auto& topic : got->topics) {
    for (const auto& partition : topic.partitions) {
      const model::topic_partition at{topic.name, model::partition_index(partition.partition_index)};
      if (auto fine = check_answer(partition.error_code, at.text()); !fine) {
        in.forget(topic.name);
        return fine;
      }
      into[at] = {at, model::offset(partition.offset), model::timestamp(partition.timestamp),
                  model::leader_epoch(partition.leader_epoch)};
    }
  }
  return {};
}

}  // namespace

base::result<std::vector<listed_offset>> list_offsets(cluster& in, std::span<const model::topic_partition> at,
                                                      offset_query query) {
  return in.retrying([&]() -> base::result<std::vector<listed_offset>> {
    TIDELOG_TRY(const auto groups, group_by_leader(in, at));
    std::map<model::topic_partition, listed_offset> found;
    for (const auto& [leader, wanted] : groups) TIDELOG_DO(list_offsets_of(in, leader, wanted, query, found));
    std::vector<listed_offset> listed;
    for (const auto& one : at) {
      const auto place = found.find(one);
      if (place == found.end()) return incomplete("ListOffsets");
      listed.push_back(place->second);
    }
    return listed;
  });
}

base::result<model::offset> delete_records(cluster& in, const model::topic_partition& at,
                                           model::offset before) {
  return in.retrying([&]() -> base::result<model::offset> {
    protocol::delete_records_request request;
    request.timeout_ms = broker_timeout_ms;
    request.topics.push_back(
        {.name = at.topic,
         .partitions = {{.partition_index = at.partition.value(), .offset = before.value()}}});
    TIDELOG_TRY(const auto leader, in.leader_of(at));
    TIDELOG_TRY(const auto got, in.ask(leader, request));
    if (got->topics.size() != 1 || got->topics[0].partitions.size() != 1) return incomplete("DeleteRecords");
    const auto& answered = got->topics[0].partitions[0];
    if (auto fine = check_answer(answered.error_code, at.text()); !fine) {
      in.forget(at.topic);
      return tl::unexpected(fine.error());
    }
    return model::offset(answered.low_watermark);
  });
}

base::result<std::vector<partition_answer>> elect_leaders(
    cluster& in, std::span<const model::topic_partition> partitions) {
  protocol::elect_leaders_request request;
  // The broker is to say that it takes longer before we stop listening.
  request.timeout_ms = static_cast<std::int32_t>(in.options().connection.request_timeout.count() * 9 / 10);
  if (!partitions.empty()) request.topic_partitions.emplace();
  for (const auto& at : partitions) {
    auto& topics = *request.topic_partitions;
    if (topics.empty() || topics.back().topic != at.topic)
      topics.push_back({.topic = at.topic, .partitions = {}});
    topics.back().partitions.push_back(at.partition.value());
  }
  TIDELOG_TRY(const auto got, in.ask_any(request));
  TIDELOG_DO(check_answer(got->error_code, "ElectLeaders"));
  std::vector<partition_answer> answers;
  for (const auto& topic : got->replica_election_results) {
    in.forget(topic.topic);
    for (const auto& row : topic.partition_result) {
      answers.push_back({{topic.topic, model::partition_index(row.partition_id)},
                         row.error_code,
                         text_of(row.error_message)});
    }
  }
  return answers;
}

base::result<std::vector<partition_answer>> ask_why_unavailable(
    cluster& in, model::broker_id broker, const std::string& topic,
    std::span<const model::partition_index> partitions) {
  protocol::describe_producers_request request;
  auto& asked = request.topics.emplace_back();
  asked.name = topic;
  for (const auto index : partitions) asked.partition_indexes.push_back(index.value());
  TIDELOG_TRY(const auto got, in.ask(broker, request));
  std::vector<partition_answer> answers;
  for (const auto& each : got->topics) {
    for (const auto& row : each.partitions) {
      answers.push_back({{each.name, model::partition_index(row.partition_index)},
                         row.error_code,
                         text_of(row.error_message)});
    }
  }
  return answers;
}

base::result<std::vector<log_dir>> describe_log_dirs(cluster& in) {
  std::vector<log_dir> directories;
  const auto brokers = in.brokers();
  for (const auto& broker : brokers) {
    TIDELOG_TRY(const auto got, in.ask(broker.id, protocol::describe_log_dirs_request{}));
    TIDELOG_DO(check_answer(got->error_code, "DescribeLogDirs"));
    for (const auto& answered : got->results) {
      TIDELOG_DO(check_answer(answered.error_code, answered.log_dir));
      auto& directory = directories.emplace_back();
      directory.broker = broker.id;
      directory.path = answered.log_dir;
      directory.total_bytes = answered.total_bytes;
      directory.usable_bytes = answered.usable_bytes;
      for (const auto& topic : answered.topics) {
        for (const auto& partition : topic.partitions) {
          directory.partitions.push_back({{topic.name, model::partition_index(partition.partition_index)},
                                          partition.partition_size,
                                          partition.offset_lag});
        }
      }
      std::sort(directory.partitions.begin(), directory.partitions.end(),
                [](const auto& left, const auto& right) { return left.at < right.at; });
    }
  }
  return directories;
}

base::result<quorum> describe_quorum(cluster& in) {
  protocol::describe_quorum_request request;
  request.topics.push_back({.topic_name = "__cluster_metadata", .partitions = {{.partition_index = 0}}});
  TIDELOG_TRY(const auto got, in.ask_any(request));
  TIDELOG_DO(check_answer(got->error_code, "DescribeQuorum", text_of(got->error_message)));
  if (got->topics.size() != 1 || got->topics[0].partitions.size() != 1) return incomplete("DescribeQuorum");
  const auto& answered = got->topics[0].partitions[0];
  TIDELOG_DO(check_answer(answered.error_code, "DescribeQuorum", text_of(answered.error_message)));
  quorum found;
  found.leader = model::broker_id(answered.leader_id);
  found.leader_epoch = answered.leader_epoch;
  found.high_watermark = model::offset(answered.high_watermark);
  for (const auto& voter : answered.current_voters)
    found.voters.push_back({model::broker_id(voter.replica_id), model::offset(voter.log_end_offset)});
  return found;
}

}  // namespace tidelog::client
