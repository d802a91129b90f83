#pragma once
// The broker: every layer below wired together, behind the few things the daemon does with it.

#include "tidelog/app/settings.hpp"
#include "tidelog/base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::app {

/// What start() is at; after a failure, what it failed at.
enum class start_stage : std::uint8_t {
  reserving_addresses,
  reserving_metrics_address,
  opening_directory,
  recovering,
  serving
};

/// Started once, stopped once. All calls but is_alive() from one thread, the daemon's main thread.
class broker {
 public:
  explicit broker(daemon_settings settings);
  broker(const broker&) = delete;
  broker& operator=(const broker&) = delete;
  /// Stops when that has not been done.
  ~broker();

  /// Told how many logs of how many have been recovered, now and then and when all are, on a thread that recovers.
  using recovery_callback = std::function<void(std::size_t done, std::size_t total)>;
  /// Before start().
  void set_recovery_listener(recovery_callback listener);
  /// Opens the data directory and listens. When it has returned well, clients are answered; after a stop that was not clean,
  /// for partitions whose logs are still being recovered by that they have no leader yet.
  /// After a failure everything that was opened is closed again, and the broker is of no further use.
  [[nodiscard]] base::status start();
  [[nodiscard]] start_stage stage() const;
  /// Finishes the requests that were accepted, closes connections and files, and marks the directory as
  /// cleanly closed. The first error is returned after everything that could be closed was closed.
  [[nodiscard]] base::status stop();
  /// Puts the dynamic keys of a configuration that was read anew into effect; read-only keys are those of the
  /// start.
  void reload(const metadata::config_map& configured);
  /// Whether the broker still makes progress, for the service manager's watchdog. From any thread.
  [[nodiscard]] bool is_alive() const;
  /// "127.0.0.1:9092", one for each listener, with the ports the system chose. After start().
  [[nodiscard]] std::vector<std::string> addresses() const;
  /// "127.0.0.1:9644", where the metrics can be asked for; empty for nowhere. After start().
  [[nodiscard]] std::string metrics_address() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace tidelog::app
