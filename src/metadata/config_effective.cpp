#include "tidelog/metadata/config_effective.hpp"

#include "config_values.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::metadata {
namespace {

/// What one layer has for a key, if it can be read. A value that another program kept and that means nothing here
/// counts as not set.
std::optional<std::string> value_in(const config_map* layer, const config_key& key) {
  if (layer == nullptr) return std::nullopt;
  const auto found = layer->find(key.name);
  if (found == layer->end()) return std::nullopt;
  auto canonical = canonical_config_value(key, found->second);
  if (!canonical) return std::nullopt;
  return std::move(*canonical);
}

/// A value of a broker key in the units of the topic key that takes it as its default.
std::string in_units_of_topic(const std::string& text, std::int64_t factor) {
  if (factor == 1) return text;
  const auto value = read_whole(text).value_or(0);
  if (value < 0) return "-1";
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return std::to_string(value > most / factor ? most : value * factor);
}

struct found_value {
  std::string_view name;
  /// As it was set, and in the units of the key asked about.
  std::string text;
  std::string converted;
  config_source source;
};

/// The values set for a broker key, nearest first. Read-only keys take nothing from the layers that AlterConfigs
/// writes: a directory that another program kept may hold some.
void collect_broker_values(const config_key& key, const config_layers& layers, std::int64_t factor,
                           std::vector<found_value>& into) {
  struct level {
    const config_map* layer;
    config_source source;
  };
  const bool fixed = key.update == config_update::read_only;
  const level levels[] = {{fixed ? nullptr : layers.broker, config_source::broker},
                          {fixed ? nullptr : layers.cluster_wide, config_source::cluster_wide},
                          {layers.configuration_file, config_source::configuration_file}};
  for (const auto& [layer, source] : levels) {
    auto text = value_in(layer, key);
    if (!text) continue;
    auto converted = in_units_of_topic(*text, factor);
    into.push_back({key.name, std::move(*text), std::move(converted), source});
  }
}

std::optional<std::string> default_of(const config_key& key, const config_layers& layers) {
  if (key.scope == config_scope::broker) {
    if (auto own = value_in(layers.machine, key)) return own;
  }
  if (!key.default_value) return std::nullopt;
  return std::string(*key.default_value);
}

/// Everything that bears on a key, nearest first, the default last.
std::vector<found_value> collect(const config_key& key, const config_layers& layers) {
  std::vector<found_value> found;
  if (key.scope == config_scope::broker) {
    collect_broker_values(key, layers, 1, found);
    if (auto text = default_of(key, layers))
      found.push_back({key.name, *text, *text, config_source::table_default});
    return found;
  }
  const bool is_topic = key.scope == config_scope::topic;
  if (auto text = value_in(is_topic ? layers.topic : layers.group, key)) {
    found.push_back({key.name, *text, *text, is_topic ? config_source::topic : config_source::group});
  }
  for (const auto& [name, factor] : key.broker_keys) {
    if (name.empty()) break;
    collect_broker_values(*find_config_key(config_scope::broker, name), layers, factor, found);
  }
  // As Kafka answers it: only the nearest of the broker's keys is named with its default, if it has one.
  if (const auto name = key.broker_keys[0].name; !name.empty()) {
    if (auto text = default_of(*find_config_key(config_scope::broker, name), layers)) {
      found.push_back({name, *text, *text, config_source::table_default});
    }
  } else if (!is_topic && key.default_value) {
    const std::string text(*key.default_value);
    found.push_back({key.name, text, text, config_source::table_default});
  }
  return found;
}

std::int64_t whole_value(std::string_view name, config_scope scope, const config_layers& layers) {
  return read_whole(effective_config_text(*find_config_key(scope, name), layers).value_or("")).value_or(0);
}

/// The values of one thing that a group can set for itself, by the ends of the broker's keys.
constexpr std::string_view bounded_by_broker[] = {"assignment.interval.ms", "heartbeat.interval.ms",
                                                  "session.timeout.ms"};

struct bounds {
  std::int64_t lowest;
  std::int64_t highest;
};

bounds bounds_of_groups(std::string_view name, const config_layers& layers) {
  return {whole_value(fmt::format("group.consumer.min.{}", name), config_scope::broker, layers),
          whole_value(fmt::format("group.consumer.max.{}", name), config_scope::broker, layers)};
}

/// `prefix` names the keys of the group ("consumer.") or of the broker's defaults ("group.consumer.").
base::status check_consumer_groups(std::string_view prefix, config_scope scope, const config_layers& layers) {
  for (const auto name : bounded_by_broker) {
    const auto value = whole_value(fmt::format("{}{}", prefix, name), scope, layers);
    const auto [lowest, highest] = bounds_of_groups(name, layers);
    if (value < lowest || value > highest) {
      return base::fail(
          config_errc::conflicting_values,
          "{0}{1} ({2}) is not from group.consumer.min.{1} ({3}) to group.consumer.max.{1} ({4})", prefix,
          name, value, lowest, highest);
    }
  }
  const auto interval = whole_value(fmt::format("{}heartbeat.interval.ms", prefix), scope, layers);
  const auto timeout = whole_value(fmt::format("{}session.timeout.ms", prefix), scope, layers);
  if (interval >= timeout) {
    return base::fail(config_errc::conflicting_values,
                      "{0}heartbeat.interval.ms ({1}) must be less than {0}session.timeout.ms ({2})", prefix,
                      interval, timeout);
  }
  return {};
}

base::status check_group_defaults(const config_layers& layers) {
  const auto least = whole_value("group.min.session.timeout.ms", config_scope::broker, layers);
  const auto most = whole_value("group.max.session.timeout.ms", config_scope::broker, layers);
  if (least > most) {
    return base::fail(
        config_errc::conflicting_values,
        "group.min.session.timeout.ms ({}) may not be greater than group.max.session.timeout.ms ({})", least,
        most);
  }
  return check_consumer_groups("group.consumer.", config_scope::broker, layers);
}

}  // namespace

