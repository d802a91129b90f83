#pragma once
// Assertions that stay on in release builds. They state what a programmer promised, never what came off the wire or
// the disk: those are operating errors and are handled.

#include <fmt/core.h>

#include <string_view>

namespace tidelog::base {

/// Prints the failed fact with its place and values to stderr and aborts.
[[noreturn]] void assertion_failed(std::string_view fact, std::string_view file, int line,
                                   std::string_view values);

}  // namespace tidelog::base

/// TIDELOG_ASSERT(end >= start, "start={} end={}", start, end);  One fact each; the values are optional.
#define TIDELOG_ASSERT(fact, ...)                                                                  \
  do {                                                                                             \
    if (!(fact)) [[unlikely]]                                                                      \
      ::tidelog::base::assertion_failed(#fact, __FILE__, __LINE__, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
