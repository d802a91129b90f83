#pragma once
// Partitions that are offline because there was no room on the disk, until they are back.

#include "tidelog/base/clock.hpp"
#include "tidelog/partition/partition.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tidelog::partition {

/// Logs tell it of themselves while they hold their locks, so nothing waits here. Thread safe.
class out_of_room {
 public:
  /// Told of every lack of room, on the thread that met it. Set it before that can be.
  void set_listener(std::function<void(const base::error&)> listener) { listener_ = std::move(listener); }
  /// `which` goes offline for this reason; others than want of room are passed over.
  void note(const base::error& why, const std::weak_ptr<partition>& which);
  /// Those that are to be tried now; one that goes on failing is tried less and less often. For one thread.
  [[nodiscard]] std::vector<std::shared_ptr<partition>> due(base::unix_ms now_ms);

 private:
  struct entry {
    std::weak_ptr<partition> which;
    base::unix_ms due_ms = 0;
    base::unix_ms pause_ms = 0;
  };
  /// With the mutex held.
  void add(const entry& made);

  std::function<void(const base::error&)> listener_;
  std::mutex mutex_;
  std::vector<entry> entries_;
};

}  // namespace tidelog::partition
