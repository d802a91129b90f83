#include "subscription_pattern.hpp"

#include "bounded_pattern.hpp"

#include <algorithm>

namespace tidelog::coordinator {

pattern_resolution resolve_pattern(std::string_view pattern, const topic_catalog& topics) {
  pattern_resolution resolution;
  resolution.topics_version = topics.version();
  const bounded_pattern compiled(pattern);
  resolution.fault = compiled.fault();
  if (!resolution.fault.empty()) return resolution;
  topics.for_each([&](const topic_summary& topic) {
    if (compiled.matches(topic.name)) resolution.topics.push_back(topic.name);
  });
  std::sort(resolution.topics.begin(), resolution.topics.end());
  return resolution;
}

}  // namespace tidelog::coordinator
