#pragma once
// A clock that stands still until the test moves it.

#include "tidelog/base/clock.hpp"

#include <atomic>

namespace tidelog::test {

/// Thread safe. Wall clock and steady clock are moved together by advance(); the wall clock can also be set by itself,
/// backwards too, as an operator or NTP may do.
class manual_clock final : public base::clock {
 public:
  explicit manual_clock(base::unix_ms now = 1'700'000'000'000) : now_ms_(now) {}

  [[nodiscard]] base::unix_ms now_ms() const override { return now_ms_.load(); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(steady_ms_.load()));
  }
  void advance(std::chrono::milliseconds by) {
    now_ms_ += by.count();
    steady_ms_ += by.count();
  }
  void set_wall_clock(base::unix_ms now) { now_ms_ = now; }

 private:
  std::atomic<base::unix_ms> now_ms_;
  std::atomic<std::int64_t> steady_ms_{1'000'000};
};

}  // namespace tidelog::test
