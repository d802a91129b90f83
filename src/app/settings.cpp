#include "tidelog/app/settings.hpp"

#include "config_file.hpp"

#include "tidelog/metadata/config_listeners.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace tidelog::app {
namespace {

using metadata::config_errc;
using metadata::config_map;
using metadata::config_scope;

constexpr auto system_data_directory = "/var/lib/tidelog";

base::error at(const std::string& where, const base::error& problem) {
  return {problem.code, fmt::format("{}: {}", where, problem.context)};
}

/// Adds one assignment from the file or the command line; `where` begins its messages.
base::status assign(config_map& into, const std::string& where, std::string_view name,
                    std::string_view text) {
  const auto* key = metadata::find_config_key(config_scope::broker, name);
  if (key == nullptr) {
    return base::fail(config_errc::unknown_key, "{}: {}", where,
                      metadata::unknown_config_key_message(config_scope::broker, name));
  }
  auto value = metadata::parse_config_value(*key, text);
  if (!value) return tl::unexpected(at(where, value.error()));
  into.insert_or_assign(std::string(name), std::move(*value));
  return {};
}

base::result<config_map> from_file(const std::filesystem::path& file) {
  TIDELOG_TRY(const auto assignments, read_config_file(file));
  config_map configured;
  for (const auto& one : assignments) {
    const auto where = fmt::format("{}:{}", file.string(), one.line);
    const auto* key = metadata::find_config_key(config_scope::broker, one.key);
    if (key != nullptr && one.is_array && !key->is_list()) {
      return base::fail(config_errc::invalid_value, "{}: {} takes no list; allowed: {}", where, one.key,
                        metadata::allowed_values_text(*key));
    }
    TIDELOG_DO(assign(configured, where, one.key, one.text));
  }
  return configured;
}

base::result<config_map> from_command_line(const settings_source& source) {
  config_map given;
  for (const auto& assignment : source.assignments) {
    const auto where = fmt::format("--set {}", assignment);
    const auto equals = assignment.find('=');
    if (equals == std::string::npos)
      return base::fail(config_errc::invalid_value, "{}: KEY=VALUE is wanted", where);
    const auto name = std::string_view(assignment).substr(0, equals);
    if (given.contains(name))
      return base::fail(config_errc::invalid_value, "{}: {} is set twice", where, name);
    TIDELOG_DO(assign(given, where, name, std::string_view(assignment).substr(equals + 1)));
  }
  const auto add_once = [&](const std::string& option, std::string_view name,
                            std::string_view text) -> base::status {
    if (given.contains(name))
      return base::fail(config_errc::invalid_value, "{}: {} is set twice", option, name);
    return assign(given, option, name, text);
  };
  if (source.data_directory) {
    const auto absolute = std::filesystem::absolute(*source.data_directory).lexically_normal();
    TIDELOG_DO(add_once("--data-dir", "log.dirs", absolute.string()));
  }
  std::string listeners;
  for (const auto& address : source.listen) {
    auto parsed = metadata::parse_host_and_port(address);
    if (!parsed) return tl::unexpected(at("--listen", parsed.error()));
    if (!listeners.empty()) listeners += ',';
    listeners += "PLAINTEXT://" + metadata::host_and_port_text(parsed->first, parsed->second);
  }
  if (!listeners.empty()) TIDELOG_DO(add_once("--listen", "listeners", listeners));
  return given;
}

config_map defaults_of_this_machine() {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const auto directory = default_data_directory().string();
  return {{"log.dirs", directory},
          {"num.network.threads", std::to_string(cores)},
          {"num.io.threads", std::to_string(std::max(4U, 2 * cores))}};
}

/// Every listener must be of a protocol that is there, and what is advertised must be of a listener that is there.
base::status check_listeners(const daemon_settings& settings, const metadata::config_layers& layers) {
  const auto* map_key = metadata::find_config_key(config_scope::broker, "listener.security.protocol.map");
  TIDELOG_TRY(const auto protocols,
              metadata::parse_pairs(metadata::effective_config_text(*map_key, layers).value_or("")));
  for (const auto& listener : settings.listeners) {
    const auto found =
        std::ranges::find(protocols, listener.name, [](const auto& pair) { return pair.first; });
    if (found == protocols.end()) {
      return base::fail(
          config_errc::invalid_value,
          "listeners: {} is not in listener.security.protocol.map; use PLAINTEXT or add {}:PLAINTEXT",
          listener.name, listener.name);
    }
    if (found->second != "PLAINTEXT") {
      return base::fail(
          config_errc::refused,
          "listeners: {} has the protocol {}, and TLS and SASL are not part of this version; use PLAINTEXT",
          listener.name, found->second);
    }
  }
  for (const auto& address : settings.advertised) {
    if (std::ranges::find(settings.listeners, address.listener, &listener_settings::name) ==
        settings.listeners.end()) {
      return base::fail(config_errc::conflicting_values,
                        "advertised.listeners: there is no listener of the name {} in listeners",
                        address.listener);
    }
  }
  return {};
}

base::status take_listeners(daemon_settings& settings, const metadata::config_layers& layers) {
  const auto text_of = [&](std::string_view name) {
    return metadata::effective_config_text(*metadata::find_config_key(config_scope::broker, name), layers)
        .value_or("");
  };
  const auto when_missing = settings.configured.contains("listeners") ? missing_address::is_an_error
                                                                      : missing_address::is_passed_over;
  TIDELOG_TRY(auto listeners, metadata::parse_listeners(text_of("listeners")));
  for (auto& one : listeners) {
    settings.listeners.push_back({std::move(one.name), std::move(one.host), one.port, when_missing});
  }
  TIDELOG_TRY(auto advertised, metadata::parse_listeners(text_of("advertised.listeners")));
  for (auto& one : advertised)
    settings.advertised.push_back({std::move(one.name), std::move(one.host), one.port});
  return check_listeners(settings, layers);
}

}  // namespace

