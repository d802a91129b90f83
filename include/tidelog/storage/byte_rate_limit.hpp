#pragma once
// A bound on what work in the background may read and write.

#include "tidelog/base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace tidelog::storage {

/// Spreads bytes over time: no more than so many a second, without saving up for later. Thread safe.
class byte_rate_limit {
 public:
  explicit byte_rate_limit(const base::clock& clock) : clock_(clock) {}

  /// 0 and less stop nothing, as does infinity.
  void set_rate(double bytes_per_second);
  /// Takes note of the bytes and returns how long to wait until they and all before them have had their time.
  [[nodiscard]] std::chrono::nanoseconds charge(std::uint64_t bytes);

 private:
  const base::clock& clock_;
  std::mutex mutex_;
  double bytes_per_second_ = 0;
  std::optional<std::chrono::steady_clock::time_point> paid_until_;
};

}  // namespace tidelog::storage
