#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include <vector>

namespace tidelog::app {
namespace {

constexpr auto description =
    "tidelogd keeps partitioned, append-only logs and speaks the Apache Kafka wire protocol.\n"
    "Without options it listens on 127.0.0.1:9092 and [::1]:9092 and needs no configuration.";

constexpr auto examples =
    "Examples:\n"
    "  tidelogd\n"
    "      Start with defaults; any Kafka client finds it at localhost:9092.\n"
    "  tidelogd --data-dir /tmp/try --listen 127.0.0.1:0\n"
    "      Start on a directory of your own, on a port that the system chooses and the log names.\n"
    "  tidelogd --config /etc/tidelog/tidelogd.toml --set log.level=debug\n"
    "      Start with a configuration file, one of its keys set otherwise.\n"
    "  tidelogd --config /etc/tidelog/tidelogd.toml --check-config\n"
    "      Say whether a file is right, and exit with 3 if it is not.\n"
    "  tidelogd --print-config > tidelogd.toml\n"
    "      Write a file that explains every key.\n"
    "\n"
    "SIGTERM and SIGINT stop it cleanly, SIGHUP reloads the configuration file. Exit codes: 0 well, 1 "
    "internal\n"
    "error, 2 bad usage, 3 bad configuration, 4 address in use, 5 directory locked by another daemon,\n"
    "6 directory not writable, 7 unknown format version, 8 directory not usable.";

}  // namespace

command_line parse_command_line(std::span<const char* const> arguments, std::string_view version) {
  CLI::App options(description, "tidelogd");
  options.footer(examples);
  std::string config;
  std::string data_directory;
  command_line parsed;
  bool check = false;
  bool print = false;
  options.add_option("-c,--config", config, "Configuration file (TOML)")->type_name("FILE");
  options.add_option("-d,--data-dir", data_directory, "Data directory; made when it is missing")
      ->type_name("DIR");
  options
      .add_option("-l,--listen", parsed.source.listen,
                  "Address to listen on, instead of those of the configuration; can be repeated")
      ->type_name("HOST:PORT")
      ->allow_extra_args(false);
  options.add_option("-s,--set", parsed.source.assignments, "Sets a configuration key; can be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* check_flag = options.add_flag("--check-config", check, "Check the configuration and exit");
  options.add_flag("--print-config", print, "Print the configuration that holds, explained, and exit")
      ->excludes(check_flag);
  options.set_version_flag("-V,--version", fmt::format("tidelogd {}", version));
  try {
    options.parse(static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()));
  } catch (const CLI::CallForHelp&) {
    parsed.exit = exit_code::well;
    parsed.text = options.help();
  } catch (const CLI::CallForVersion& asked) {
    parsed.exit = exit_code::well;
    parsed.text = std::string(asked.what()) + "\n";
  } catch (const CLI::ParseError& problem) {
    parsed.exit = exit_code::bad_usage;
    parsed.text = fmt::format("tidelogd: {}; tidelogd --help shows the options\n", problem.what());
  }
  if (!config.empty()) parsed.source.file = config;
  if (!data_directory.empty()) parsed.source.data_directory = data_directory;
  if (check) parsed.action = daemon_action::check_config;
  if (print) parsed.action = daemon_action::print_config;
  return parsed;
}

}  // namespace tidelog::app
