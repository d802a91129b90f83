#include "tidelog/tools/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidelog::tools {

// Values below 128 have a bucket each. A larger one with its top bit at p falls into the row of that power, at the
// place that its seven bits below the top bit name.
std::size_t latency_histogram::bucket_of(std::uint64_t value) {
  constexpr auto longest = (std::uint64_t{1} << (largest_power + 1)) - 1;
  value = std::min(value, longest);
  if (value < sub_buckets) return static_cast<std::size_t>(value);
  const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;
  const auto shift = power - sub_bucket_bits;
  return (shift + 1) * sub_buckets + static_cast<std::size_t>((value >> shift) - sub_buckets);
}

std::uint64_t latency_histogram::top_of(std::size_t bucket) {
  if (bucket < sub_buckets) return bucket;
  const auto shift = bucket / sub_buckets - 1;
  const auto within = bucket % sub_buckets + sub_buckets;
  return ((static_cast<std::uint64_t>(within) + 1) << shift) - 1;
}

void latency_histogram::add(std::chrono::nanoseconds latency) {
  latency = std::max(latency, std::chrono::nanoseconds::zero());
  ++buckets_[bucket_of(static_cast<std::uint64_t>(latency.count()))];
  ++count_;
  sum_ += latency;
  least_ = std::min(least_, latency);
  largest_ = std::max(largest_, latency);
}

void latency_histogram::add_corrected(std::chrono::nanoseconds latency, std::chrono::nanoseconds interval) {
  add(latency);
  if (interval <= std::chrono::nanoseconds::zero()) return;
  for (auto missed = latency - interval; missed >= interval; missed -= interval) add(missed);
}

void latency_histogram::merge(const latency_histogram& other) {
  for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  least_ = std::min(least_, other.least_);
  largest_ = std::max(largest_, other.largest_);
}

std::chrono::nanoseconds latency_histogram::least() const {
  return count_ == 0 ? std::chrono::nanoseconds::zero() : least_;
}

std::chrono::nanoseconds latency_histogram::mean() const {
  if (count_ == 0) return std::chrono::nanoseconds::zero();
  return sum_ / static_cast<std::int64_t>(count_);
}

std::chrono::nanoseconds latency_histogram::at(double part) const {
  if (count_ == 0) return std::chrono::nanoseconds::zero();
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(std::clamp(part, 0.0, 1.0) * static_cast<double>(count_)));
  if (wanted <= 1) return least_;
  if (wanted >= count_) return largest_;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) {
      const std::chrono::nanoseconds top(static_cast<std::int64_t>(top_of(i)));
      return std::clamp(top, least_, largest_);
    }
  }
  return largest_;
}

}  // namespace tidelog::tools
