// What groups have committed.

#include "tidelog/client/group_admin.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/offset_delete.hpp"
#include "tidelog/protocol/offset_fetch.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

// From version 10 on topics are named by their ids. Names are asked for here because offsets may be there of topics
// that are not there any more, and because a person means the name.
constexpr std::int16_t last_version_by_name = 9;

template <class Request>
base::result<answer<Request>> ask_by_name(cluster& in, model::broker_id id, const Request& request) {
  TIDELOG_TRY(auto* const peer, in.to_broker(id));
  auto got = peer->call(request, {}, last_version_by_name);
  if (!got && !peer->is_usable()) in.drop(id);
  return got;
}

/// The topics of a message with their partitions, in the order in which they first appear.
template <class Topic, class Item, class Add>
void group_by_topic(std::span<const Item> items, std::vector<Topic>& topics, Add&& add) {
  std::map<std::string, std::size_t> places;
  for (const auto& item : items) {
    const auto [place, fresh] = places.emplace(item.at.topic, topics.size());
    if (fresh) topics.emplace_back().name = item.at.topic;
    add(topics[place->second], item);
  }
}

base::result<std::vector<committed_offset>> taken(
    const std::vector<protocol::offset_fetch_response_topic>& topics) {
  std::vector<committed_offset> found;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      const model::topic_partition at{topic.name, model::partition_index(partition.partition_index)};
      TIDELOG_DO(check_answer(partition.error_code, at.text()));
      found.push_back({at, model::offset(partition.committed_offset),
                       model::leader_epoch(partition.committed_leader_epoch),
                       partition.metadata.value_or(std::string{})});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& left, const auto& right) { return left.at < right.at; });
  return found;
}

using asked_topics = std::optional<std::vector<protocol::offset_fetch_request_topic>>;

base::result<std::vector<committed_offset>> fetch_from(cluster& in, const std::string& group,
                                                       const asked_topics& topics,
                                                       undecided_offsets undecided) {
  constexpr std::int16_t first_version_with_all = 2;
  constexpr std::int16_t first_version_with_groups = 8;
  protocol::offset_fetch_request request;
  request.require_stable = undecided == undecided_offsets::waited_for;
  // Which of the two travels depends on the version.
  request.group_id = group;
  request.topics = topics;
  request.groups.emplace_back();
  request.groups.back().group_id = group;
  request.groups.back().topics = topics;
  return in.retrying([&]() -> base::result<std::vector<committed_offset>> {
    TIDELOG_TRY(const auto coordinator, find_coordinator(in, group));
    TIDELOG_TRY(const auto got, ask_by_name(in, coordinator, request));
    if (got.version < first_version_with_all && !topics)
      return base::fail(client_errc::unsupported_api, "OffsetFetch of all topics");
    if (got.version < first_version_with_groups) {
      TIDELOG_DO(check_answer(got->error_code, group));
      return taken(got->topics);
    }
    if (got->groups.size() != 1)
      return base::fail(client_errc::malformed_answer, "OffsetFetch: not the group that was asked for");
    const auto code = got->groups[0].error_code;
    // Some brokers answer so for groups that they have never heard of.
    if (code == protocol::error_code::group_id_not_found) return std::vector<committed_offset>{};
    TIDELOG_DO(check_answer(code, group));
    return taken(got->groups[0].topics);
  });
}

/// Puts the outcomes of an answer in the order of what was asked for.
template <class Item>
base::result<std::vector<partition_outcome>> ordered(
    std::span<const Item> asked, const std::map<model::topic_partition, protocol::error_code>& codes,
    std::string_view api) {
  std::vector<partition_outcome> outcomes;
  for (const auto& item : asked) {
    const auto place = codes.find(item.at);
    if (place == codes.end())
      return base::fail(client_errc::malformed_answer, "{} leaves out {}", api, item.at.text());
    outcomes.push_back({item.at, place->second});
  }
  return outcomes;
}

