#include "subscription_pattern.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <re2/re2.h>

namespace tidelog::coordinator {
namespace {

constexpr std::int64_t max_pattern_memory_bytes = 1 << 20;
/// What parsing may cost. Nothing longer compiles to few enough instructions, except for large classes of characters.
constexpr std::size_t max_pattern_bytes = 64 * 1024;
/// Matching takes as many steps for each byte of a name at worst. Two hundred long names, one after the other, have room.
constexpr int max_pattern_instructions = 4'096;

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_max_mem(max_pattern_memory_bytes);
  options.set_log_errors(false);
  options.set_never_capture(true);
  return options;
}

}  // namespace

pattern_resolution resolve_pattern(std::string_view pattern, const topic_catalog& topics) {
  pattern_resolution resolution;
  resolution.topics_version = topics.version();
  if (pattern.size() > max_pattern_bytes) {
    resolution.fault = fmt::format("it has {} bytes, and {} are allowed", pattern.size(), max_pattern_bytes);
    return resolution;
  }
  const RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), pattern_options());
  if (!compiled.ok()) {
    resolution.fault = compiled.error();
  } else if (compiled.ProgramSize() > max_pattern_instructions) {
    resolution.fault = fmt::format("it compiles to {} instructions, and {} are allowed",
                                   compiled.ProgramSize(), max_pattern_instructions);
  } else {
    topics.for_each([&](const topic_summary& topic) {
      if (RE2::FullMatch(topic.name, compiled)) resolution.topics.push_back(topic.name);
    });
    std::sort(resolution.topics.begin(), resolution.topics.end());
  }
  return resolution;
}

}  // namespace tidelog::coordinator
