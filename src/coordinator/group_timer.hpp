#pragma once
// The one thread of a coordinator that wakes what is due.

#include "steady_time.hpp"

#include "tidelog/base/clock.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace tidelog::coordinator {

/// Thread safe.
class group_timer {
 public:
  /// Does what is due at the time given and says when to be called next; no_deadline when not until wake_at().
  using work = std::function<steady_ms(steady_ms now_ms)>;

  /// `name` (at most 15 characters) is the thread's.
  group_timer(std::string name, const base::clock& clock, work do_due);
  group_timer(const group_timer&) = delete;
  group_timer& operator=(const group_timer&) = delete;
  ~group_timer();

  /// The work is wanted at that time, or earlier.
  void wake_at(steady_ms deadline);
  /// The work is not running any more when it returns, and does not begin again. Never called from the work.
  void stop();

 private:
  void run();

  const std::string name_;
  const base::clock& clock_;
  const work do_due_;
  std::mutex mutex_;
  std::condition_variable wake_;
  steady_ms wanted_ = no_deadline;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidelog::coordinator
