#pragma once
// The bound on the memory that requests of all connections hold together. Who finds it reached stands in a queue and
// is woken in its turn; requests that were taken are never refused for it, so it always falls again.

#include "tidelog/base/unique_function.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

namespace tidelog::network {

/// Thread safe.
class memory_budget {
 public:
  /// `limit_bytes` outlives the budget and may change; negative means no bound.
  explicit memory_budget(const std::atomic<std::int64_t>& limit_bytes) : limit_bytes_(limit_bytes) {}

  /// More (positive) or less (negative) is held from now on. Less may wake the first in the queue.
  void adjust(std::int64_t bytes);
  /// There is room, and nobody has waited longer.
  [[nodiscard]] bool admits() const { return has_room() && waiting_.load() == 0; }
  /// Queues `wake`, which is called once, on any thread, when its turn has come; it must only post. Who was woken
  /// calls wake_next() after it has taken its requests (or wants none any more).
  void wait(base::task wake);
  /// Wakes the first in the queue if there is room.
  void wake_next();
  /// Forgets who waits, without waking them.
  void clear();
  [[nodiscard]] bool has_room() const {
    const auto limit = limit_bytes_.load(std::memory_order_relaxed);
    return limit < 0 || used_bytes_.load() < limit;
  }
  [[nodiscard]] std::int64_t used_bytes() const { return used_bytes_.load(); }

 private:
  const std::atomic<std::int64_t>& limit_bytes_;
  // Sequentially consistent with each other: who frees memory sees who waits, or who waits sees the freed memory.
  std::atomic<std::int64_t> used_bytes_{0};
  std::atomic<std::size_t> waiting_{0};
  std::mutex mutex_;
  std::deque<base::task> queue_;
};

}  // namespace tidelog::network
