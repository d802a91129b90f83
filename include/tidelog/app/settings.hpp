#pragma once
// What the daemon was told: the configuration file and the command line, checked and typed.

#include "tidelog/base/result.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
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
  model::broker_id node_id{1};
  std::vector<listener_settings> listeners;
  std::vector<advertised_address> advertised;
  /// Canonical texts: what was set, and the defaults that depend on this machine. The broker hands both on as
  /// layers to DescribeConfigs and to the topics.
  metadata::config_map configured;
  metadata::config_map machine_defaults;
  /// The typed values as they are before any change by AlterConfigs.
  metadata::broker_config values;
};

}  // namespace tidelog::app
