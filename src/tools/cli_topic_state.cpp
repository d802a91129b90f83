#include "cli_topic_state.hpp"

#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tidelog::tools {
namespace {

using nlohmann::json;

std::string joined(const std::vector<model::broker_id>& ids) {
  std::string text;
  for (const auto id : ids) text += fmt::format("{}{}", text.empty() ? "" : ",", id.value());
  return text.empty() ? "-" : text;
}

json numbers(const std::vector<model::broker_id>& ids) {
  json list = json::array();
  for (const auto id : ids) list.push_back(id.value());
  return list;
}

bool is_online(const client::partition_metadata& partition) {
  return partition.state() == client::partition_state::online;
}

const char* state_name(const client::partition_metadata& partition) {
  switch (partition.state()) {
    case client::partition_state::online:
      return "online";
    case client::partition_state::recovering:
      return "recovering";
    case client::partition_state::offline:
      return "offline";
  }
  return "unknown";
}

json offset_or_null(const std::map<model::partition_index, model::offset>& offsets,
                    model::partition_index of) {
  const auto found = offsets.find(of);
  return found == offsets.end() ? json(nullptr) : json(found->second.value());
}

std::string offset_or_dash(const std::map<model::partition_index, model::offset>& offsets,
                           model::partition_index of) {
  const auto found = offsets.find(of);
  return found == offsets.end() ? "-" : std::to_string(found->second.value());
}

base::status add_offsets(client::cluster& cluster, topic_state& state) {
  std::vector<model::topic_partition> led;
  for (const auto& partition : state.topic.partitions) {
    if (is_online(partition)) led.push_back({state.topic.name, partition.index});
  }
  TIDELOG_TRY(const auto begin, client::list_offsets(cluster, led, client::earliest_offset));
  TIDELOG_TRY(const auto end, client::list_offsets(cluster, led, client::latest_offset));
  for (const auto& each : begin) state.begin[each.at.partition] = each.offset;
  for (const auto& each : end) state.end[each.at.partition] = each.offset;
  return {};
}

/// Nobody leads these partitions, so whoever has them is asked.
void add_reasons(client::cluster& cluster, topic_state& state) {
  std::map<model::broker_id, std::vector<model::partition_index>> of_broker;
  for (const auto& partition : state.topic.partitions) {
    if (!is_online(partition) && !partition.replicas.empty())
      of_broker[partition.replicas.front()].push_back(partition.index);
  }
  for (const auto& [broker, partitions] : of_broker) {
    const auto answers = client::ask_why_unavailable(cluster, broker, state.topic.name, partitions);
    // A broker that cannot be asked says nothing; that its partitions are offline is known all the same.
    if (!answers) continue;
    for (const auto& each : *answers) {
      if (each.error != protocol::error_code::none) state.why_unavailable[each.at.partition] = each.message;
    }
  }
}

}  // namespace

base::result<topic_state> look_at_topic(client::cluster& cluster, const std::string& name) {
  topic_state state;
  TIDELOG_TRY(state.topic, cluster.topic_as_it_is(name));
  TIDELOG_DO(add_offsets(cluster, state));
  add_reasons(cluster, state);
  TIDELOG_TRY(auto configs, client::describe_configs(cluster, {protocol::resource_type::topic, name}, {}));
  for (auto& config : configs)
    if (config.source == protocol::config_source::topic) state.configs.push_back(std::move(config));
  return state;
}

json to_json(const topic_state& state) {
  json described{{"topic", state.topic.name},
                 {"id", state.topic.id.text()},
                 {"internal", state.topic.kind == client::topic_kind::internal},
                 {"configs", json::object()},
                 {"partitions", json::array()}};
  for (const auto& config : state.configs)
    described["configs"][config.name] = config.value ? json(*config.value) : json(nullptr);
  for (const auto& partition : state.topic.partitions) {
    const auto why = state.why_unavailable.find(partition.index);
    described["partitions"].push_back(
        {{"partition", partition.index.value()},
         {"state", state_name(partition)},
         {"reason", why == state.why_unavailable.end() ? json(nullptr) : json(why->second)},
         {"leader", partition.leader.value()},
         {"leader_epoch", partition.leader_epoch.value()},
         {"replicas", numbers(partition.replicas)},
         {"in_sync_replicas", numbers(partition.in_sync_replicas)},
         {"begin", offset_or_null(state.begin, partition.index)},
         {"end", offset_or_null(state.end, partition.index)}});
  }
  return described;
}

base::status print_topic_state(const topic_state& state) {
  TIDELOG_DO(print_text(fmt::format("{}  id {}\n", state.topic.name, state.topic.id.text())));
  for (const auto& config : state.configs)
    TIDELOG_DO(print_text(fmt::format("  {} = {}\n", config.name, config.value.value_or("(secret)"))));
  std::vector<std::vector<std::string>> rows;
  for (const auto& partition : state.topic.partitions) {
    rows.push_back({std::to_string(partition.index.value()), state_name(partition),
                    is_online(partition) ? std::to_string(partition.leader.value()) : "-",
                    std::to_string(partition.leader_epoch.value()), joined(partition.replicas),
                    joined(partition.in_sync_replicas), offset_or_dash(state.begin, partition.index),
                    offset_or_dash(state.end, partition.index)});
  }
  TIDELOG_DO(
      print_table({"PARTITION", "STATE", "LEADER", "EPOCH", "REPLICAS", "IN SYNC", "BEGIN", "END"}, rows));
  for (const auto& [partition, why] : state.why_unavailable)
    TIDELOG_DO(print_text(fmt::format("partition {}: {}\n", partition.value(), why)));
  const bool some_offline =
      std::any_of(state.topic.partitions.begin(), state.topic.partitions.end(),
                  [](const auto& each) { return each.state() == client::partition_state::offline; });
  if (!some_offline) return {};
  return print_text(fmt::format("when the cause is gone: tidelog topic recover {}\n", state.topic.name));
}

}  // namespace tidelog::tools
