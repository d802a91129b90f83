#include "bounded_pattern.hpp"

#include <fmt/core.h>

#include <cstdint>
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

bounded_pattern::bounded_pattern(std::string_view pattern) {
  if (pattern.size() > max_pattern_bytes) {
    fault_ = fmt::format("it has {} bytes, and {} are allowed", pattern.size(), max_pattern_bytes);
    return;
  }
  compiled_ = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), pattern_options());
  if (!compiled_->ok()) {
    fault_ = compiled_->error();
  } else if (compiled_->ProgramSize() > max_pattern_instructions) {
    fault_ = fmt::format("it compiles to {} instructions, and {} are allowed", compiled_->ProgramSize(),
                         max_pattern_instructions);
  }
}

bounded_pattern::~bounded_pattern() = default;

bool bounded_pattern::matches(const std::string& name) const {
  return RE2::FullMatch(name, *compiled_);
}

}  // namespace tidelog::coordinator
