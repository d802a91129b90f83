#include "cli_context.hpp"
#include "cli_topic_state.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/client/admin.hpp"

#include <algorithm>

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
  std::vector<std::int32_t> partitions;
  bool every_topic = false;
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

base::status run_describe(cli_context& context, const topic_arguments& wanted) {
  TIDELOG_TRY(auto* const cluster, context.cluster());
  json list = json::array();
  for (const auto& name : wanted.names) {
    TIDELOG_TRY(const auto state, look_at_topic(*cluster, name));
    if (context.wants_json()) {
      list.push_back(to_json(state));
    } else {
      TIDELOG_DO(print_topic_state(state));
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

/// What is to be recovered: the partitions named, or all of the topics named, or of every topic.
base::result<std::vector<model::topic_partition>> partitions_to_recover(client::cluster& cluster,
                                                                        const topic_arguments& wanted) {
  std::vector<model::topic_partition> all;
  for (const auto& name : wanted.names) {
    if (!wanted.partitions.empty()) {
      for (const auto index : wanted.partitions) all.push_back({name, model::partition_index(index)});
      continue;
    }
    TIDELOG_TRY(const auto topic, cluster.topic_as_it_is(name));
    for (const auto& partition : topic.partitions) all.push_back({name, partition.index});
  }
  return all;
}

base::status run_recover(cli_context& context, const topic_arguments& wanted) {
  if (wanted.names.empty() != wanted.every_topic || (wanted.every_topic && !wanted.partitions.empty())) {
    return base::fail(std::make_error_code(std::errc::invalid_argument),
                      "give the topics to recover, with or without --partition, or --all");
  }
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto partitions, partitions_to_recover(*cluster, wanted));
  TIDELOG_TRY(const auto answers, client::elect_leaders(*cluster, partitions));
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  const client::partition_answer* failed = nullptr;
  for (const auto& each : answers) {
    using protocol::error_code;
    const bool is_back = each.error == error_code::none;
    const bool was_online = each.error == error_code::election_not_needed;
    if (!is_back && !was_online && failed == nullptr) failed = &each;
    const auto* const outcome = is_back ? "recovered" : was_online ? "was online" : "failed";
    const auto why = is_back || was_online ? std::string{} : each.message;
    list.push_back({{"topic", each.at.topic},
                    {"partition", each.at.partition.value()},
                    {"outcome", outcome},
                    {"reason", why.empty() ? json(nullptr) : json(why)}});
    rows.push_back({each.at.text(), outcome, why});
  }
  if (context.wants_json()) {
    TIDELOG_DO(print_json(list));
  } else if (rows.empty()) {
    TIDELOG_DO(print_text("every partition is online\n"));
  } else {
    TIDELOG_DO(print_table({"PARTITION", "OUTCOME", "REASON"}, rows));
  }
  if (failed == nullptr) return {};
  return client::check_answer(failed->error, failed->at.text(), failed->message);
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
  auto* const topic =
      root.add_subcommand("topic", "Create, list, describe, alter, recover and delete topics");
  topic->require_subcommand(1)->fallthrough();
  topic->footer(examples({"tidelog topic create orders --partitions 3", "tidelog topic list",
                          "tidelog topic describe orders", "tidelog topic recover orders",
                          "tidelog topic delete orders"}));
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
      add(*topic, context, wanted, "describe",
          "Partitions, offsets and configs of topics, and why one is offline", run_describe);
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

  auto* const recover = add(*topic, context, wanted, "recover",
                            "Bring partitions back that an input or output error took offline", run_recover);
  recover->add_option("NAME", wanted->names, "Topics to recover");
  recover->add_option("--partition", wanted->partitions, "Only this partition, may be repeated")
      ->check(CLI::NonNegativeNumber)
      ->allow_extra_args(false);
  recover->add_flag("--all", wanted->every_topic, "Whatever is offline in any topic");
  recover->footer(examples({"tidelog topic recover orders", "tidelog topic recover orders --partition 3",
                            "tidelog topic recover --all"}));

  auto* const remove =
      add(*topic, context, wanted, "delete", "Delete topics and all their records", run_delete);
  remove->add_option("NAME", wanted->names, "Topics to delete")->required();
  remove->add_flag("--if-exists", wanted->tolerant, "A topic that is not there is no error");
  remove->footer(examples({"tidelog topic delete orders", "tidelog topic delete scratch --if-exists"}));
}

}  // namespace tidelog::tools
