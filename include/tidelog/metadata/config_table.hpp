#pragma once
// Every configuration key there is, described once. The configuration file, --check-config, DescribeConfigs,
// the validation of changes, the reference page and the annotated default file all come from this table.
//
// Names, types and ranges are Kafka's, so that its tools and clients find what they ask for. A topic key that
// has no value on the topic takes the broker's: `broker_keys` names where from.

#include "tidelog/base/result.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::metadata {

/// Kafka's numbers, as DescribeConfigs answers them.
enum class config_type : std::int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  floating = 6,
  list = 7,
  class_name = 8,
  password = 9,
};
[[nodiscard]] std::string_view config_type_name(config_type type);

/// What carries the key. The same name may be a topic's and the broker's key (compression.type). Keys of topics and of
/// consumer groups take what has not been set on them from keys of the broker.
enum class config_scope : std::uint8_t { topic, broker, group };

/// When a change takes hold. Topic and group keys can always be changed. A broker key that is not read only can be
/// changed by AlterConfigs, for one broker or (cluster_wide) also for all of them, and by reloading the
/// configuration file.
enum class config_update : std::uint8_t { read_only, per_broker, cluster_wide };

enum class config_status : std::uint8_t {
  /// Does what it says.
  works,
  /// Kept and answered, for a feature that this version does not have yet; its documentation says so.
  stored_only,
  /// Kept and answered, and true of a single node whatever its value is.
  no_effect,
  /// Only its default is taken; `reason` says why.
  refused,
  /// A Kafka key about something that a single node does not have. Answered with Kafka's default; only that
  /// default
  /// is taken; `reason` says why.
  no_meaning,
};

/// What a value may be, beyond its type. `words` are for strings and for the elements of lists.
struct allowed_values {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  /// One value outside the range that is allowed too.
  std::optional<std::int64_t> or_else{};
  std::span<const std::string_view> words{};
  /// Says what is wrong with a value of the right type and range, or nothing. Null: no further rule.
  std::string (*objection)(std::string_view text) = nullptr;
  /// How `objection` is worded as a rule, for documentation.
  std::string_view rule{};
};

/// A broker key from which a topic or group key takes its default, and how many of that key's units one of its units
/// is.
struct broker_key_of_topic {
  std::string_view name;
  std::int64_t factor = 1;
};

struct config_key {
  std::string_view name;
  config_scope scope = config_scope::broker;
  config_type type = config_type::string;
  /// Absent where Kafka answers null, or where the default depends on the machine (`default_note` says how).
  std::optional<std::string_view> default_value{};
  std::string_view default_note{};
  allowed_values allowed{};
  config_update update = config_update::read_only;
  config_status status = config_status::works;
  /// Nearest first: the first one that is set wins. Unused places have no name.
  std::array<broker_key_of_topic, 3> broker_keys{};
  /// One sentence, in English, with its period.
  std::string_view documentation{};
  /// Why other values are not taken; for `refused` and `no_meaning`.
  std::string_view reason{};

  [[nodiscard]] bool is_sensitive() const { return type == config_type::password; }
  [[nodiscard]] bool is_list() const { return type == config_type::list; }
};

enum class config_errc { unknown_key = 1, invalid_value, refused, not_a_list, conflicting_values };
[[nodiscard]] const std::error_category& config_category();
[[nodiscard]] inline std::error_code make_error_code(config_errc code) {
  return {static_cast<int>(code), config_category()};
}

/// All keys of a scope in the order of their names. Lives for ever; any thread.
[[nodiscard]] std::span<const config_key* const> config_keys(config_scope scope);
/// Null when there is no such key.
[[nodiscard]] const config_key* find_config_key(config_scope scope, std::string_view name);
/// The key whose name takes the fewest edits to reach, when they are few enough to be a slip.
[[nodiscard]] const config_key* nearest_config_key(config_scope scope, std::string_view name);
/// "there is no key X; did you mean Y?", for people.
[[nodiscard]] std::string unknown_config_key_message(config_scope scope, std::string_view name);

/// "a whole number of at least 1", "one of gzip, zstd", ...: what the key takes, for messages and
/// documentation.
[[nodiscard]] std::string allowed_values_text(const config_key& key);

/// Checks a value against everything the table says and returns it in the one form it is kept and answered in
/// ("0077" is "77", " A , B" is "A,B"). Errors: invalid_value, refused; the context says what was wrong and
/// what is allowed, and is a full message by itself. A secret's value is never repeated in it.
[[nodiscard]] base::result<std::string> parse_config_value(const config_key& key, std::string_view text);

/// The elements of a list's canonical text; none for the empty text.
[[nodiscard]] std::vector<std::string> split_config_list(std::string_view text);
/// The list with the elements of `change` that it does not hold yet, or without those of `change`. `current`
/// is the effective value. Errors: not_a_list, and those of parse_config_value.
[[nodiscard]] base::result<std::string> append_to_config_list(const config_key& key, std::string_view current,
                                                              std::string_view change);
[[nodiscard]] base::result<std::string> subtract_from_config_list(const config_key& key,
                                                                  std::string_view current,
                                                                  std::string_view change);

}  // namespace tidelog::metadata

template <>
struct std::is_error_code_enum<tidelog::metadata::config_errc> : std::true_type {};
