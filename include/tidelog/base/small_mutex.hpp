#pragma once
// A mutex of four bytes for what there are tens of thousands of. std::mutex has forty with glibc, and a log with its
// segment has more than a dozen of them: in ten thousand partitions that nobody uses, most of the memory would be unheld
// locks.

#include "tidelog/base/futex.hpp"

#include <atomic>

namespace tidelog::base {

/// To be used as std::mutex: with lock_guard, scoped_lock and unique_lock, not with condition variables. Not recursive.
/// Who finds it taken looks again for some thousand cycles before sleeping in the kernel: with sections of microseconds,
/// which several threads want all the time, that is much cheaper than two switches of a task.
class small_mutex {
 public:
  small_mutex() = default;
  small_mutex(const small_mutex&) = delete;
  small_mutex& operator=(const small_mutex&) = delete;

  void lock() {
    for (int looked = 0; looked < most_looks; ++looked) {
      if (state_.load(std::memory_order_relaxed) == free && try_lock()) return;
      let_others_run();
    }
    // From here on somebody may be asleep, so whoever unlocks has to wake one. Who is woken cannot know whether others
    // still sleep, and takes the mutex in the same state.
    while (state_.exchange(held_with_waiters, std::memory_order_acquire) != free) sleep();
  }
  [[nodiscard]] bool try_lock() {
    int expected = free;
    return state_.compare_exchange_strong(expected, held, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() {
    if (state_.exchange(free, std::memory_order_release) == held_with_waiters) wake_one();
  }

 private:
  static constexpr int free = 0;
  static constexpr int held = 1;
  static constexpr int held_with_waiters = 2;
  static constexpr int most_looks = 100;

  /// Of the same core, and without asking for the memory in vain.
  static void let_others_run() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  // Not std::atomic::wait(), which offers the processor to others before it sleeps: where they want it, appends to one
  // partition by several threads took a quarter longer.
  void sleep() {
    futex_wait(state_, held_with_waiters);
  }
  void wake_one() {
    futex_wake_one(state_);
  }

  std::atomic<int> state_{free};
};
static_assert(sizeof(small_mutex) == 4);

}  // namespace tidelog::base
