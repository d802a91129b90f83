#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/client/admin.hpp"

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct topic_arguments {
  std::vector<std::string> names;
  std::int32_t partition_count = -1;
  std::int16_t replication_factor = -1;
  std::vector<std::string> configs;
  std::vector<std::string> removed_configs;
  bool tolerant = false;  ///< --if-not-exists, --if-exists
  bool internal_too = false;
};

base::status run_create(cli_context& context, const topic_arguments& wanted) {
  client::topic_creation creation;
  creation.partition_count = wanted.partition_count;
  creation.replication_factor = wanted.replication_factor;
  for (const auto& config : wanted.configs) {
    TIDELOG_TRY(auto pair, split_pair(config));
    creation.configs.push_back({std::move(pair.first), std::move(pair.second)});
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  json made = json::array();
  for (const auto& name : wanted.names) {
    creation.name = name;
    auto created = client::create_topic(*cluster, creation);
    const bool was_there =
        !created && created.error().code == client::broker_error(protocol::error_code::topic_already_exists);
    if (!created && !(was_there && wanted.tolerant)) return created;
    TIDELOG_TRY(const auto* const topic, cluster->topic(name));
    made.push_back({{"topic", name},
                    {"id", topic->id.text()},
                    {"partitions", topic->partitions.size()},
                    {"created", !was_there}});
    if (context.wants_json()) continue;
    TIDELOG_DO(
        print_text(was_there ? fmt::format("{} exists\n", name)
                             : fmt::format("created {} with {} partition{}\n", name, topic->partitions.size(),
                                           topic->partitions.size() == 1 ? "" : "s")));
  }
  return context.wants_json() ? print_json(made) : base::status{};
}

base::status run_list(cli_context& context, const topic_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto topics, cluster->all_topics());
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& topic : topics) {
    const bool is_internal = topic.kind == client::topic_kind::internal;
    if (is_internal && !wanted.internal_too) continue;
    list.push_back({{"topic", topic.name},
                    {"id", topic.id.text()},
                    {"partitions", topic.partitions.size()},
                    {"internal", is_internal}});
    rows.push_back({topic.name, std::to_string(topic.partitions.size()), topic.id.text()});
  }
  if (context.wants_json()) return print_json(list);
  if (rows.empty()) return print_text("no topics\n");
  return print_table({"TOPIC", "PARTITIONS", "ID"}, rows);
}

std::string joined(const std::vector<model::broker_id>& ids) {
  std::string text;
  for (const auto id : ids) text += fmt::format("{}{}", text.empty() ? "" : ",", id.value());
  return text;
}

json numbers(const std::vector<model::broker_id>& ids) {
  json list = json::array();
  for (const auto id : ids) list.push_back(id.value());
  return list;
}

struct topic_state {
  client::topic_metadata topic;
  std::vector<client::listed_offset> begin;
  std::vector<client::listed_offset> end;
  std::vector<client::config_entry> configs;  ///< those that the topic sets itself
};

base::result<topic_state> look_at(client::cluster& cluster, const std::string& name) {
  TIDELOG_TRY(const auto* const topic, cluster.topic(name));
  topic_state state;
  state.topic = *topic;
  std::vector<model::topic_partition> partitions;
  for (const auto& partition : topic->partitions) partitions.push_back({name, partition.index});
  TIDELOG_TRY(state.begin, client::list_offsets(cluster, partitions, client::earliest_offset));
  TIDELOG_TRY(state.end, client::list_offsets(cluster, partitions, client::latest_offset));
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
  for (std::size_t i = 0; i < state.topic.partitions.size(); ++i) {
    const auto& partition = state.topic.partitions[i];
    described["partitions"].push_back({{"partition", partition.index.value()},
                                       {"leader", partition.leader.value()},
                                       {"leader_epoch", partition.leader_epoch.value()},
                                       {"replicas", numbers(partition.replicas)},
                                       {"in_sync_replicas", numbers(partition.in_sync_replicas)},
                                       {"begin", state.begin[i].offset.value()},
                                       {"end", state.end[i].offset.value()}});
  }
  return described;
}

base::status print_topic(const topic_state& state) {
  TIDELOG_DO(print_text(fmt::format("{}  id {}\n", state.topic.name, state.topic.id.text())));
  for (const auto& config : state.configs)
    TIDELOG_DO(print_text(fmt::format("  {} = {}\n", config.name, config.value.value_or("(secret)"))));
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < state.topic.partitions.size(); ++i) {
    const auto& partition = state.topic.partitions[i];
    rows.push_back({std::to_string(partition.index.value()), std::to_string(partition.leader.value()),
                    std::to_string(partition.leader_epoch.value()), joined(partition.replicas),
                    joined(partition.in_sync_replicas), std::to_string(state.begin[i].offset.value()),
                    std::to_string(state.end[i].offset.value())});
  }
  return print_table({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC", "BEGIN", "END"}, rows);
}

base::status run_describe(cli_context& context, const topic_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  json list = json::array();
  for (const auto& name : wanted.names) {
    TIDELOG_TRY(const auto state, look_at(*cluster, name));
    if (context.wants_json()) {
      list.push_back(to_json(state));
    } else {
      TIDELOG_DO(print_topic(state));
    }
  }
  return context.wants_json() ? print_json(list) : base::status{};
}

base::status run_alter(cli_context& context, const topic_arguments& wanted) {
  std::vector<client::config_change> changes;
  for (const auto& config : wanted.configs) {
    TIDELOG_TRY(auto pair, split_pair(config));
    changes.push_back({std::move(pair.first), std::move(pair.second)});
  }
  for (const auto& name : wanted.removed_configs) changes.push_back({name, std::nullopt});
  if (changes.empty() && wanted.partition_count < 0) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "nothing to alter: give --partitions, --config or --delete-config");
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  const auto& name = wanted.names.front();
  if (!changes.empty())
    TIDELOG_DO(client::change_configs(*cluster, {protocol::resource_type::topic, name}, changes));
  if (wanted.partition_count >= 0)
    TIDELOG_DO(client::create_partitions(*cluster, name, wanted.partition_count));
  if (context.wants_json()) return print_json({{"topic", name}, {"altered", true}});
  return print_text(fmt::format("altered {}\n", name));
}

