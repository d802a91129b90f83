#pragma once
// Whose data a directory holds. File `meta.properties` at its top, a Java properties file, as Kafka has it:
//
//   node.id=1
//   directory.id=EAYc0R6RKxFcCZYLQuzJig
//   version=1
//   cluster.id=TidelogPeerClusterIdAA
//
// Lines may come in any order, with comments (# or !) between; a key ends at =, : or a blank, and \ escapes.

#include "tidelog/base/uuid.hpp"
#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <map>
#include <optional>
#include <string>

namespace tidelog::storage {

inline constexpr const char* meta_properties_name = "meta.properties";

struct meta_properties {
  model::broker_id node_id{};
  /// Text of its own: mostly a uuid's, but an operator may have set anything.
  std::string cluster_id;
  /// Directories of Kafka before 3.7 have none.
  std::optional<base::uuid> directory_id;
  /// What else stands there, kept when the file is written anew.
  std::map<std::string, std::string> others;
  friend bool operator==(const meta_properties&, const meta_properties&) = default;
};

[[nodiscard]] std::string format_meta_properties(const meta_properties& properties);
/// Fails with errc::corrupt_meta_properties or unknown_format_version (anything but 1; 0 belongs to the times of
/// ZooKeeper); `name` is for the message.
[[nodiscard]] base::result<meta_properties> parse_meta_properties(std::string_view content,
                                                                  const io::path& name);

/// Fails as parse_meta_properties(), or with an errno (ENOENT where there is none).
[[nodiscard]] base::result<meta_properties> read_meta_properties(io::file_system& files,
                                                                 const io::path& data_directory);
/// Replaces the file, whole and durably.
[[nodiscard]] base::status write_meta_properties(io::file_system& files, const io::path& data_directory,
                                                 const meta_properties& properties);

}  // namespace tidelog::storage
