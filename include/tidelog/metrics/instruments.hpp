#pragma once
// Counters, gauges and histograms. Recording is wait free and touches only cache lines of the recording thread's own
// shard; reading sums the shards, so a reading beside writers is a value of some moment during it.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tidelog::metrics {

/// Shards per instrument that is written often. More threads than that share shards: still right, a little slower.
inline constexpr std::size_t shard_count = 8;
/// What two threads must not write to side by side.
inline constexpr std::size_t cache_line_bytes = 64;

/// The shard of the calling thread, given out in turn when a thread first records.
[[nodiscard]] std::size_t this_threads_shard();

/// Only rises. Takes 512 bytes: one that exists per partition had better be a callback (see registry). Thread safe.
class counter {
 public:
  counter() = default;
  counter(const counter&) = delete;
  counter& operator=(const counter&) = delete;

  void add(std::uint64_t amount = 1) {
    shards_[this_threads_shard()].value.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const;

 private:
  struct alignas(cache_line_bytes) shard {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<shard, shard_count> shards_;
};

/// Rises and falls. What is added on one thread may be taken off on another. Thread safe.
class gauge {
 public:
  gauge() = default;
  gauge(const gauge&) = delete;
  gauge& operator=(const gauge&) = delete;

  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// A histogram's reading. `counts` has one element more than `bounds`: what lies above the last bound.
struct histogram_reading {
  std::vector<std::uint64_t> counts;
  std::uint64_t sum = 0;

  [[nodiscard]] std::uint64_t count() const;
};

/// Counts values by the bucket they fall into: bucket i holds values up to and including bounds[i]. Values are whole
/// numbers in a unit that the owner chooses (microseconds, bytes). Thread safe.
class histogram {
 public:
  /// `bounds` rise strictly and are not empty.
  explicit histogram(std::vector<std::uint64_t> bounds);
  histogram(const histogram&) = delete;
  histogram& operator=(const histogram&) = delete;

  void record(std::uint64_t value);
  [[nodiscard]] std::span<const std::uint64_t> bounds() const { return bounds_; }
  [[nodiscard]] histogram_reading read() const;

 private:
  struct alignas(cache_line_bytes) line {
    std::array<std::atomic<std::uint64_t>, cache_line_bytes / sizeof(std::uint64_t)> cells{};
  };
  /// Cells of one shard: a count for each bucket, one for what is above them, and the sum of the values.
  [[nodiscard]] std::atomic<std::uint64_t>& cell(std::size_t shard, std::size_t index) const;

  std::vector<std::uint64_t> bounds_;
  std::size_t lines_per_shard_;
  std::unique_ptr<line[]> lines_;
};

/// Bounds that grow by `factor` from `first` until `last` is reached or passed, each at least one above the one before.
[[nodiscard]] std::vector<std::uint64_t> exponential_bounds(std::uint64_t first, std::uint64_t last,
                                                            double factor);

}  // namespace tidelog::metrics
