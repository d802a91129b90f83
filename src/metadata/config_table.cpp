#include "tidelog/metadata/config_table.hpp"

#include "config_rows.hpp"

#include <algorithm>
#include <numeric>

namespace tidelog::metadata {
namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "configuration"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<config_errc>(code)) {
      case config_errc::unknown_key:
        return "unknown configuration key";
      case config_errc::invalid_value:
        return "invalid configuration value";
      case config_errc::refused:
        return "configuration not supported";
      case config_errc::not_a_list:
        return "configuration is not a list";
      case config_errc::conflicting_values:
        return "configuration values contradict each other";
    }
    return "unknown configuration error";
  }
};

using key_list = std::vector<const config_key*>;

key_list sorted(std::initializer_list<std::span<const config_key>> parts) {
  key_list keys;
  for (const auto part : parts) {
    for (const auto& key : part) keys.push_back(&key);
  }
  std::ranges::sort(keys, {}, &config_key::name);
  return keys;
}

/// Insertions, deletions and substitutions between two names.
std::size_t edits_between(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t substituted = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The topic key that takes its default from this broker key.
const config_key* topic_key_of(std::string_view broker_key) {
  for (const auto* key : config_keys(config_scope::topic)) {
    for (const auto& from : key->broker_keys) {
      if (from.name == broker_key) return key;
    }
  }
  return nullptr;
}

}  // namespace

const std::error_category& config_category() {
  static const category instance;
  return instance;
}

std::string_view config_type_name(config_type type) {
  switch (type) {
    case config_type::boolean:
      return "boolean";
    case config_type::string:
      return "string";
    case config_type::int32:
      return "int";
    case config_type::int16:
      return "short";
    case config_type::int64:
      return "long";
    case config_type::floating:
      return "double";
    case config_type::list:
      return "list";
    case config_type::class_name:
      return "class";
    case config_type::password:
      return "password";
  }
  return "unknown";
}

std::span<const config_key* const> config_keys(config_scope scope) {
  static const key_list topic = sorted({rows::topic_keys()});
  static const key_list broker =
      sorted({rows::topic_default_keys(), rows::broker_keys(), rows::broker_keys_of_groups(),
              rows::broker_keys_of_transactions(), rows::absent_broker_keys()});
  static const key_list group = sorted({rows::group_keys()});
  switch (scope) {
    case config_scope::topic:
      return topic;
    case config_scope::group:
      return group;
    case config_scope::broker:
      break;
  }
  return broker;
}

const config_key* find_config_key(config_scope scope, std::string_view name) {
  const auto keys = config_keys(scope);
  const auto found = std::ranges::lower_bound(keys, name, {}, &config_key::name);
  return found != keys.end() && (*found)->name == name ? *found : nullptr;
}

const config_key* nearest_config_key(config_scope scope, std::string_view name) {
  constexpr std::size_t longest_name = 200;
  if (name.size() > longest_name) return nullptr;
  const config_key* nearest = nullptr;
  std::size_t fewest = 2 + name.size() / 5;
  for (const auto* key : config_keys(scope)) {
    const auto edits = edits_between(name, key->name);
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = key;
  }
  return nearest;
}

std::string unknown_config_key_message(config_scope scope, std::string_view name) {
  if (scope == config_scope::broker) {
    const auto* topic_key = find_config_key(config_scope::topic, name);
    if (topic_key != nullptr && !topic_key->broker_keys[0].name.empty()) {
      return fmt::format("{} is a key of topics; its default for all of them is {}", name,
                         topic_key->broker_keys[0].name);
    }
  } else if (const auto* topic_key = topic_key_of(name);
             topic_key != nullptr && scope == config_scope::topic) {
    return fmt::format("{} is a key of the broker; the key of a topic is {}", name, topic_key->name);
  }
  const auto* nearest = nearest_config_key(scope, name);
  if (nearest == nullptr) return fmt::format("there is no key {}", name);
  return fmt::format("there is no key {}; did you mean {}?", name, nearest->name);
}

}  // namespace tidelog::metadata
