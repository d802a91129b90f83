#pragma once
// The options of tidelogd.

#include "failure.hpp"

#include "tidelog/app/settings.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidelog::app {

enum class daemon_action : std::uint8_t { run, check_config, print_config };

struct command_line {
  settings_source source;
  daemon_action action = daemon_action::run;
  /// When the options ask for nothing but a text (--help, --version) or are wrong: the text and how to exit.
  std::optional<exit_code> exit;
  std::string text;
};

/// `arguments` as main() gets them; `version` is for --version.
[[nodiscard]] command_line parse_command_line(std::span<const char* const> arguments,
                                              std::string_view version);

}  // namespace tidelog::app
