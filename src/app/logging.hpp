#pragma once
// Where the messages of all layers go: stderr, with times for people, or with the priorities that the journal reads.

#include <string_view>

namespace tidelog::app {

/// Makes stderr the sink of base::say. Before threads start.
void start_logging();
/// A value of log.level. Any thread.
void set_log_level(std::string_view level);
/// The program's last word; not subject to the level.
void log_fatal(std::string_view line);

}  // namespace tidelog::app
