#pragma once
// What a partition refuses, each reason under its own name.

#include <system_error>

namespace tidelog::partition {

enum class errc {
  /// The topic or partition is not here (any more).
  unknown_partition = 1,
  /// The directory could not be opened, or a write or sync failed: the reason is in the context.
  offline,
  /// Its log is being opened, or is to be: nobody has to do anything but wait.
  recovering,
  /// The request knows of an older or newer leader epoch.
  fenced_leader_epoch,
  unknown_leader_epoch,
  batch_too_large,
  /// Checksum, length or format: the bytes are not what was sent.
  corrupt_batch,
  /// Well transported, but not what a producer may send.
  invalid_batch,
  /// Some records are at fault, and the whole batch with them.
  invalid_records,
  invalid_timestamps,
  unsupported_compression,
  /// The checks need more CPU than a reactor may spend: call again on a worker.
  needs_worker,
  /// Records may not be deleted on a topic that is compacted only.
  deletion_not_allowed,
};

[[nodiscard]] const std::error_category& partition_category();
[[nodiscard]] std::error_code make_error_code(errc code);

}  // namespace tidelog::partition

template <>
struct std::is_error_code_enum<tidelog::partition::errc> : std::true_type {};
