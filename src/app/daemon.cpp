#include "tidelog/app/daemon.hpp"

#include "failure.hpp"
#include "logging.hpp"
#include "service_manager.hpp"
#include "stop_during_start.hpp"

#include "tidelog/app/broker.hpp"
#include "tidelog/base/log_message.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

namespace tidelog::app {
namespace {

/// The signals the daemon answers, taken one at a time by the main thread and blocked in all others.
class signal_queue {
 public:
  signal_queue() {
    ::sigemptyset(&waited_for_);
    ::sigemptyset(&stops_);
    for (const int number : {SIGTERM, SIGINT}) {
      ::sigaddset(&stops_, number);
      ::sigaddset(&waited_for_, number);
    }
    ::sigaddset(&waited_for_, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &waited_for_, &before_);
    // A client that is gone is an error of the write, not the end of the daemon.
    std::signal(SIGPIPE, SIG_IGN);
  }
  signal_queue(const signal_queue&) = delete;
  signal_queue& operator=(const signal_queue&) = delete;
  ~signal_queue() { release(); }

  /// The next signal; nothing when `longest` passes first.
  [[nodiscard]] std::optional<int> next(std::optional<std::chrono::microseconds> longest) const {
    for (;;) {
      int number = 0;
      if (longest) {
        constexpr std::int64_t microseconds = 1'000'000;
        const timespec limit{longest->count() / microseconds, (longest->count() % microseconds) * 1000};
        number = ::sigtimedwait(&waited_for_, nullptr, &limit);
      } else {
        number = ::sigwaitinfo(&waited_for_, nullptr);
      }
      if (number > 0) return number;
      if (errno == EAGAIN) return std::nullopt;
    }
  }

  /// Those of them that ask for the end.
  [[nodiscard]] const sigset_t& stops() const { return stops_; }

  /// From here on a second signal ends the process at once, for who does not want to wait for a clean stop.
  void release() const { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t waited_for_{};
  sigset_t stops_{};
  sigset_t before_{};
};

std::string joined(const std::vector<std::string>& texts) {
  std::string line;
  for (const auto& text : texts) line += (line.empty() ? "" : ", ") + text;
  return line;
}

void tell_what_is_stored_only(const metadata::config_map& configured) {
  for (const auto* key : metadata::stored_only_configs(metadata::config_scope::broker, configured)) {
    base::say_warning("{} is stored only: {}", key->name, key->documentation);
  }
}

class daemon {
 public:
  daemon(const settings_source& source, daemon_settings settings)
      : source_(&source),
        settings_(std::move(settings)),
        configured_(settings_.configured),
        broker_(settings_) {}

  exit_code run() {
    set_log_level(settings_.values.log_level);
    base::say_info("tidelogd starts on {} with {}", settings_.data_directory.string(),
                   settings_.file ? settings_.file->string() : "no configuration file");
    tell_what_is_stored_only(configured_);
    if (auto started = start(); !started) {
      const auto why = describe_start_failure(broker_.stage(), started.error(), settings_);
      log_fatal(why.line);
      return why.code;
    }
    const auto addresses = joined(broker_.addresses());
    base::say_info("ready on {}", addresses);
    if (const auto metrics = broker_.metrics_address(); !metrics.empty())
      base::say_info("metrics on http://{}/metrics", metrics);
    manager_.ready("Listening on " + addresses);
    serve();
    manager_.stopping();
    signals_.release();
    if (auto stopped = broker_.stop(); !stopped) {
      log_fatal("stopped, but not cleanly: " + stopped.error().describe());
      return exit_code::internal;
    }
    base::say_info("stopped cleanly");
    return exit_code::well;
  }

 private:
  base::status start() {
    const stop_during_start guard(signals_.stops());
    broker_.set_recovery_listener([this](std::size_t done, std::size_t total) {
      manager_.status(done < total ? fmt::format("Listening; {} of {} logs are recovered", done, total)
                                   : std::string("Listening; all logs are recovered"));
    });
    return broker_.start();
  }

  void serve() {
    const auto watchdog = manager_.watchdog_interval();
    for (;;) {
      if (watchdog && broker_.is_alive()) manager_.still_alive();
      const auto signal = signals_.next(watchdog);
      if (!signal) continue;
      if (*signal != SIGHUP) {
        base::say_info("stopping on {}", *signal == SIGTERM ? "SIGTERM" : "SIGINT");
        return;
      }
      reload();
    }
  }

  void reload() {
    manager_.reloading();
    if (auto loaded = load_settings(*source_); !loaded) {
      base::say_error("the configuration stays as it was: {}",
                      describe_configuration_failure(loaded.error()).line);
    } else {
      auto change = compare_settings(configured_, loaded->configured);
      for (const auto& line : change.applied) base::say_info("reloaded {}", line);
      for (const auto& line : change.at_next_start)
        base::say_warning("takes hold at the next start only: {}", line);
      if (change.applied.empty() && change.at_next_start.empty())
        base::say_info("reloaded; nothing has changed");
      configured_ = std::move(change.configured);
      tell_what_is_stored_only(configured_);
      broker_.reload(configured_);
    }
    manager_.ready("Listening on " + joined(broker_.addresses()));
  }

  /// Before the broker, whose threads are to be born with the signals blocked: in one that was not, a signal that comes
  /// while the main thread is busy would end the process.
  const signal_queue signals_;
  const settings_source* source_;
  daemon_settings settings_;
  /// What holds of the file and the command line: as at the start, and later with what reloads changed.
  metadata::config_map configured_;
  broker broker_;
  service_manager manager_;
};

}  // namespace

int run_daemon(const settings_source& source, daemon_settings settings) {
  return static_cast<int>(daemon(source, std::move(settings)).run());
}

}  // namespace tidelog::app
