#pragma once
// What the programs say to scripts. One list; the help text comes from it.

#include "tidelog/base/result.hpp"

#include <string>

// X(enumerator, value, meaning)
// clang-format off
#define TIDELOG_EXIT_CODES(X) \
  X(done, 0, "done") \
  X(failed, 1, "the broker refused, or something failed that has no code of its own") \
  X(usage, 2, "the command line is wrong") \
  X(unreachable, 3, "no broker could be reached") \
  X(not_found, 4, "the topic, partition, group, transaction, config or file does not exist") \
  X(exists, 5, "the topic exists already") \
  X(timed_out, 6, "no answer in time") \
  X(damaged, 7, "damaged data was found (log, consume)") \
  X(repairable, 8, "what was found can be repaired without loss (log verify, log repair)") \
  X(locked, 9, "a broker uses the data directory") \
  X(interrupted, 130, "interrupted by Ctrl-C or SIGTERM")
// clang-format on

namespace tidelog::tools {

enum class exit_code : int {
#define TIDELOG_ENUMERATOR(enumerator, value, meaning) enumerator = value,
  TIDELOG_EXIT_CODES(TIDELOG_ENUMERATOR)
#undef TIDELOG_ENUMERATOR
};

[[nodiscard]] exit_code exit_code_of(const base::error& failure);
/// A table of all codes for help texts.
[[nodiscard]] std::string exit_code_help();

}  // namespace tidelog::tools