std::filesystem::path default_data_directory() {
  if (::geteuid() == 0 || ::access(system_data_directory, W_OK) == 0) return system_data_directory;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/') {
    return std::filesystem::path(data) / "tidelog";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
    return std::filesystem::path(home) / ".local/share/tidelog";
  }
  return system_data_directory;
}

base::result<daemon_settings> load_settings(const settings_source& source) {
  daemon_settings settings;
  settings.file = source.file;
  if (source.file) {
    TIDELOG_TRY(settings.configured, from_file(*source.file));
  }
  TIDELOG_TRY(auto given, from_command_line(source));
  for (auto& [name, text] : given) settings.configured.insert_or_assign(name, std::move(text));
  settings.machine_defaults = defaults_of_this_machine();
  const metadata::config_layers layers{.configuration_file = &settings.configured,
                                       .machine = &settings.machine_defaults};
  TIDELOG_DO(metadata::check_broker_configs_together(layers));
  TIDELOG_DO(take_listeners(settings, layers));
  settings.values = metadata::effective_broker_config(layers);
  if (!settings.values.metrics_listen.empty()) {
    TIDELOG_TRY(settings.metrics_address, metadata::parse_host_and_port(settings.values.metrics_listen));
  }
  settings.data_directory =
      *metadata::effective_config_text(*metadata::find_config_key(config_scope::broker, "log.dirs"), layers);
  settings.machine_defaults.insert_or_assign("log.dir", settings.data_directory.string());
  if (const auto id = settings.configured.find("node.id"); id != settings.configured.end()) {
    settings.node_id = model::broker_id(std::stoi(id->second));
  }
  return settings;
}

settings_change compare_settings(const config_map& before, const config_map& after) {
  settings_change change;
  for (const auto* key : metadata::config_keys(config_scope::broker)) {
    const auto old_value = before.find(key->name);
    const auto new_value = after.find(key->name);
    const bool was = old_value != before.end();
    const bool is = new_value != after.end();
    const bool fixed = key->update == metadata::config_update::read_only;
    if (const auto& holds = fixed ? old_value : new_value; fixed ? was : is) change.configured.insert(*holds);
    if (was == is && (!was || old_value->second == new_value->second)) continue;
    const auto shown = [&](bool set, const auto& value) -> std::string {
      if (!set) return "default";
      return key->is_sensitive() ? "(secret)" : value->second;
    };
    auto line = fmt::format("{}: {} -> {}", key->name, shown(was, old_value), shown(is, new_value));
    (fixed ? change.at_next_start : change.applied).push_back(std::move(line));
  }
  return change;
}

}  // namespace tidelog::app
