#pragma once
// Subscriptions by pattern: RE2, which matches in time linear in the name, whatever the pattern. Patterns come from
// clients, so the memory that one may take is bounded, and what one step of matching may cost; a pattern that would need
// more is invalid.

#include "group_step.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tidelog::coordinator {

/// Empty, or why the pattern is refused.
[[nodiscard]] std::string check_pattern(std::string_view pattern);
/// The topics whose whole name matches, internal ones too; ascending. None for a pattern that is invalid.
[[nodiscard]] std::vector<std::string> topics_that_match(std::string_view pattern,
                                                         const topic_catalog& topics);

}  // namespace tidelog::coordinator
