#pragma once
// What the daemon was told: the configuration file and the command line, checked and typed.

#include "tidelog/base/result.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidelog::app {

/// Whether a listener whose address this machine does not have (no IPv6 loopback) is an error.
enum class missing_address : std::uint8_t { is_an_error, is_passed_over };

/// One address to accept connections on; port 0 lets the system choose.
struct listener_settings {
  std::string name;
  /// An address or a host name, IPv6 without brackets; empty: every address.
  std::string host;
  std::uint16_t port = 0;
  missing_address when_missing = missing_address::is_an_error;
  friend bool operator==(const listener_settings&, const listener_settings&) = default;
};

/// What clients of a listener are told to connect to. Without one they are told the address they came by.
struct advertised_address {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const advertised_address&, const advertised_address&) = default;
};

struct daemon_settings {
  /// Absent when the daemon runs on defaults and command line alone.
  std::optional<std::filesystem::path> file;
  std::filesystem::path data_directory;
  /// Absent: what the data directory says, 1 for a new one. The broker adds node.id to `configured` once it knows.
  std::optional<model::broker_id> node_id;
  std::vector<listener_settings> listeners;
  std::vector<advertised_address> advertised;
  /// Host and port for the metrics; nothing: they are not served.
  std::optional<std::pair<std::string, std::uint16_t>> metrics_address;
  /// Canonical texts: what was set, and the defaults that depend on this machine. The broker hands both on as
  /// layers to DescribeConfigs and to the topics.
  metadata::config_map configured;
  metadata::config_map machine_defaults;
  /// The typed values as they are before any change by AlterConfigs.
  metadata::broker_config values;
};

/// What the command line adds to the configuration file; it wins over the file.
struct settings_source {
  std::optional<std::filesystem::path> file{};
  std::optional<std::filesystem::path> data_directory{};
  /// HOST:PORT each.
  std::vector<std::string> listen{};
  /// KEY=VALUE each.
  std::vector<std::string> assignments{};
};

/// Reads and checks everything. Errors: config_errc or the errno of reading the file; the context names file and line
/// or option, and is a full message by itself.
[[nodiscard]] base::result<daemon_settings> load_settings(const settings_source& source);

/// The data directory of somebody who names none: /var/lib/tidelog for who may write there, else one in the user's
/// own data directory.
[[nodiscard]] std::filesystem::path default_data_directory();

/// What a reload changed, for people and for the broker.
struct settings_change {
  /// The configuration as it holds now: the new one, but for read-only keys.
  metadata::config_map configured;
  /// "KEY: OLD -> NEW" each; secrets without their values.
  std::vector<std::string> applied;
  /// The same, for keys that take hold at the next start only.
  std::vector<std::string> at_next_start;
};
[[nodiscard]] settings_change compare_settings(const metadata::config_map& before,
                                               const metadata::config_map& after);

}  // namespace tidelog::app
