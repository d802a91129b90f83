#pragma once
// The daemon around the broker: start, signals, service manager, reload, end.

#include "tidelog/app/settings.hpp"

namespace tidelog::app {

/// Runs until SIGTERM or SIGINT and returns the process's exit code; SIGHUP loads `source` again. Called once, on the
/// main thread and before any other thread exists, since it decides which signals all threads leave alone.
[[nodiscard]] int run_daemon(const settings_source& source, daemon_settings settings);

}  // namespace tidelog::app
