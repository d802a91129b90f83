#include "tidelog/storage/log_directory_names.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/limits.hpp"

#include <algorithm>
#include <array>

namespace tidelog::storage {
namespace {

struct state_suffix {
  directory_state state;
  std::string_view suffix;
};
constexpr std::array<state_suffix, 3> suffixes{{
    {directory_state::being_deleted, "-delete"},
    {directory_state::stray, "-stray"},
    {directory_state::future, "-future"},
}};
constexpr std::size_t uuid_hex_digits = 32;

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::optional<model::topic_partition> parse_topic_partition(std::string_view name) {
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto topic = name.substr(0, dash);
  const auto digits = name.substr(dash + 1);
  const auto partition = parse_natural<std::int32_t>(digits);
  // 007 is not how a partition is written, so such a directory is somebody else's.
  const bool is_canonical = digits.size() == 1 || !digits.starts_with('0');
  if (!partition || !is_canonical || !is_topic_name(topic)) return std::nullopt;
  return model::topic_partition{std::string(topic), model::partition_index(*partition)};
}

}  // namespace

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= base::limits::topic_name_bytes && name != "." && name != ".." &&
         std::ranges::all_of(name, is_topic_character);
}

std::optional<parsed_directory_name> parse_directory_name(std::string_view name) {
  for (const auto& [state, suffix] : suffixes) {
    if (!name.ends_with(suffix)) continue;
    name.remove_suffix(suffix.size());
    if (name.size() <= uuid_hex_digits) return std::nullopt;
    const auto dot = name.size() - uuid_hex_digits - 1;
    if (name[dot] != '.' || !std::ranges::all_of(name.substr(dot + 1), is_hex_digit)) return std::nullopt;
    auto partition = parse_topic_partition(name.substr(0, dot));
    if (!partition) return std::nullopt;
    return parsed_directory_name{std::move(*partition), state};
  }
  auto partition = parse_topic_partition(name);
  if (!partition) return std::nullopt;
  return parsed_directory_name{std::move(*partition), directory_state::in_use};
}

std::string directory_name_out_of_use(const model::topic_partition& partition, const base::uuid& id,
                                      directory_state state) {
  const auto found = std::ranges::find(suffixes, state, &state_suffix::state);
  TIDELOG_ASSERT(found != suffixes.end());
  const auto rest = fmt::format("-{}.{}{}", partition.partition.value(), id.hex(), found->suffix);
  return partition.topic.substr(0, base::limits::file_name_bytes - rest.size()) + rest;
}

}  // namespace tidelog::storage
