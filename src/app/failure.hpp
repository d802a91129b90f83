#pragma once
// How the daemon ends when it cannot go on: an exit code for programs, and one line for people that says what, why and
// what to do. The codes are listed in docs/operations.md.

#include "tidelog/app/broker.hpp"
#include "tidelog/base/result.hpp"

#include <string>

namespace tidelog::app {

enum class exit_code : int {
  well = 0,
  internal = 1,
  bad_usage = 2,
  bad_configuration = 3,
  cannot_listen = 4,
  directory_locked = 5,
  directory_not_writable = 6,
  unknown_format_version = 7,
  directory_unusable = 8,
};

struct failure {
  exit_code code = exit_code::internal;
  /// One line without its newline.
  std::string line;
};

[[nodiscard]] failure describe_configuration_failure(const base::error& problem);
[[nodiscard]] failure describe_start_failure(start_stage stage, const base::error& problem,
                                             const daemon_settings& settings);

}  // namespace tidelog::app
