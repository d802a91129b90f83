#pragma once
// What must be done now and then: retention, checkpoints, removal of deleted files.

#include "tidelog/base/unique_function.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tidelog::app {

/// Runs chores on one thread of its own, each at its interval; it sleeps until the next is due, and a chore that takes
/// longer than its interval is not made up for.
class housekeeping {
 public:
  housekeeping() = default;
  housekeeping(const housekeeping&) = delete;
  housekeeping& operator=(const housekeeping&) = delete;
  ~housekeeping();

  /// Before start(). The first run is an interval after it, or as long as `first` says.
  void add(std::chrono::milliseconds interval, base::task chore,
           std::optional<std::chrono::milliseconds> first = std::nullopt);
  /// A chore that runs when wake() was called for it, and not before. Before start(); returns what wake() wants.
  std::size_t add_on_demand(base::task chore);
  /// Any thread; cheap, and many calls before the chore runs are one.
  void wake(std::size_t which);
  void start();
  /// Lets the chore that is running end. May be called twice.
  void stop();

 private:
  struct chore {
    std::chrono::milliseconds interval;
    std::chrono::milliseconds first;
    std::chrono::steady_clock::time_point due;
    base::task work;
    bool is_wanted = false;
  };
  void run();

  std::vector<chore> chores_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  /// Some chore is wanted before it is due.
  bool wanted_ = false;
  std::thread thread_;
};

}  // namespace tidelog::app
