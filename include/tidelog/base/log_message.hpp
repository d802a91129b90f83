#pragma once
// What the layers say to the operator. Where it goes (stderr, journal, a test's memory) is decided by the program.

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace tidelog::base {

enum class severity { debug, info, warning, error };

/// Receives every message at or above the level set. Called from any thread.
using message_sink = void (*)(severity, std::string_view message);

/// Until a program sets a sink, messages from warning up go to stderr. Set it before threads start.
void set_message_sink(message_sink sink, severity lowest);
/// Changes the level; at any time, from any thread.
void set_lowest_severity(severity lowest);
[[nodiscard]] bool message_wanted(severity level);
void say(severity level, std::string_view message);

template <class... Args>
void say_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (message_wanted(severity::debug)) say(severity::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void say_info(fmt::format_string<Args...> format, Args&&... args) {
  if (message_wanted(severity::info)) say(severity::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void say_warning(fmt::format_string<Args...> format, Args&&... args) {
  if (message_wanted(severity::warning))
    say(severity::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void say_error(fmt::format_string<Args...> format, Args&&... args) {
  if (message_wanted(severity::error)) say(severity::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tidelog::base
