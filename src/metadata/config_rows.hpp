#pragma once
// How the rows of the configuration table are written, and the three lists that it is put together from.

#include "tidelog/metadata/config_table.hpp"

namespace tidelog::metadata::rows {

/// A row in the making: `int32("segment.bytes", "1073741824").from(0).broker_key("log.segment.bytes").says("...")`.
class row {
 public:
  constexpr row(std::string_view name, config_type type, std::optional<std::string_view> default_value) {
    key_.name = name;
    key_.type = type;
    key_.default_value = default_value;
  }
  constexpr row& from(std::int64_t lowest) {
    key_.allowed.lowest = lowest;
    return *this;
  }
  constexpr row& to(std::int64_t highest) {
    key_.allowed.highest = highest;
    return *this;
  }
  constexpr row& or_else(std::int64_t value) {
    key_.allowed.or_else = value;
    return *this;
  }
  constexpr row& one_of(std::span<const std::string_view> words) {
    key_.allowed.words = words;
    return *this;
  }
  constexpr row& checked(std::string (*objection)(std::string_view), std::string_view rule) {
    key_.allowed.objection = objection;
    key_.allowed.rule = rule;
    return *this;
  }
  constexpr row& broker_key(std::string_view name, std::int64_t factor = 1) {
    for (auto& place : key_.broker_keys) {
      if (!place.name.empty()) continue;
      place = {name, factor};
      break;
    }
    return *this;
  }
  constexpr row& default_is(std::string_view note) {
    key_.default_note = note;
    return *this;
  }
  constexpr row& cluster_wide() {
    key_.update = config_update::cluster_wide;
    return *this;
  }
  constexpr row& stored_only() {
    key_.status = config_status::stored_only;
    return *this;
  }
  constexpr row& no_effect() {
    key_.status = config_status::no_effect;
    return *this;
  }
  constexpr row& refused(std::string_view reason) {
    key_.status = config_status::refused;
    key_.reason = reason;
    return *this;
  }
  constexpr row& no_meaning(std::string_view reason) {
    key_.status = config_status::no_meaning;
    key_.reason = reason;
    return *this;
  }
  /// Ends the row.
  [[nodiscard]] constexpr config_key says(std::string_view sentence) const {
    config_key made = key_;
    made.documentation = sentence;
    return made;
  }
  /// Ends the row of a topic key.
  [[nodiscard]] constexpr config_key topic_says(std::string_view sentence) const {
    config_key made = says(sentence);
    made.scope = config_scope::topic;
    return made;
  }
  /// Ends the row of a group key.
  [[nodiscard]] constexpr config_key group_says(std::string_view sentence) const {
    config_key made = says(sentence);
    made.scope = config_scope::group;
    return made;
  }

 private:
  config_key key_;
};

using default_text = std::optional<std::string_view>;
inline constexpr default_text none = std::nullopt;
inline constexpr std::string_view int64_max_text = "9223372036854775807";

constexpr row boolean(std::string_view name, default_text value) {
  return {name, config_type::boolean, value};
}
constexpr row string(std::string_view name, default_text value) {
  return {name, config_type::string, value};
}
constexpr row int16(std::string_view name, default_text value) {
  return {name, config_type::int16, value};
}
constexpr row int32(std::string_view name, default_text value) {
  return {name, config_type::int32, value};
}
constexpr row int64(std::string_view name, default_text value) {
  return {name, config_type::int64, value};
}
constexpr row floating(std::string_view name, default_text value) {
  return {name, config_type::floating, value};
}
constexpr row list(std::string_view name, default_text value) {
  return {name, config_type::list, value};
}
constexpr row class_name(std::string_view name, default_text value) {
  return {name, config_type::class_name, value};
}
constexpr row password(std::string_view name) {
  return {name, config_type::password, none};
}

inline constexpr std::string_view cleanup_policies[] = {"compact", "delete"};
inline constexpr std::string_view compression_types[] = {"uncompressed", "zstd", "lz4",
                                                         "snappy",       "gzip", "producer"};
inline constexpr std::string_view timestamp_types[] = {"CreateTime", "LogAppendTime"};

inline constexpr std::string_view not_preallocated =
    "Segments grow as they are written; a file laid out beforehand would make recovery read zeros.";

/// Further rules; each returns what is wrong, or nothing. Lists are checked as a whole, in canonical form.
std::string objection_to_throttled_replicas(std::string_view text);
std::string objection_to_zero(std::string_view text);
std::string objection_to_listeners(std::string_view text);
std::string objection_to_advertised_listeners(std::string_view text);
std::string objection_to_protocol_map(std::string_view text);
std::string objection_to_address_limits(std::string_view text);
std::string objection_to_optional_address(std::string_view text);
std::string objection_to_data_directory(std::string_view text);
std::string objection_to_no_assignors(std::string_view text);
std::string objection_to_migration_policy(std::string_view text);

[[nodiscard]] std::span<const config_key> topic_keys();
/// Broker keys that are defaults of topic keys.
[[nodiscard]] std::span<const config_key> topic_default_keys();
/// The other broker keys that have a meaning here.
[[nodiscard]] std::span<const config_key> broker_keys();
/// Those about consumer groups.
[[nodiscard]] std::span<const config_key> broker_keys_of_groups();
/// Those about transactions.
[[nodiscard]] std::span<const config_key> broker_keys_of_transactions();
[[nodiscard]] std::span<const config_key> group_keys();
/// Kafka's broker keys that have none, or none yet.
[[nodiscard]] std::span<const config_key> absent_broker_keys();

}  // namespace tidelog::metadata::rows
