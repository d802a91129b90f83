#pragma once
// Subscriptions by pattern: what a pattern comes to among the topics.

#include "group_step.hpp"

#include <string_view>

namespace tidelog::coordinator {

/// May take long, as bounded_pattern.
[[nodiscard]] pattern_resolution resolve_pattern(std::string_view pattern, const topic_catalog& topics);

}  // namespace tidelog::coordinator
