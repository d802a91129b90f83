#pragma once
// Time comes from here, so that tests can hold it still.

#include <chrono>
#include <cstdint>

namespace tidelog::base {

/// Milliseconds since the epoch (wall clock), as record timestamps count them.
using unix_ms = std::int64_t;

class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock() = default;
  /// Thread safe.
  [[nodiscard]] virtual unix_ms now_ms() const = 0;
  /// A clock that never goes back; for durations and deadlines. Thread safe.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady_now() const = 0;
};

/// The machine's clocks; lives for ever.
[[nodiscard]] const clock& system_clock();

}  // namespace tidelog::base
