#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/client/admin.hpp"
#include "tidelog/tools/quantity.hpp"

#include <charconv>

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct cluster_state {
  std::size_t topic_count = 0;
  std::size_t partition_count = 0;
  std::size_t recovering_count = 0;
  std::size_t offline_count = 0;
  client::quorum quorum;
  std::vector<client::log_dir> directories;
  /// Of each directory, in the same order: what new records leave free. -1 for a broker that has no such setting.
  std::vector<std::int64_t> reserves;
};

constexpr const char* reserve_config = "log.free.space.min.bytes";

base::result<std::int64_t> reserve_of(client::cluster& cluster, model::broker_id broker) {
  const client::config_resource of{protocol::resource_type::broker, std::to_string(broker.value())};
  TIDELOG_TRY(const auto configs, client::describe_configs(cluster, of, {reserve_config}));
  std::int64_t bytes = -1;
  for (const auto& config : configs) {
    const auto text = config.value.value_or("");
    if (config.name == reserve_config) std::from_chars(text.data(), text.data() + text.size(), bytes);
  }
  return bytes;
}

std::int64_t size_of(const client::log_dir& directory) {
  std::int64_t bytes = 0;
  for (const auto& partition : directory.partitions) bytes += partition.size_bytes;
  return bytes;
}

json to_json(const client::cluster& cluster, const cluster_state& state) {
  json document{{"cluster_id", cluster.id()},
                {"controller", cluster.controller().value()},
                {"topics", state.topic_count},
                {"partitions", state.partition_count},
                {"partitions_recovering", state.recovering_count},
                {"partitions_offline", state.offline_count},
                {"brokers", json::array()},
                {"log_dirs", json::array()},
                {"quorum",
                 {{"leader", state.quorum.leader.value()},
                  {"leader_epoch", state.quorum.leader_epoch},
                  {"high_watermark", state.quorum.high_watermark.value()},
                  {"voters", json::array()}}}};
  for (const auto& broker : cluster.brokers()) {
    document["brokers"].push_back({{"id", broker.id.value()},
                                   {"host", broker.address.host},
                                   {"port", broker.address.port},
                                   {"rack", broker.rack ? json(*broker.rack) : json(nullptr)}});
  }
  for (std::size_t i = 0; i < state.directories.size(); ++i) {
    const auto& directory = state.directories[i];
    document["log_dirs"].push_back({{"broker", directory.broker.value()},
                                    {"path", directory.path},
                                    {"used_bytes", size_of(directory)},
                                    {"total_bytes", directory.total_bytes},
                                    {"usable_bytes", directory.usable_bytes},
                                    {"reserve_bytes", state.reserves[i]}});
  }
  for (const auto& voter : state.quorum.voters)
    document["quorum"]["voters"].push_back({{"id", voter.id.value()}, {"end", voter.log_end_offset.value()}});
  return document;
}

std::string size_or_unknown(std::int64_t bytes) {
  return bytes < 0 ? "unknown" : size_for_people(static_cast<double>(bytes));
}

base::status print_state(const client::cluster& cluster, const cluster_state& state) {
  TIDELOG_DO(print_text(
      fmt::format("cluster {}, {} topics with {} partitions\nmetadata log ends at {}, leader {}, epoch {}\n",
                  cluster.id(), state.topic_count, state.partition_count, state.quorum.high_watermark.value(),
                  state.quorum.leader.value(), state.quorum.leader_epoch)));
  if (state.recovering_count > 0) {
    TIDELOG_DO(print_text(fmt::format("{} of {} partitions are being recovered\n", state.recovering_count,
                                      state.partition_count)));
  }
  if (state.offline_count > 0) {
    TIDELOG_DO(
        print_text(fmt::format("{} of {} partitions are offline; tidelog topic describe NAME says why\n",
                               state.offline_count, state.partition_count)));
  }
  std::vector<std::vector<std::string>> brokers;
  for (const auto& broker : cluster.brokers()) {
    brokers.push_back({std::to_string(broker.id.value()), broker.address.text(), broker.rack.value_or("-"),
                       broker.id == cluster.controller() ? "yes" : "no"});
  }
  TIDELOG_DO(print_table({"BROKER", "ADDRESS", "RACK", "CONTROLLER"}, brokers));
  std::vector<std::vector<std::string>> directories;
  std::string full;
  for (std::size_t i = 0; i < state.directories.size(); ++i) {
    const auto& directory = state.directories[i];
    directories.push_back({std::to_string(directory.broker.value()), directory.path,
                           size_for_people(static_cast<double>(size_of(directory))),
                           size_or_unknown(directory.usable_bytes), size_or_unknown(state.reserves[i]),
                           size_or_unknown(directory.total_bytes)});
    if (directory.usable_bytes >= 0 && directory.usable_bytes < state.reserves[i]) {
      full += fmt::format("the disk of {} is full: new records and topics are refused until there is room\n",
                          directory.path);
    }
  }
  TIDELOG_DO(print_table({"BROKER", "LOG DIR", "USED", "FREE", "RESERVE", "DISK"}, directories));
  return print_text(full);
}

base::status run_info(cli_context& context) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  cluster_state state;
  TIDELOG_TRY(const auto topics, cluster->all_topics());
  state.topic_count = topics.size();
  for (const auto& topic : topics) {
    state.partition_count += topic.partitions.size();
    for (const auto& partition : topic.partitions) {
      if (partition.state() == client::partition_state::recovering) ++state.recovering_count;
      if (partition.state() == client::partition_state::offline) ++state.offline_count;
    }
  }
  TIDELOG_TRY(state.quorum, client::describe_quorum(*cluster));
  TIDELOG_TRY(state.directories, client::describe_log_dirs(*cluster));
  for (const auto& directory : state.directories) {
    TIDELOG_TRY(const std::int64_t reserve, reserve_of(*cluster, directory.broker));
    state.reserves.push_back(reserve);
  }
  return context.wants_json() ? print_json(to_json(*cluster, state)) : print_state(*cluster, state);
}

}  // namespace

void add_cluster_commands(CLI::App& root, cli_context& context) {
  auto* const cluster = root.add_subcommand("cluster", "Brokers, metadata quorum and disks");
  cluster->require_subcommand(1)->fallthrough();
  cluster->footer(examples({"tidelog cluster info"}));
  auto* const info = cluster->add_subcommand("info", "Show brokers, metadata quorum and log directories");
  info->callback([&context] { context.action = [&context] { return run_info(context); }; });
  info->footer(examples({"tidelog cluster info", "tidelog -b broker.example:9092 cluster info -o json"}));
}

}  // namespace tidelog::tools
