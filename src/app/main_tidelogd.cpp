#include "command_line.hpp"
#include "config_text.hpp"
#include "failure.hpp"
#include "logging.hpp"

#include <fmt/core.h>

#include "tidelog/app/daemon.hpp"

#include <exception>

// Read by jemalloc when the daemon starts (jemalloc(3), TUNING). What is not used any more goes back to the system after a
// second, by a thread that does nothing else: what a start or a burst of work took, and what many partitions had while they
// were in use. Only reactors have caches (thread_heap.hpp): most threads wait for the disk most of the time, and theirs
// would keep megabytes, and scatter what lives long among what does not.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "background_thread:true,max_background_threads:1,dirty_decay_ms:1000,muzzy_decay_ms:0,"
    "narenas:4,tcache:false";
}

namespace {

using namespace tidelog::app;

int run(std::span<const char* const> arguments) {
  const auto options = parse_command_line(arguments, TIDELOG_VERSION);
  if (options.exit) {
    fmt::print(*options.exit == exit_code::well ? stdout : stderr, "{}", options.text);
    return static_cast<int>(*options.exit);
  }
  auto settings = load_settings(options.source);
  if (!settings) {
    const auto why = describe_configuration_failure(settings.error());
    fmt::print(stderr, "tidelogd: {}\n", why.line);
    return static_cast<int>(why.code);
  }
  switch (options.action) {
    case daemon_action::check_config:
      fmt::print("The configuration is right.\n");
      return static_cast<int>(exit_code::well);
    case daemon_action::print_config:
      fmt::print("{}", annotated_config(*settings));
      return static_cast<int>(exit_code::well);
    case daemon_action::run:
      break;
  }
  start_logging();
  return run_daemon(options.source, std::move(*settings));
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run({arguments, static_cast<std::size_t>(count)});
  } catch (const std::exception& problem) {
    fmt::print(stderr, "tidelogd: internal error: {}; please report this\n", problem.what());
    return static_cast<int>(exit_code::internal);
  }
}
