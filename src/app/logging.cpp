#include "logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/quoted.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <sys/stat.h>

namespace tidelog::app {
namespace {

/// Whether stderr is the very stream that the service manager connected to the journal: it names it by device and inode,
/// since the variable is inherited by programs whose stderr goes elsewhere.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(2, &status) != 0) return false;
  return std::string_view(stream) == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

struct stderr_log {
  bool journal = stderr_is_journal();
  spdlog::logger logger{"tidelogd", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  stderr_log() {
    logger.set_level(spdlog::level::trace);
    logger.flush_on(spdlog::level::trace);
    logger.set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %v");
  }

  void write(std::string_view priority, std::string_view name, std::string_view message) {
    // A line break would let a client's text pass for a message of its own.
    const auto line = base::readable(message);
    if (journal) {
      logger.info("<{}>{}", priority, line);
    } else {
      logger.info("{:<7} {}", name, line);
    }
  }
};

/// Lives until the process ends, so that threads may speak to the last.
stderr_log& log() {
  static auto* instance = new stderr_log;
  return *instance;
}

struct level_name {
  std::string_view name;
  std::string_view priority;
  base::severity level;
};
constexpr std::array levels{
    level_name{"debug", "7", base::severity::debug},
    level_name{"info", "6", base::severity::info},
    level_name{"warning", "4", base::severity::warning},
    level_name{"error", "3", base::severity::error},
};

void to_log(base::severity level, std::string_view message) {
  const auto& entry = levels.at(static_cast<std::size_t>(level));
  log().write(entry.priority, entry.name, message);
}

}  // namespace

void start_logging() {
  log();
  base::set_message_sink(to_log, base::severity::info);
}

void set_log_level(std::string_view level) {
  const auto found = std::ranges::find(levels, level, &level_name::name);
  if (found != levels.end()) base::set_lowest_severity(found->level);
}

void log_fatal(std::string_view line) {
  to_log(base::severity::error, line);
}

}  // namespace tidelog::app
