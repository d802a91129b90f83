#pragma once
// What the coordinators refuse, each reason under its own name. The server maps them to the protocol's codes.

#include <system_error>

namespace tidelog::coordinator {

enum class errc {
  /// The group's partition of __consumer_offsets is being read; try again.
  load_in_progress = 1,
  /// The partition is not there yet, or it cannot be written to.
  not_available,
  /// The partition could not be read, or is not here.
  not_coordinator,
  /// A group id that is empty where one is needed.
  invalid_group_id,
  /// No such group (any more), or not of the kind asked for.
  group_not_found,
  unknown_member,
  illegal_generation,
  /// The member's protocols, or its protocol type, do not go with the group's.
  inconsistent_protocol,
  invalid_session_timeout,
  rebalance_in_progress,
  /// The first join only told the member its id: join again with it.
  member_id_required,
  /// Another member has taken over the instance id.
  fenced_instance_id,
  /// The instance id belongs to a member that is there (new protocol).
  unreleased_instance_id,
  group_max_size_reached,
  non_empty_group,
  /// The group reads the topic whose offsets were to go.
  subscribed_to_topic,
  metadata_too_large,
  /// A commit of more offsets than one batch can hold, or a member that says more.
  commit_too_large,
  unknown_topic_or_partition,
  unknown_topic_id,
  fenced_member_epoch,
  stale_member_epoch,
  unsupported_assignor,
  invalid_pattern,
  invalid_request,
  /// A transaction holds the partition's offset.
  unstable_offset,
  /// No such transactional id, or it has another producer id.
  invalid_producer_id_mapping,
  /// A later producer with the transactional id has come, or the transaction was aborted from outside.
  producer_fenced,
  /// The producer's last transaction is still ending; try again.
  concurrent_transactions,
  /// The transaction is not in a state that this can be asked of.
  invalid_transaction_state,
  invalid_transaction_timeout,
  transactional_id_not_found,
  /// The request can be granted with a new producer id only: ask again with one.
  needs_producer_id,
};

[[nodiscard]] const std::error_category& group_category();
[[nodiscard]] std::error_code make_error_code(errc code);

}  // namespace tidelog::coordinator

template <>
struct std::is_error_code_enum<tidelog::coordinator::errc> : std::true_type {};
