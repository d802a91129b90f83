#pragma once
// After a failed sync the kernel takes the pages that it could not write for clean: reads go on showing bytes that the
// disk lacks, later syncs succeed without writing them, and a restart of the process changes nothing about it. After a stop
// that was not clean nobody needs to be told: what is past the recovery point is written again then in any case. This file
// in the log's directory is for the start after a clean stop of a program that did not know of it (Apache Kafka's brokers):
//
//   DIRECTORY/failed-sync    the offset below which everything was on disk, in decimal
//
// It only has to outlive the process. The page cache that it warns of ends with the machine, so it is never synced.

#include "tidelog/base/result.hpp"
#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <optional>

namespace tidelog::storage {

inline constexpr const char* failed_sync_marker_name = "failed-sync";

/// Waits for the kernel, not for the disk. Fails with an errno.
[[nodiscard]] base::status write_failed_sync_marker(io::file_system& files, const io::path& log_directory,
                                                    model::offset on_disk_below);
/// Nothing when there is none. A marker that makes no sense says 0: nothing is known to be on disk. Fails with an errno.
[[nodiscard]] base::result<std::optional<model::offset>> read_failed_sync_marker(
    io::file_system& files, const io::path& log_directory);
[[nodiscard]] base::status remove_failed_sync_marker(io::file_system& files, const io::path& log_directory);

}  // namespace tidelog::storage
