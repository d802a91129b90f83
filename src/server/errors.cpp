#include "errors.hpp"

#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/metadata/config_table.hpp"
#include "tidelog/partition/partition_error.hpp"
#include "tidelog/storage/storage_error.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

error_code of_storage(storage::errc code) {
  switch (code) {
    case storage::errc::offset_out_of_range:
      return error_code::offset_out_of_range;
    case storage::errc::out_of_order_sequence:
      return error_code::out_of_order_sequence_number;
    case storage::errc::invalid_producer_epoch:
      return error_code::invalid_producer_epoch;
    case storage::errc::invalid_txn_state:
      return error_code::invalid_txn_state;
    case storage::errc::transaction_may_have_ended:
      return error_code::not_enough_replicas;
    case storage::errc::coordinator_fenced:
      return error_code::transaction_coordinator_fenced;
    case storage::errc::fenced_leader_epoch:
      return error_code::fenced_leader_epoch;
    case storage::errc::unknown_leader_epoch:
      return error_code::unknown_leader_epoch;
    case storage::errc::batch_too_large:
      return error_code::record_list_too_large;
    case storage::errc::invalid_batch:
      return error_code::invalid_record;
    case storage::errc::closed:
      return error_code::not_leader_or_follower;
    case storage::errc::unknown_partition:
      return error_code::unknown_topic_or_partition;
    default:
      return error_code::kafka_storage_error;
  }
}

error_code of_partition(partition::errc code) {
  switch (code) {
    case partition::errc::unknown_partition:
      return error_code::unknown_topic_or_partition;
    case partition::errc::offline:
      return error_code::kafka_storage_error;
    case partition::errc::recovering:
      return error_code::not_leader_or_follower;
    case partition::errc::fenced_leader_epoch:
      return error_code::fenced_leader_epoch;
    case partition::errc::unknown_leader_epoch:
      return error_code::unknown_leader_epoch;
    case partition::errc::batch_too_large:
      return error_code::message_too_large;
    case partition::errc::corrupt_batch:
      return error_code::corrupt_message;
    case partition::errc::invalid_batch:
    case partition::errc::invalid_records:
      return error_code::invalid_record;
    case partition::errc::invalid_timestamps:
      return error_code::invalid_timestamp;
    case partition::errc::unsupported_compression:
      return error_code::unsupported_compression_type;
    case partition::errc::deletion_not_allowed:
      return error_code::policy_violation;
    case partition::errc::needs_worker:
      break;
  }
  return error_code::unknown_server_error;
}

error_code of_group(coordinator::errc code) {
  switch (code) {
    case coordinator::errc::load_in_progress:
      return error_code::coordinator_load_in_progress;
    case coordinator::errc::not_available:
      return error_code::coordinator_not_available;
    case coordinator::errc::not_coordinator:
      return error_code::not_coordinator;
    case coordinator::errc::invalid_group_id:
      return error_code::invalid_group_id;
    case coordinator::errc::group_not_found:
      return error_code::group_id_not_found;
    case coordinator::errc::unknown_member:
      return error_code::unknown_member_id;
    case coordinator::errc::illegal_generation:
      return error_code::illegal_generation;
    case coordinator::errc::inconsistent_protocol:
      return error_code::inconsistent_group_protocol;
    case coordinator::errc::invalid_session_timeout:
      return error_code::invalid_session_timeout;
    case coordinator::errc::rebalance_in_progress:
      return error_code::rebalance_in_progress;
    case coordinator::errc::member_id_required:
      return error_code::member_id_required;
    case coordinator::errc::fenced_instance_id:
      return error_code::fenced_instance_id;
    case coordinator::errc::unreleased_instance_id:
      return error_code::unreleased_instance_id;
    case coordinator::errc::group_max_size_reached:
      return error_code::group_max_size_reached;
    case coordinator::errc::non_empty_group:
      return error_code::non_empty_group;
    case coordinator::errc::subscribed_to_topic:
      return error_code::group_subscribed_to_topic;
    case coordinator::errc::metadata_too_large:
      return error_code::offset_metadata_too_large;
    case coordinator::errc::commit_too_large:
      // What Kafka says of records that make no batch, be they of a commit or of the group itself.
      return error_code::unknown_server_error;
    case coordinator::errc::unknown_topic_or_partition:
      return error_code::unknown_topic_or_partition;
    case coordinator::errc::unknown_topic_id:
      return error_code::unknown_topic_id;
    case coordinator::errc::fenced_member_epoch:
      return error_code::fenced_member_epoch;
    case coordinator::errc::stale_member_epoch:
      return error_code::stale_member_epoch;
    case coordinator::errc::unsupported_assignor:
      return error_code::unsupported_assignor;
    case coordinator::errc::invalid_pattern:
      return error_code::invalid_regular_expression;
    case coordinator::errc::invalid_request:
      return error_code::invalid_request;
    case coordinator::errc::unstable_offset:
      return error_code::unstable_offset_commit;
    case coordinator::errc::invalid_producer_id_mapping:
      return error_code::invalid_producer_id_mapping;
    case coordinator::errc::producer_fenced:
      return error_code::producer_fenced;
    case coordinator::errc::concurrent_transactions:
      return error_code::concurrent_transactions;
    case coordinator::errc::invalid_transaction_state:
      return error_code::invalid_txn_state;
    case coordinator::errc::invalid_transaction_timeout:
      return error_code::invalid_transaction_timeout;
    case coordinator::errc::transactional_id_not_found:
      return error_code::transactional_id_not_found;
    case coordinator::errc::needs_producer_id:
      break;
  }
  return error_code::unknown_server_error;
}

}  // namespace

std::string reason_text(const base::error& error) {
  return error.code == partition::errc::offline ? error.context : error.describe();
}

protocol::error_code error_code_of(std::error_code code) {
  if (!code) return error_code::none;
  const auto& category = code.category();
  if (category == partition::partition_category())
    return of_partition(static_cast<partition::errc>(code.value()));
  if (category == storage::storage_category()) return of_storage(static_cast<storage::errc>(code.value()));
  if (category == coordinator::group_category())
    return of_group(static_cast<coordinator::errc>(code.value()));
  if (category == metadata::config_category()) return error_code::invalid_config;
  // What the system refused, wherever: the disk is full or broken, and a client may try again.
  if (category == std::system_category()) return error_code::kafka_storage_error;
  return error_code::unknown_server_error;
}

}  // namespace tidelog::server
