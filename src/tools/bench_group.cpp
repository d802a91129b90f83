#include "bench_group.hpp"

#include "tidelog/client/group_admin.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <thread>

namespace tidelog::tools {
namespace {

constexpr std::int32_t correlation_id = 1;

/// What groups with load have to say: requests, latencies, the server's processor.
group_report describe(const bench_options& wanted, const bench_report& load, nlohmann::json document) {
  const auto seconds = load.seconds > 0 ? load.seconds : 1;
  const auto per_second = static_cast<double>(load.load.requests) / seconds;
  document["program"] = wanted.program;
  document["connections"] = wanted.connections;
  document["seconds"] = load.seconds;
  document["requests"] = load.load.requests;
  document["requests_per_s"] = per_second;
  document["latency_us"] = latencies_as_json(load.load.latencies);
  auto text = fmt::format("{:.0f} requests/s over {:.1f} s, {} connections\n  latency{}\n", per_second,
                          load.seconds, wanted.connections, latencies_as_text(load.load.latencies));
  if (const auto& spent = load.server_processor_seconds) {
    document["server_cpu_s"] = *spent;
    document["server_cpu_share"] = *spent / seconds;
    text += fmt::format("  server: {:.2f}% of a core", *spent / seconds * 100);
    if (load.load.requests > 0) {
      const auto each_us = *spent * 1e6 / static_cast<double>(load.load.requests);
      document["server_cpu_us_per_request"] = each_us;
      text += fmt::format(", {:.2f} us per request", each_us);
    }
    if (load.server_resident_bytes) {
      document["server_resident_bytes"] = *load.server_resident_bytes;
      text += fmt::format(", {} resident", size_for_people(static_cast<double>(*load.server_resident_bytes)));
    }
    text += '\n';
  }
  return {std::move(document), wanted.program + ": " + text};
}

base::status leave_and_delete(const group_field& field, std::vector<classic_bench_group>& groups) {
  for (auto& group : groups) TIDELOG_DO(group.leave());
  return field.delete_groups(groups.size());
}

base::result<std::vector<std::byte>> encode_heartbeat(const classic_bench_group& group,
                                                      const classic_bench_group::place& from,
                                                      std::int16_t version) {
  protocol::heartbeat_request request;
  request.group_id = group.id();
  request.generation_id = from.generation;
  request.member_id = from.member_id;
  return protocol::encode_request(correlation_id, "tidelog-bench", request, version).memory;
}

struct heartbeat_ring {
  client::connection* via;
  std::shared_ptr<std::vector<prepared_request>> requests;
};

/// For every connection the heartbeats of its members.
base::result<std::vector<heartbeat_ring>> prepare_heartbeats(
    const std::vector<std::unique_ptr<client::connection>>& connections,
    const std::vector<classic_bench_group>& groups, std::int16_t version) {
  std::vector<heartbeat_ring> rings;
  rings.reserve(connections.size());
  for (const auto& via : connections)
    rings.push_back({via.get(), std::make_shared<std::vector<prepared_request>>()});
  std::map<const client::connection*, std::size_t> place;
  for (std::size_t i = 0; i < rings.size(); ++i) place[rings[i].via] = i;
  for (const auto& group : groups) {
    for (const auto& member : group.members()) {
      TIDELOG_TRY(auto frame, encode_heartbeat(group, member, version));
      rings[place.at(member.via)].requests->push_back({std::move(frame), 0, 0});
    }
  }
  return rings;
}

/// One offset of the topic, as a consumer commits it that is not a member of the group.
prepared_request encode_commit(const group_field& field, std::size_t index, std::int16_t version) {
  protocol::offset_commit_request request;
  request.group_id = field.group_id(index);
  auto& topic = request.topics.emplace_back();
  topic.name = field.topic();
  topic.topic_id = field.topic_id();
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index =
      static_cast<std::int32_t>(index % static_cast<std::size_t>(field.partition_count()));
  partition.committed_offset = 1;
  partition.committed_metadata = "";
  return {protocol::encode_request(correlation_id, "tidelog-bench", request, version).memory, 0, 0};
}

double milliseconds(std::chrono::nanoseconds of) {
  return std::chrono::duration<double, std::milli>(of).count();
}

}  // namespace

base::result<group_report> bench_group_heartbeats(client::cluster& cluster, const bench_options& wanted) {
  TIDELOG_TRY(const auto field, group_field::prepare(cluster, wanted));
  TIDELOG_TRY(auto connections, field.connect(static_cast<std::size_t>(wanted.connections)));
  std::vector<classic_bench_group> groups;
  const auto begun = std::chrono::steady_clock::now();
  TIDELOG_DO(join_groups(field, wanted, connections, 0, wanted.group_count, groups));
  const std::chrono::duration<double> joining = std::chrono::steady_clock::now() - begun;
  TIDELOG_TRY(const auto version, connections.front()->version_of(protocol::api_key::heartbeat,
                                                                  protocol::heartbeat_request::versions));
  TIDELOG_TRY(auto rings, prepare_heartbeats(connections, groups, version));
  auto settings = settings_of(wanted);
  // Members of one connection come after one another, each as often as the interval says.
  const auto on_a_connection = std::max<std::size_t>(rings.front().requests->size(), 1);
  settings.interval =
      std::chrono::nanoseconds(wanted.heartbeat_interval) / static_cast<std::int64_t>(on_a_connection);
  settings.depth = on_a_connection;
  settings.check =
      check_error_code_at(position_of_error_code([version](protocol::error_code code) {
                            protocol::heartbeat_response response;
                            response.error_code = code;
                            return protocol::encode_response(correlation_id, response, version).memory;
                          }),
                          "heartbeat");
  auto loops = make_loops(wanted, settings);
  for (std::size_t i = 0; i < rings.size(); ++i)
    loops[i % loops.size()]->add(std::move(*connections[i]).release(), rings[i].requests, 0);
  TIDELOG_TRY(const auto load, run_loops(wanted, settings, loops));
  loops.clear();
  // The members' connections are used up; the groups are taken apart over new ones.
  TIDELOG_TRY(const auto last, field.connect());
  for (auto& group : groups) group.use(*last);
  TIDELOG_DO(leave_and_delete(field, groups));
  auto report = describe(wanted, load,
                         {{"groups", wanted.group_count},
                          {"members", wanted.member_count},
                          {"interval_ms", wanted.heartbeat_interval.count()},
                          {"joining_s", joining.count()}});
  report.text += fmt::format(
      "  {} groups of {} members, which took {:.1f} s to join; a heartbeat every {} ms\n", wanted.group_count,
      wanted.member_count, joining.count(), wanted.heartbeat_interval.count());
  return report;
}

base::result<group_report> bench_group_rebalance(client::cluster& cluster, const bench_options& wanted) {
  TIDELOG_TRY(const auto field, group_field::prepare(cluster, wanted));
  TIDELOG_TRY(const auto connections, field.connect(wanted.rebalance_member_count));
  std::vector<client::connection*> via;
  via.reserve(connections.size());
  for (const auto& each : connections) via.push_back(each.get());
  const auto rounds = static_cast<std::size_t>(wanted.rounds);
  std::vector<std::chrono::nanoseconds> took;
  const auto before = processor_seconds(wanted.server_pid);
  if (wanted.consumer_protocol) {
    for (std::size_t round = 0; round < rounds; ++round) {
      consumer_bench_group group(field.group_id(round), field, via);
      TIDELOG_TRY(const auto one, group.join());
      took.push_back(one);
      TIDELOG_DO(group.leave());
    }
    TIDELOG_DO(field.delete_groups(rounds));
  } else {
    classic_bench_group group(field.group_id(0), field, via);
    TIDELOG_DO(group.join());
    for (std::size_t round = 0; round < rounds; ++round) {
      TIDELOG_TRY(const auto one, group.rebalance());
      took.push_back(one);
    }
    TIDELOG_DO(group.leave());
    TIDELOG_DO(field.delete_groups(1));
  }
  const auto after = processor_seconds(wanted.server_pid);
  std::sort(took.begin(), took.end());
  const auto* const protocol = wanted.consumer_protocol ? "consumer" : "classic";
  group_report report;
  report.document = {{"program", wanted.program},
                     {"protocol", protocol},
                     {"members", wanted.rebalance_member_count},
                     {"partitions", field.partition_count()},
                     {"rounds", wanted.rounds},
                     {"rebalance_ms",
                      {{"min", milliseconds(took.front())},
                       {"median", milliseconds(took[took.size() / 2])},
                       {"max", milliseconds(took.back())}}}};
  report.text =
      fmt::format("{} ({} protocol): {} members, {} partitions, {} rounds: min {}, median {}, max {}\n",
                  wanted.program, protocol, wanted.rebalance_member_count, field.partition_count(),
                  wanted.rounds, latency_for_people(took.front()), latency_for_people(took[took.size() / 2]),
                  latency_for_people(took.back()));
  if (before && after) {
    const auto each_ms = (*after - *before) * 1000 / static_cast<double>(rounds);
    report.document["server_cpu_ms_per_round"] = each_ms;
    report.text += fmt::format("  server: {:.2f} ms of processor a round\n", each_ms);
  }
  return report;
}

base::result<group_report> bench_group_commits(client::cluster& cluster, const bench_options& wanted) {
  TIDELOG_TRY(const auto field, group_field::prepare(cluster, wanted));
  const auto groups = std::min(wanted.group_count, static_cast<std::size_t>(wanted.connections));
  for (std::size_t i = 0; i < groups; ++i) {
    // Every group has been loaded, and has something to forget, when the measuring begins.
    const client::committed_offset first{
        {field.topic(), model::partition_index(0)}, model::offset(1), {}, {}};
    TIDELOG_TRY(const auto outcomes,
                client::commit_offsets(cluster, field.group_id(i), std::span(&first, 1), {}));
    for (const auto& one : outcomes) TIDELOG_DO(client::check_answer(one.code, field.group_id(i)));
  }
  TIDELOG_TRY(auto connections, field.connect(static_cast<std::size_t>(wanted.connections)));
  auto versions = protocol::offset_commit_request::versions;
  // From version 10 on topics are named by ids.
  if (field.topic_id().is_zero()) versions.max = 9;
  TIDELOG_TRY(const auto version,
              connections.front()->version_of(protocol::api_key::offset_commit, versions));
  auto settings = settings_of(wanted);
  settings.check =
      check_error_code_at(position_of_error_code([&](protocol::error_code code) {
                            protocol::offset_commit_response response;
                            auto& topic = response.topics.emplace_back();
                            topic.name = field.topic();
                            topic.partitions.push_back({0, code});
                            return protocol::encode_response(correlation_id, response, version).memory;
                          }),
                          "commit");
  auto loops = make_loops(wanted, settings);
  for (std::size_t i = 0; i < connections.size(); ++i) {
    auto ring = std::make_shared<std::vector<prepared_request>>(1, encode_commit(field, i % groups, version));
    loops[i % loops.size()]->add(std::move(*connections[i]).release(), std::move(ring), 0);
  }
  TIDELOG_TRY(const auto load, run_loops(wanted, settings, loops));
  TIDELOG_DO(field.delete_groups(groups));
  return describe(wanted, load, {{"groups", groups}, {"depth", wanted.depth}});
}

base::result<group_report> bench_group_memory(client::cluster& cluster, const bench_options& wanted) {
  if (!resident_bytes(wanted.server_pid)) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "group memory needs the --server-pid of the broker on this machine");
  }
  TIDELOG_TRY(const auto field, group_field::prepare(cluster, wanted));
  TIDELOG_TRY(const auto connections, field.connect(wanted.member_count));
  std::vector<classic_bench_group> groups;
  // The first groups bring with them what is there once for all: logs that are opened, buffers of the connections.
  const auto first = std::max<std::size_t>(wanted.group_count / 10, 100);
  TIDELOG_DO(join_groups(field, wanted, connections, 0, first, groups));
  std::this_thread::sleep_for(wanted.warm_up);
  const auto before = resident_bytes(wanted.server_pid).value_or(0);
  TIDELOG_DO(join_groups(field, wanted, connections, first, first + wanted.group_count, groups));
  std::this_thread::sleep_for(wanted.warm_up);
  const auto after = resident_bytes(wanted.server_pid).value_or(0);
  TIDELOG_DO(leave_and_delete(field, groups));
  const auto members = static_cast<double>(wanted.group_count * wanted.member_count);
  const auto each = (static_cast<double>(after) - static_cast<double>(before)) / members;
  group_report report;
  report.document = {{"program", wanted.program},      {"groups", wanted.group_count},
                     {"members", wanted.member_count}, {"resident_bytes_before", before},
                     {"resident_bytes_after", after},  {"bytes_per_member", each}};
  report.text =
      fmt::format("{}: {} groups of {} members: {} -> {} resident, {:.0f} bytes a member\n", wanted.program,
                  wanted.group_count, wanted.member_count, size_for_people(static_cast<double>(before)),
                  size_for_people(static_cast<double>(after)), each);
  return report;
}

}  // namespace tidelog::tools
