#pragma once
// What small_mutex is to std::mutex, for std::shared_mutex: four bytes where glibc has fifty-six.

#include "tidelog/base/futex.hpp"

#include <atomic>
#include <cstdint>

namespace tidelog::base {

/// To be used as std::shared_mutex, with shared_lock and unique_lock. Whoever wants it shared waits only while somebody has
/// it alone, never for one who waits for that: those who share it may ask for it again, and who wants it alone waits for as
/// long as others take turns. Not recursive for who has it alone.
class small_shared_mutex {
 public:
  small_shared_mutex() = default;
  small_shared_mutex(const small_shared_mutex&) = delete;
  small_shared_mutex& operator=(const small_shared_mutex&) = delete;

  void lock_shared() {
    auto seen = state_.load(std::memory_order_relaxed);
    while (true) {
      if ((seen & alone) != 0) {
        seen = wait(seen);
      } else if (state_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void unlock_shared() {
    const auto left = state_.fetch_sub(1, std::memory_order_release) - 1;
    if (left == somebody_waits) wake_all();
  }

  void lock() {
    auto seen = state_.load(std::memory_order_relaxed);
    while (true) {
      if ((seen & ~somebody_waits) != 0) {
        seen = wait(seen);
      } else if (state_.compare_exchange_weak(seen, seen | alone, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void unlock() {
    if ((state_.exchange(0, std::memory_order_release) & somebody_waits) != 0) futex_wake_all(state_);
  }

 private:
  static constexpr std::uint32_t alone = 1U << 31U;
  static constexpr std::uint32_t somebody_waits = 1U << 30U;
  // The other bits count those who share it.

  /// Sleeps unless the state has changed; returns what it is then.
  std::uint32_t wait(std::uint32_t seen) {
    if ((seen & somebody_waits) == 0 &&
        !state_.compare_exchange_strong(seen, seen | somebody_waits, std::memory_order_relaxed)) {
      return seen;
    }
    futex_wait(state_, seen | somebody_waits);
    return state_.load(std::memory_order_relaxed);
  }
  /// Nobody has it any more. Where somebody has got it since, or said again that it is wanted, they wake those who wait.
  void wake_all() {
    auto seen = somebody_waits;
    if (state_.compare_exchange_strong(seen, 0, std::memory_order_relaxed)) futex_wake_all(state_);
  }

  std::atomic<std::uint32_t> state_{0};
};

}  // namespace tidelog::base
