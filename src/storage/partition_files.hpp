#pragma once
// What lies in a partition's directory, and putting it in order at start.

#include "recovery_log.hpp"

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <vector>

namespace tidelog::storage {

/// So that nobody who opens the log has to look for a file that is not there.
struct partition_files {
  std::vector<model::offset> bases;                ///< of the segments, rising
  std::vector<model::offset> snapshots;            ///< of producers, rising
  std::vector<model::offset> transaction_indexes;  ///< by the bases of their segments, rising
  bool has_epochs = false;                         ///< leader-epoch-checkpoint
  bool has_failed_sync_marker = false;
};

/// What there is after the leftovers of a stop in the middle have been dealt with:
/// - NAME.deleted and NAME.cleaned are removed;
/// - NAME.swap is compaction's finished output (only a Kafka that was killed leaves it): unless a .cleaned file of the
///   same or a lower base says that its round was not finished, it takes the place of the segments it covers;
/// - an index without its segment is removed;
/// - what an earlier recovery has set aside stays;
/// - what is not known here is left alone, with a warning.
/// All of it but the last is told to `findings`.
/// Fails with an errno, ENOENT where there is no directory.
[[nodiscard]] base::result<partition_files> tidy_partition_directory(io::file_system& files,
                                                                     const io::path& directory,
                                                                     recovery_log& findings);

}  // namespace tidelog::storage
