#include "subscription_pattern.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <re2/re2.h>

namespace tidelog::coordinator {
namespace {

constexpr std::int64_t max_pattern_memory_bytes = 1 << 20;
/// Matching takes as many steps for each byte of a name at worst, while other groups wait. Two hundred long names, one
/// after the other, have room.
constexpr int max_pattern_instructions = 4'096;

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
  if (!compiled.ok()) return compiled.error();
  if (compiled.ProgramSize() <= max_pattern_instructions) return {};
  return fmt::format("it compiles to {} instructions, and {} are allowed", compiled.ProgramSize(),
                     max_pattern_instructions);
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
