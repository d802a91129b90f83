#pragma once
// Checks a stopped data directory, file by file, whether Tidelog or Apache Kafka wrote it. Changes nothing.

#include "log_finding.hpp"

#include <cstddef>

namespace tidelog::tools {

struct verify_options {
  /// Segments that are read at a time.
  std::size_t jobs = 1;
};

struct verify_summary {
  std::uint64_t partitions = 0;
  std::uint64_t segments = 0;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::vector<finding> findings{};
  /// What has to be done before anything may be repaired, for people; empty where nothing has.
  std::string start_first{};

  [[nodiscard]] std::size_t count(severity level) const;
  /// The gravest; a note where there is nothing.
  [[nodiscard]] severity worst() const;
};

/// What a command was pointed at: a data directory, or one partition in it.
struct verify_target {
  io::path root;
  /// The directory below `root`; empty for all of them.
  std::string only_partition{};
};
/// Fails with not_a_data_directory, or an errno.
[[nodiscard]] base::result<verify_target> find_target(io::file_system& files, const io::path& given);

/// Nobody else may use the directory meanwhile. Shows its progress on a terminal. Fails with an errno, or
/// std::errc::interrupted after Ctrl-C.
[[nodiscard]] base::result<verify_summary> verify_directory(io::file_system& files,
                                                            const verify_target& target,
                                                            const verify_options& options);

}  // namespace tidelog::tools
