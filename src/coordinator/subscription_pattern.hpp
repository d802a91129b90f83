#pragma once
// Subscriptions by pattern: RE2, which matches in time linear in the name, whatever the pattern. Patterns come from
// clients, so the memory that one may take is bounded, and what one step of matching may cost; a pattern that would need
// more is invalid.

#include "group_step.hpp"

#include <string_view>

namespace tidelog::coordinator {

/// May take long: whoever calls it holds no lock that others wait for.
[[nodiscard]] pattern_resolution resolve_pattern(std::string_view pattern, const topic_catalog& topics);

}  // namespace tidelog::coordinator
