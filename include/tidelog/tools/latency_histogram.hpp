#pragma once
// Latencies counted in buckets that are never wider than a hundredth of what they hold, from a nanosecond up.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidelog::tools {

/// Each power of two is divided into 128 buckets. Not thread safe: one for each thread, merged at the end.
class latency_histogram {
 public:
  void add(std::chrono::nanoseconds latency);
  /// For closed loops with a known pace: a request that took longer than `interval` stands also for those that
  /// would have been sent while it blocked, each waiting one interval less.
  void add_corrected(std::chrono::nanoseconds latency, std::chrono::nanoseconds interval);
  void merge(const latency_histogram& other);
  void clear() { *this = {}; }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::chrono::nanoseconds least() const;
  [[nodiscard]] std::chrono::nanoseconds largest() const { return largest_; }
  [[nodiscard]] std::chrono::nanoseconds mean() const;
  /// The smallest recorded value that `part` (0 to 1) of all do not exceed; zero when there are none. Exact at both ends,
  /// otherwise the top of the bucket.
  [[nodiscard]] std::chrono::nanoseconds at(double part) const;

 private:
  static constexpr unsigned sub_bucket_bits = 7;
  static constexpr std::size_t sub_buckets = std::size_t{1} << sub_bucket_bits;
  static constexpr unsigned largest_power = 40;  // 2^40 ns is 18 minutes; what is longer counts as that.
  static constexpr std::size_t bucket_count = (largest_power - sub_bucket_bits + 2) * sub_buckets;
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value);
  [[nodiscard]] static std::uint64_t top_of(std::size_t bucket);

  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds sum_{};
  std::chrono::nanoseconds least_ = std::chrono::nanoseconds::max();
  std::chrono::nanoseconds largest_{};
};

}  // namespace tidelog::tools
