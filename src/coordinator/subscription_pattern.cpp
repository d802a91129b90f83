#include "subscription_pattern.hpp"

#include <algorithm>
#include <re2/re2.h>

namespace tidelog::coordinator {
namespace {

constexpr std::int64_t max_pattern_memory_bytes = 1 << 20;

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_max_mem(max_pattern_memory_bytes);
  options.set_log_errors(false);
  options.set_never_capture(true);
  return options;
}

}  // namespace

std::string check_pattern(std::string_view pattern) {
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), pattern_options());
  return compiled.ok() ? std::string() : compiled.error();
}

std::vector<std::string> topics_that_match(std::string_view pattern, const topic_catalog& topics) {
  std::vector<std::string> names;
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), pattern_options());
  if (!compiled.ok()) return names;
  topics.for_each([&](const topic_summary& topic) {
    if (RE2::FullMatch(topic.name, compiled)) names.push_back(topic.name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tidelog::coordinator
