#pragma once
// A tidelogd that can be killed and started again on its directory.

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>

namespace tidelog::test {

/// One thread starts and kills; address() and log() are for everybody.
class daemon_process {
 public:
  daemon_process(std::filesystem::path program, std::filesystem::path data_directory);
  daemon_process(const daemon_process&) = delete;
  daemon_process& operator=(const daemon_process&) = delete;
  ~daemon_process();

  /// Starts it on a port of the system's choice, without waiting for anything.
  void spawn();
  /// Waits until it serves and returns its address. Throws when it ends instead.
  std::string wait_until_ready();
  /// SIGKILL; returns when the process is gone.
  void kill();
  /// SIGTERM; throws when it does not end well.
  void stop();
  /// What it has written since the last spawn(), for who has to find out what went wrong.
  [[nodiscard]] std::string log();

 private:
  void read_log(int descriptor);
  int reap();

  const std::filesystem::path program_;
  const std::filesystem::path data_directory_;
  pid_t pid_ = -1;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  bool log_ended_ = false;
};

}  // namespace tidelog::test
