#include "tidelog/metrics/instruments.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace tidelog::metrics {

std::size_t this_threads_shard() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % shard_count;
  return mine;
}

std::uint64_t counter::value() const {
  std::uint64_t total = 0;
  for (const auto& each : shards_) total += each.value.load(std::memory_order_relaxed);
  return total;
}

std::uint64_t histogram_reading::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

histogram::histogram(std::vector<std::uint64_t> bounds) : bounds_(std::move(bounds)) {
  TIDELOG_ASSERT(!bounds_.empty());
  const auto not_rising = std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>());
  TIDELOG_ASSERT(not_rising == bounds_.end(), "bound={}", *not_rising);
  constexpr std::size_t cells_per_line = cache_line_bytes / sizeof(std::uint64_t);
  const std::size_t cells = bounds_.size() + 2;
  lines_per_shard_ = (cells + cells_per_line - 1) / cells_per_line;
  lines_ = std::make_unique<line[]>(lines_per_shard_ * shard_count);
}

std::atomic<std::uint64_t>& histogram::cell(std::size_t shard, std::size_t index) const {
  auto& holder = lines_[shard * lines_per_shard_ + index / line{}.cells.size()];
  return holder.cells[index % holder.cells.size()];
}

void histogram::record(std::uint64_t value) {
  const std::size_t shard = this_threads_shard();
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  cell(shard, static_cast<std::size_t>(bucket)).fetch_add(1, std::memory_order_relaxed);
  cell(shard, bounds_.size() + 1).fetch_add(value, std::memory_order_relaxed);
}

histogram_reading histogram::read() const {
  histogram_reading reading;
  reading.counts.resize(bounds_.size() + 1);
  for (std::size_t shard = 0; shard < shard_count; ++shard) {
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
      reading.counts[i] += cell(shard, i).load(std::memory_order_relaxed);
    }
    reading.sum += cell(shard, bounds_.size() + 1).load(std::memory_order_relaxed);
  }
  return reading;
}

std::vector<std::uint64_t> exponential_bounds(std::uint64_t first, std::uint64_t last, double factor) {
  TIDELOG_ASSERT(first > 0);
  TIDELOG_ASSERT(factor > 1.0, "factor={}", factor);
  std::vector<std::uint64_t> bounds{first};
  while (bounds.back() < last) {
    const auto grown = std::llround(static_cast<double>(bounds.back()) * factor);
    bounds.push_back(std::max(static_cast<std::uint64_t>(grown), bounds.back() + 1));
  }
  return bounds;
}

}  // namespace tidelog::metrics
