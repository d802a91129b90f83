#pragma once
// A fetch that waits for data. It hangs on each partition it asked for and is woken by what is appended there, without
// anybody looking through waiting fetches: an append touches those of its own partition only.

#include "tidelog/base/unique_function.hpp"

#include <atomic>
#include <cstdint>

namespace tidelog::partition {

/// Fires once: when the bytes that became readable in its partitions reach what it waits for, when a partition has
/// something else to tell (it went away or offline), or when somebody fires it (a timer). Shared by the partitions it
/// hangs on; thread safe.
class fetch_waiter {
 public:
  /// `wake` runs on the thread that fires, outside every lock; it should only hand the work on.
  fetch_waiter(std::uint64_t wanted_bytes, base::task wake)
      : missing_bytes_(static_cast<std::int64_t>(wanted_bytes)), wake_(std::move(wake)) {}

  void bytes_readable(std::uint64_t bytes) {
    if (missing_bytes_.fetch_sub(static_cast<std::int64_t>(bytes)) <= static_cast<std::int64_t>(bytes))
      fire();
  }
  /// True for the one call that fired it.
  bool fire() {
    if (fired_.exchange(true)) return false;
    wake_();
    wake_ = {};
    return true;
  }
  [[nodiscard]] bool fired() const { return fired_.load(); }

 private:
  std::atomic<std::int64_t> missing_bytes_;
  std::atomic<bool> fired_{false};
  base::task wake_;
};

}  // namespace tidelog::partition
