#pragma once
// Lets reads of old data have the disk and the processor only as far as those who write leave them. A disk that is given
// all that a reader of old data could take answers everybody else late, and a commit waits for it.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tidelog::io {

struct cold_pace_settings {
  /// How long a read waits for syncs to end. It makes some way even while one follows the other.
  std::chrono::milliseconds patience{10};
  /// Who has written or synced is taken to be at work for so long.
  std::chrono::milliseconds memory{100};
};

/// Thread safe.
class cold_pace {
 public:
  using clock = std::chrono::steady_clock;

  explicit cold_pace(const cold_pace_settings& settings = {}) : settings_(settings) {}

  void wrote() { works_.fetch_add(1, std::memory_order_relaxed); }
  void sync_begins();
  void sync_ends();

  /// Somebody has written or synced lately: old data is to be read by turns.
  [[nodiscard]] bool others_work();

  /// A turn to read a piece: one at a time, when no sync is under way. At its end it lasts as long again as the reading
  /// took, so that half of the time is left to others.
  class turn {
   public:
    explicit turn(cold_pace& pace);
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn();

   private:
    std::lock_guard<std::mutex> alone_;
    clock::time_point begun_;
  };

 private:
  const cold_pace_settings settings_;
  std::mutex turn_mutex_;
  std::atomic<std::uint64_t> works_{0};

  std::mutex mutex_;
  std::condition_variable syncs_have_ended_;
  int syncs_ = 0;
  std::uint64_t works_seen_ = 0;
  clock::time_point at_work_until_;
};

/// For the length of a sync.
class sync_under_way {
 public:
  explicit sync_under_way(cold_pace& pace) : pace_(pace) { pace_.sync_begins(); }
  sync_under_way(const sync_under_way&) = delete;
  sync_under_way& operator=(const sync_under_way&) = delete;
  ~sync_under_way() { pace_.sync_ends(); }

 private:
  cold_pace& pace_;
};

}  // namespace tidelog::io
