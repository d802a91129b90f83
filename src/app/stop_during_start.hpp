#pragma once
// Recovery after a crash may take long, and who asks for a stop meanwhile should not have to wait for its end.

#include <csignal>
#include <thread>

namespace tidelog::app {

/// While it lives, one of the signals in `stops` ends the process at once and with success: what a start does can be cut
/// short anywhere, as by a power cut, and the next start does it again. The signals are blocked in all threads; they are
/// not taken, so that one that comes when the start is just over is still there for whoever waits for it then.
class stop_during_start {
 public:
  explicit stop_during_start(const sigset_t& stops);
  stop_during_start(const stop_during_start&) = delete;
  stop_during_start& operator=(const stop_during_start&) = delete;
  ~stop_during_start();

 private:
  void watch() const;

  int signals_;
  int over_;
  std::thread thread_;
};

}  // namespace tidelog::app