/// The codes of the partitions. Fails where the coordinator is not ready: then the request is made again as a whole.
template <class Topics>
base::result<std::map<model::topic_partition, protocol::error_code>> codes_of(const Topics& topics,
                                                                              const std::string& group) {
  std::map<model::topic_partition, protocol::error_code> codes;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (is_about_coordinator(partition.error_code)) TIDELOG_DO(check_answer(partition.error_code, group));
      codes[{topic.name, model::partition_index(partition.partition_index)}] = partition.error_code;
    }
  }
  return codes;
}

struct named_partition {
  const model::topic_partition& at;
};
std::vector<named_partition> named(std::span<const model::topic_partition> partitions) {
  std::vector<named_partition> items;
  for (const auto& at : partitions) items.push_back({at});
  return items;
}

}  // namespace

base::result<std::vector<committed_offset>> fetch_all_committed(cluster& in, const std::string& group) {
  TIDELOG_TRY(auto found, fetch_from(in, group, std::nullopt, undecided_offsets::passed_over));
  std::erase_if(found, [](const auto& one) { return one.offset.value() < 0; });
  return found;
}

base::result<std::vector<committed_offset>> fetch_committed(cluster& in, const std::string& group,
                                                            std::span<const model::topic_partition> at,
                                                            undecided_offsets undecided) {
  const auto items = named(at);
  asked_topics topics(std::in_place);
  group_by_topic(std::span(items), *topics, [](auto& topic, const auto& item) {
    topic.partition_indexes.push_back(item.at.partition.value());
  });
  TIDELOG_TRY(const auto found, fetch_from(in, group, topics, undecided));
  std::vector<committed_offset> committed;
  for (const auto& one : at) {
    const auto place = std::lower_bound(found.begin(), found.end(), one,
                                        [](const auto& entry, const auto& key) { return entry.at < key; });
    const bool is_there = place != found.end() && place->at == one;
    committed.push_back(is_there ? *place : committed_offset{.at = one, .metadata = {}});
  }
  return committed;
}

base::result<std::vector<partition_outcome>> commit_offsets(cluster& in, const std::string& group,
                                                            std::span<const committed_offset> offsets,
                                                            const committer& by) {
  protocol::offset_commit_request request;
  request.group_id = group;
  request.generation_id_or_member_epoch = by.generation;
  request.member_id = by.member_id;
  request.group_instance_id = by.instance_id;
  group_by_topic(offsets, request.topics, [](auto& topic, const committed_offset& item) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = item.at.partition.value();
    partition.committed_offset = item.offset.value();
    partition.committed_leader_epoch = item.leader_epoch.value();
    partition.committed_metadata = item.metadata;
  });
  return in.retrying([&]() -> base::result<std::vector<partition_outcome>> {
    TIDELOG_TRY(const auto coordinator, find_coordinator(in, group));
    TIDELOG_TRY(const auto got, ask_by_name(in, coordinator, request));
    TIDELOG_TRY(const auto codes, codes_of(got->topics, group));
    return ordered(offsets, codes, "OffsetCommit");
  });
}

base::result<std::vector<partition_outcome>> delete_offsets(cluster& in, const std::string& group,
                                                            std::span<const model::topic_partition> at) {
  const auto items = named(at);
  protocol::offset_delete_request request;
  request.group_id = group;
  group_by_topic(std::span(items), request.topics, [](auto& topic, const auto& item) {
    topic.partitions.emplace_back().partition_index = item.at.partition.value();
  });
  return in.retrying([&]() -> base::result<std::vector<partition_outcome>> {
    TIDELOG_TRY(const auto coordinator, find_coordinator(in, group));
    TIDELOG_TRY(const auto got, in.ask(coordinator, request));
    TIDELOG_DO(check_answer(got->error_code, group));
    TIDELOG_TRY(const auto codes, codes_of(got->topics, group));
    return ordered(std::span(items), codes, "OffsetDelete");
  });
}

}  // namespace tidelog::client