config_entry describe_config(const config_key& key, const config_layers& layers) {
  config_entry entry;
  entry.key = &key;
  auto found = collect(key, layers);
  if (!found.empty()) {
    entry.value = found.front().converted;
    entry.source = found.front().source;
  } else if (key.default_value) {
    entry.value = std::string(*key.default_value);
  }
  for (auto& one : found) entry.synonyms.push_back({one.name, std::move(one.text), one.source});
  if (key.is_sensitive()) {
    entry.value.reset();
    for (auto& synonym : entry.synonyms) synonym.value.reset();
  }
  return entry;
}

std::optional<std::string> effective_config_text(const config_key& key, const config_layers& layers) {
  auto found = collect(key, layers);
  if (!found.empty()) return std::move(found.front().converted);
  if (!key.default_value) return std::nullopt;
  return std::string(*key.default_value);
}

base::status check_topic_configs_together(const config_layers& layers) {
  const auto least = whole_value("min.compaction.lag.ms", config_scope::topic, layers);
  const auto most = whole_value("max.compaction.lag.ms", config_scope::topic, layers);
  if (least > most) {
    return base::fail(config_errc::conflicting_values,
                      "min.compaction.lag.ms ({}) may not be greater than max.compaction.lag.ms ({})", least,
                      most);
  }
  return {};
}

base::status check_broker_configs_together(const config_layers& layers) {
  constexpr auto broker = config_scope::broker;
  const auto least = whole_value("log.cleaner.min.compaction.lag.ms", broker, layers);
  const auto most = whole_value("log.cleaner.max.compaction.lag.ms", broker, layers);
  if (least > most) {
    return base::fail(config_errc::conflicting_values,
                      "log.cleaner.min.compaction.lag.ms ({}) may not be greater than "
                      "log.cleaner.max.compaction.lag.ms ({})",
                      least, most);
  }
  const auto request = whole_value("socket.request.max.bytes", broker, layers);
  const auto together = whole_value("queued.max.request.bytes", broker, layers);
  if (together >= 0 && together < request) {
    return base::fail(config_errc::conflicting_values,
                      "queued.max.request.bytes ({}) must hold a request of socket.request.max.bytes ({})",
                      together, request);
  }
  return check_group_defaults(layers);
}

base::status check_group_configs_together(const config_layers& layers) {
  return check_consumer_groups("consumer.", config_scope::group, layers);
}

base::result<config_map> validate_topic_configs(const config_map& given, config_layers layers) {
  config_map valid;
  for (const auto& [name, text] : given) {
    const auto* key = find_config_key(config_scope::topic, name);
    if (key == nullptr) {
      return base::fail(config_errc::unknown_key, "{}",
                        unknown_config_key_message(config_scope::topic, name));
    }
    TIDELOG_TRY(auto canonical, parse_config_value(*key, text));
    valid.emplace(name, std::move(canonical));
  }
  layers.topic = &valid;
  TIDELOG_DO(check_topic_configs_together(layers));
  return valid;
}

std::vector<const config_key*> stored_only_configs(config_scope scope, const config_map& set) {
  std::vector<const config_key*> found;
  for (const auto& [name, text] : set) {
    const auto* key = find_config_key(scope, name);
    if (key == nullptr) continue;
    if (key->status == config_status::stored_only) found.push_back(key);
  }
  return found;
}

}  // namespace tidelog::metadata
