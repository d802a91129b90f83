#pragma once
// The configuration file: TOML whose keys stand at the top level, in quotes because some are prefixes of others.
//
//   "log.retention.ms" = 604800000
//   "cleanup.policy"   = ["compact", "delete"]

#include "tidelog/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::app {

struct file_assignment {
  std::string key;
  /// As the configuration table takes it: numbers in decimal, lists with commas.
  std::string text;
  std::size_t line = 0;
  bool is_array = false;
};

/// In the order of the lines. Knows TOML, not the table. Errors name file and line; config_errc::invalid_value for what
/// is not TOML or has a type that no key takes.
[[nodiscard]] base::result<std::vector<file_assignment>> parse_config_file(std::string_view content,
                                                                           const std::string& file_name);

/// The errors of reading, and those of parse_config_file.
[[nodiscard]] base::result<std::vector<file_assignment>> read_config_file(const std::filesystem::path& file);

}  // namespace tidelog::app
