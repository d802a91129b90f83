#pragma once
// A mutex of four bytes for what there are tens of thousands of. std::mutex has forty with glibc, and a log with its
// segment has more than a dozen of them: in ten thousand partitions that nobody uses, most of the memory would be unheld
// locks. Where several threads want the same one all the time, adaptive_mutex is the better.

#include <atomic>

namespace tidelog::base {

/// To be used as std::mutex: with lock_guard, scoped_lock and unique_lock, not with condition variables. Not recursive.
/// Who has to wait sleeps in the kernel.
class small_mutex {
 public:
  small_mutex() = default;
  small_mutex(const small_mutex&) = delete;
  small_mutex& operator=(const small_mutex&) = delete;

  void lock() {
    if (try_lock()) return;
    // From here on somebody may be asleep, so whoever unlocks has to wake one. Who is woken cannot know whether others
    // still sleep, and takes the mutex in the same state.
    while (state_.exchange(held_with_waiters, std::memory_order_acquire) != free)
      state_.wait(held_with_waiters, std::memory_order_relaxed);
  }
  [[nodiscard]] bool try_lock() {
    int expected = free;
    return state_.compare_exchange_strong(expected, held, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() {
    if (state_.exchange(free, std::memory_order_release) == held_with_waiters) state_.notify_one();
  }

 private:
  static constexpr int free = 0;
  static constexpr int held = 1;
  static constexpr int held_with_waiters = 2;

  std::atomic<int> state_{free};
};
static_assert(sizeof(small_mutex) == 4);

}  // namespace tidelog::base
