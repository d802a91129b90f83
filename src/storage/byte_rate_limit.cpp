#include "tidelog/storage/byte_rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace tidelog::storage {

void byte_rate_limit::set_rate(double bytes_per_second) {
  const std::lock_guard guard(mutex_);
  bytes_per_second_ = bytes_per_second;
}

std::chrono::nanoseconds byte_rate_limit::charge(std::uint64_t bytes) {
  using std::chrono::nanoseconds;
  constexpr double longest_seconds = 3600;
  const std::lock_guard guard(mutex_);
  if (!(bytes_per_second_ > 0) || std::isinf(bytes_per_second_)) return nanoseconds(0);
  const auto now = clock_.steady_now();
  const double seconds = std::min(static_cast<double>(bytes) / bytes_per_second_, longest_seconds);
  const auto begin = paid_until_ ? std::max(*paid_until_, now) : now;
  paid_until_ = begin + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                            std::chrono::duration<double>(seconds));
  return std::chrono::duration_cast<nanoseconds>(*paid_until_ - now);
}

}  // namespace tidelog::storage
