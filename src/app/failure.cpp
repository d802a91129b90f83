#include "failure.hpp"

#include "tidelog/io/out_of_space.hpp"
#include "tidelog/metadata/config_table.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <cerrno>

namespace tidelog::app {
namespace {

struct verdict {
  exit_code code;
  std::string what_to_do;
};

verdict listening_verdict(const base::error& problem) {
  const auto listen_elsewhere = "stop the other program, or listen elsewhere with --listen HOST:PORT";
  if (problem.code == std::errc::address_in_use) return {exit_code::cannot_listen, listen_elsewhere};
  if (problem.code == std::errc::permission_denied) {
    return {exit_code::cannot_listen,
            "ports below 1024 need a privilege; choose a higher one with --listen HOST:PORT"};
  }
  return {exit_code::cannot_listen, "choose an address of this machine with --listen HOST:PORT"};
}

verdict storage_verdict(const base::error& problem, const std::string& directory) {
  using storage::errc;
  switch (static_cast<errc>(problem.code.value())) {
    case errc::directory_locked:
      return {exit_code::directory_locked,
              fmt::format("stop the daemon that uses {}, or choose another directory with --data-dir",
                          directory)};
    case errc::directory_not_writable:
      return {exit_code::directory_not_writable,
              fmt::format("give this user the right to write {}, or choose another directory with --data-dir",
                          directory)};
    case errc::unknown_format_version:
      return {exit_code::unknown_format_version,
              "a newer version wrote this directory; start that version on it"};
    case errc::wrong_node_id:
      return {exit_code::directory_unusable, "leave node.id out, or set it to what meta.properties says"};
    default:
      return {exit_code::directory_unusable,
              fmt::format("restore {} from a copy, or choose another directory with --data-dir", directory)};
  }
}

verdict directory_verdict(const base::error& problem, const std::string& directory) {
  if (problem.code.category() == storage::storage_category()) return storage_verdict(problem, directory);
  for (const auto condition : {std::errc::permission_denied, std::errc::operation_not_permitted,
                               std::errc::read_only_file_system, std::errc::not_a_directory}) {
    if (problem.code == condition) {
      return {exit_code::directory_not_writable,
              fmt::format("give this user the right to write {}, or choose another directory with --data-dir",
                          directory)};
    }
  }
  if (io::is_out_of_space(problem.code)) {
    return {exit_code::directory_not_writable, fmt::format("make room on the file system of {}", directory)};
  }
  return {exit_code::directory_unusable, fmt::format("look at the file system of {}", directory)};
}

}  // namespace

failure describe_configuration_failure(const base::error& problem) {
  if (problem.code.category() != metadata::config_category()) {
    return {exit_code::bad_configuration,
            fmt::format("{}; name another file with --config", problem.describe())};
  }
  return {exit_code::bad_configuration,
          fmt::format("{} (tidelogd --print-config shows every key)", problem.context)};
}

failure describe_start_failure(start_stage stage, const base::error& problem,
                               const daemon_settings& settings) {
  verdict found{exit_code::internal, "please report this with the messages above it"};
  const auto directory = settings.data_directory.string();
  switch (stage) {
    case start_stage::reserving_addresses:
      found = listening_verdict(problem);
      break;
    case start_stage::reserving_metrics_address:
      found = {exit_code::cannot_listen, "set another address in metrics.listen, or none"};
      break;
    case start_stage::opening_directory:
    case start_stage::recovering:
      found = directory_verdict(problem, directory);
      break;
    case start_stage::serving:
      if (problem.code == std::errc::address_in_use) found = listening_verdict(problem);
      break;
  }
  return {found.code, fmt::format("cannot start: {}; {}", problem.describe(), found.what_to_do)};
}

}  // namespace tidelog::app
