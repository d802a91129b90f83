#include "errors.hpp"

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

}  // namespace

protocol::error_code error_code_of(const base::error& error) {
  const auto& category = error.code.category();
  if (category == partition::partition_category())
    return of_partition(static_cast<partition::errc>(error.code.value()));
  if (category == storage::storage_category())
    return of_storage(static_cast<storage::errc>(error.code.value()));
  if (category == metadata::config_category()) return error_code::invalid_config;
  // What the system refused, wherever: the disk is full or broken, and a client may try again.
  if (category == std::system_category()) return error_code::kafka_storage_error;
  return error_code::unknown_server_error;
}

}  // namespace tidelog::server
