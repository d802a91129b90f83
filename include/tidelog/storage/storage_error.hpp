#pragma once
// What can go wrong in storage, each outcome under a name of its own. What the system refused (ENOSPC, EIO,
// EACCES, …) is not here: it stays an errno in std::system_category().

#include <system_error>

namespace tidelog::storage {

enum class errc {
  // Asked for by a reader or writer; the log is well.
  offset_out_of_range = 1,
  out_of_order_sequence,
  invalid_producer_epoch,
  invalid_txn_state,
  coordinator_fenced,
  transaction_may_have_ended,
  fenced_leader_epoch,
  unknown_leader_epoch,
  batch_too_large,
  invalid_batch,
  cleaning_aborted,
  opening_given_up,
  // The state of a log.
  log_offline,
  closed,
  journal_failed,
  // Found on disk.
  corrupt_segment,
  corrupt_index,
  corrupt_snapshot,
  corrupt_checkpoint,
  corrupt_partition_metadata,
  corrupt_meta_properties,
  corrupt_journal,
  unknown_format_version,
  // The data directory and what is in it.
  not_a_data_directory,
  directory_locked,
  directory_not_writable,
  wrong_node_id,
  wrong_cluster_id,
  unknown_partition,
  partition_exists,
  topic_id_mismatch,
};

[[nodiscard]] const std::error_category& storage_category();
[[nodiscard]] std::error_code make_error_code(errc code);

}  // namespace tidelog::storage

template <>
struct std::is_error_code_enum<tidelog::storage::errc> : std::true_type {};
