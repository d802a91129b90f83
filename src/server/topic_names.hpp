#pragma once
// What a topic may be called, and which topics are the broker's own.

#include <optional>
#include <string>
#include <string_view>

namespace tidelog::server {

/// What is wrong with the name, for people; nothing when it is fine. Kafka's rules: 1 to 249 of a-z A-Z 0-9 . _ -, and
/// neither "." nor "..".
[[nodiscard]] std::optional<std::string> topic_name_fault(std::string_view name);
/// With dots for underscores: names that only differ there would collide in metric names, and are refused.
[[nodiscard]] std::string collision_key(std::string_view name);
/// Written by coordinators only.
[[nodiscard]] bool is_internal_topic(std::string_view name);

}  // namespace tidelog::server
