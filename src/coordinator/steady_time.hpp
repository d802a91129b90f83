#pragma once
// The coordinators' time for deadlines and timeouts.

#include "tidelog/base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace tidelog::coordinator {

/// A clock that never goes back, in milliseconds from anywhere.
using steady_ms = std::int64_t;
inline constexpr steady_ms no_deadline = std::numeric_limits<steady_ms>::max();

[[nodiscard]] inline steady_ms steady_now_ms(const base::clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady_now().time_since_epoch()).count();
}

}  // namespace tidelog::coordinator