base::status run_delete(cli_context& context, const topic_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  json list = json::array();
  for (const auto& name : wanted.names) {
    auto deleted = client::delete_topic(*cluster, name);
    const bool was_missing =
        !deleted &&
        deleted.error().code == client::broker_error(protocol::error_code::unknown_topic_or_partition);
    if (!deleted && !(was_missing && wanted.tolerant)) return deleted;
    list.push_back({{"topic", name}, {"deleted", !was_missing}});
    if (!context.wants_json())
      TIDELOG_DO(print_text(fmt::format("{} {}\n", was_missing ? "there is no" : "deleted", name)));
  }
  return context.wants_json() ? print_json(list) : base::status{};
}

using topic_action = base::status (*)(cli_context&, const topic_arguments&);

CLI::App* add(CLI::App& topic, cli_context& context, const std::shared_ptr<topic_arguments>& wanted,
              const std::string& name, const std::string& description, topic_action action) {
  auto* const command = topic.add_subcommand(name, description);
  command->callback([&context, wanted, action] {
    context.action = [&context, wanted, action] { return action(context, *wanted); };
  });
  return command;
}

}  // namespace

void add_topic_commands(CLI::App& root, cli_context& context) {
  auto* const topic = root.add_subcommand("topic", "Create, list, describe, alter and delete topics");
  topic->require_subcommand(1)->fallthrough();
  topic->footer(examples({"tidelog topic create orders --partitions 3", "tidelog topic list",
                          "tidelog topic describe orders", "tidelog topic delete orders"}));
  const auto wanted = std::make_shared<topic_arguments>();

  auto* const create = add(*topic, context, wanted, "create", "Create topics", run_create);
  create->add_option("NAME", wanted->names, "Topics to create")->required();
  create->add_option("-p,--partitions", wanted->partition_count, "Partitions (default: the broker's)")
      ->check(CLI::PositiveNumber);
  create
      ->add_option("-r,--replication-factor", wanted->replication_factor, "Replicas (default: the broker's)")
      ->check(CLI::PositiveNumber);
  create->add_option("-c,--config", wanted->configs, "NAME=VALUE, may be repeated")->allow_extra_args(false);
  create->add_flag("--if-not-exists", wanted->tolerant, "A topic that exists is no error");
  create->footer(
      examples({"tidelog topic create orders", "tidelog topic create orders payments --partitions 3",
                "tidelog topic create users --config cleanup.policy=compact"}));

  auto* const list = add(*topic, context, wanted, "list", "List topics", run_list);
  list->add_flag("--internal", wanted->internal_too, "Internal topics too");
  list->footer(examples({"tidelog topic list", "tidelog topic list --internal --output json"}));

  auto* const describe =
      add(*topic, context, wanted, "describe", "Partitions, offsets and configs of topics", run_describe);
  describe->add_option("NAME", wanted->names, "Topics to describe")->required();
  describe->footer(examples({"tidelog topic describe orders", "tidelog topic describe orders -o json"}));

  auto* const alter = add(*topic, context, wanted, "alter", "Add partitions, change configs", run_alter);
  alter->add_option("NAME", wanted->names, "Topic to alter")->required()->expected(1);
  alter
      ->add_option("-p,--partitions", wanted->partition_count,
                   "New number of partitions, which may only grow")
      ->check(CLI::PositiveNumber);
  alter->add_option("-c,--config", wanted->configs, "NAME=VALUE, may be repeated")->allow_extra_args(false);
  alter->add_option("--delete-config", wanted->removed_configs, "NAME, back to its default, may be repeated")
      ->allow_extra_args(false);
  alter->footer(examples({"tidelog topic alter orders --partitions 6",
                          "tidelog topic alter orders --config retention.ms=86400000",
                          "tidelog topic alter orders --delete-config retention.ms"}));

  auto* const remove =
      add(*topic, context, wanted, "delete", "Delete topics and all their records", run_delete);
  remove->add_option("NAME", wanted->names, "Topics to delete")->required();
  remove->add_flag("--if-exists", wanted->tolerant, "A topic that is not there is no error");
  remove->footer(examples({"tidelog topic delete orders", "tidelog topic delete scratch --if-exists"}));
}

}  // namespace tidelog::tools
