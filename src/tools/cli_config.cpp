#include "cli_context.hpp"

#include <nlohmann/json.hpp>

#include "tidelog/client/admin.hpp"

namespace tidelog::tools {
namespace {

using nlohmann::json;

struct config_arguments {
  std::string resource;
  std::vector<std::string> entries;
  bool all = false;
};

auto refuse(const std::string& text) {
  return base::fail(std::make_error_code(std::errc::invalid_argument),
                    "\"{}\": a resource is topic:NAME, broker:ID, broker:default or group:NAME", text);
}

/// The defaults of all brokers have the empty name.
base::result<client::config_resource> parse_resource(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return refuse(text);
  const auto kind = text.substr(0, colon);
  const auto name = text.substr(colon + 1);
  if (kind == "topic") return client::config_resource{protocol::resource_type::topic, name};
  if (kind == "group") return client::config_resource{protocol::resource_type::group, name};
  if (kind == "broker")
    return client::config_resource{protocol::resource_type::broker, name == "default" ? std::string{} : name};
  return refuse(text);
}

std::string_view source_text(protocol::config_source source) {
  using enum protocol::config_source;
  switch (source) {
    case topic:
      return "topic";
    case dynamic_broker:
      return "broker";
    case dynamic_default_broker:
      return "all brokers";
    case static_broker:
      return "configuration file";
    case default_value:
      return "default";
    case group:
      return "group";
    case dynamic_broker_logger:
      return "broker logger";
    case client_metrics:
      return "client metrics";
    case unknown:
    case not_said:
      break;
  }
  return "unknown";
}

base::status run_get(cli_context& context, const config_arguments& wanted) {
  TIDELOG_TRY(const auto resource, parse_resource(wanted.resource));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_TRY(const auto entries, client::describe_configs(*cluster, resource, wanted.entries));
  for (const auto& name : wanted.entries) {
    const auto is_it = [&name](const auto& entry) { return entry.name == name; };
    if (std::none_of(entries.begin(), entries.end(), is_it)) {
      return base::fail(std::make_error_code(std::errc::no_such_file_or_directory), "{} has no config {}",
                        wanted.resource, name);
    }
  }
  const bool everything = wanted.all || !wanted.entries.empty();
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : entries) {
    const bool is_default = entry.source == protocol::config_source::default_value;
    if (is_default && !everything) continue;
    list.push_back({{"name", entry.name},
                    {"value", entry.value ? json(*entry.value) : json(nullptr)},
                    {"source", source_text(entry.source)},
                    {"read_only", entry.is_read_only},
                    {"sensitive", entry.is_sensitive},
                    {"documentation", entry.documentation}});
    rows.push_back({entry.name, entry.value.value_or(entry.is_sensitive ? "(secret)" : "(none)"),
                    std::string(source_text(entry.source))});
  }
  if (context.wants_json()) return print_json(list);
  if (rows.empty()) return print_text("everything has its default; --all shows what that is\n");
  return print_table({"CONFIG", "VALUE", "FROM"}, rows);
}

base::status apply(cli_context& context, const config_arguments& wanted,
                   const std::vector<client::config_change>& changes) {
  TIDELOG_TRY(const auto resource, parse_resource(wanted.resource));
  TIDELOG_TRY(auto* const cluster, context.cluster());
  TIDELOG_DO(client::change_configs(*cluster, resource, changes));
  if (context.wants_json()) return print_json({{"resource", wanted.resource}, {"changed", changes.size()}});
  return print_text(fmt::format("changed {}\n", wanted.resource));
}

base::status run_set(cli_context& context, const config_arguments& wanted) {
  std::vector<client::config_change> changes;
  for (const auto& entry : wanted.entries) {
    TIDELOG_TRY(auto pair, split_pair(entry));
    changes.push_back({std::move(pair.first), std::move(pair.second)});
  }
  return apply(context, wanted, changes);
}

base::status run_unset(cli_context& context, const config_arguments& wanted) {
  std::vector<client::config_change> changes;
  for (const auto& name : wanted.entries) changes.push_back({name, std::nullopt});
  return apply(context, wanted, changes);
}

}  // namespace

void add_config_commands(CLI::App& root, cli_context& context) {
  auto* const config = root.add_subcommand("config", "Show and change configs of topics, brokers and groups");
  config->require_subcommand(1)->fallthrough();
  config->footer(
      examples({"tidelog config get topic:orders", "tidelog config set topic:orders retention.ms=86400000",
                "tidelog config unset topic:orders retention.ms"}));
  const auto wanted = std::make_shared<config_arguments>();
  const auto add = [&](const char* name, const char* description, auto action) {
    auto* const command = config->add_subcommand(name, description);
    command->add_option("RESOURCE", wanted->resource, "topic:NAME, broker:ID, broker:default or group:NAME")
        ->required();
    command->callback([&context, wanted, action] {
      context.action = [&context, wanted, action] { return action(context, *wanted); };
    });
    return command;
  };

  auto* const get =
      add("get", "Show configs: those that differ from their default, or the named ones", run_get);
  get->add_option("NAME", wanted->entries, "Only these");
  get->add_flag("--all", wanted->all, "Those with their default value too");
  get->footer(examples({"tidelog config get topic:orders", "tidelog config get topic:orders retention.ms",
                        "tidelog config get broker:1 --all -o json"}));

  auto* const set = add("set", "Set configs", run_set);
  set->add_option("NAME=VALUE", wanted->entries, "What to set")->required();
  set->footer(examples({"tidelog config set topic:orders retention.ms=86400000 cleanup.policy=delete",
                        "tidelog config set broker:default log.retention.ms=604800000"}));

  auto* const unset = add("unset", "Give configs back their default", run_unset);
  unset->add_option("NAME", wanted->entries, "What to unset")->required();
  unset->footer(examples({"tidelog config unset topic:orders retention.ms"}));
}

}  // namespace tidelog::tools
