#include "topic_names.hpp"

#include <fmt/core.h>

#include "tidelog/base/limits.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

bool is_allowed(char symbol) {
  return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') ||
         (symbol >= '0' && symbol <= '9') || symbol == '.' || symbol == '_' || symbol == '-';
}

}  // namespace

std::optional<std::string> topic_name_fault(std::string_view name) {
  if (name.empty()) return "a topic name may not be empty";
  if (name == "." || name == "..") return fmt::format("a topic may not be called '{}'", name);
  if (name.size() > base::limits::topic_name_bytes) {
    return fmt::format("a topic name has at most {} characters, this one {}", base::limits::topic_name_bytes,
                       name.size());
  }
  const auto wrong = std::find_if_not(name.begin(), name.end(), is_allowed);
  if (wrong == name.end()) return std::nullopt;
  return fmt::format(
      "a topic name consists of letters, digits, '.', '_' and '-'; character {} is something else",
      wrong - name.begin() + 1);
}

std::string collision_key(std::string_view name) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '.', '_');
  return key;
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state" ||
         name == "__cluster_metadata";
}

}  // namespace tidelog::server
