#pragma once
// The error codes of the protocol. One list; enumeration and table come from it.

#include <cstdint>
#include <string_view>

// X(enumerator, code, name in the protocol, retriable or permanent, message for people)
// clang-format off
#define TIDELOG_ERROR_CODES(X) \
  X(unknown_server_error, -1, "UNKNOWN_SERVER_ERROR", permanent, "The server met an error that has no code of its own.") \
  X(none, 0, "NONE", permanent, "No error.") \
  X(offset_out_of_range, 1, "OFFSET_OUT_OF_RANGE", permanent, "The offset lies outside what the partition holds.") \
  X(corrupt_message, 2, "CORRUPT_MESSAGE", retriable, "The record batch does not match its checksum, or its frame is broken.") \
  X(unknown_topic_or_partition, 3, "UNKNOWN_TOPIC_OR_PARTITION", retriable, "There is no such topic or partition here.") \
  X(invalid_fetch_size, 4, "INVALID_FETCH_SIZE", permanent, "The number of bytes asked for makes no sense.") \
  X(leader_not_available, 5, "LEADER_NOT_AVAILABLE", retriable, "The partition has no leader at the moment.") \
  X(not_leader_or_follower, 6, "NOT_LEADER_OR_FOLLOWER", retriable, "This broker neither leads nor follows the partition.") \
  X(request_timed_out, 7, "REQUEST_TIMED_OUT", retriable, "The time given by the request ran out first.") \
  X(broker_not_available, 8, "BROKER_NOT_AVAILABLE", permanent, "The broker cannot be reached.") \
  X(replica_not_available, 9, "REPLICA_NOT_AVAILABLE", retriable, "The replica is not there for this partition.") \
  X(message_too_large, 10, "MESSAGE_TOO_LARGE", permanent, "A record batch is larger than the topic allows.") \
  X(stale_controller_epoch, 11, "STALE_CONTROLLER_EPOCH", permanent, "A newer controller has taken over since.") \
  X(offset_metadata_too_large, 12, "OFFSET_METADATA_TOO_LARGE", permanent, "The metadata committed with the offset is too long.") \
  X(network_exception, 13, "NETWORK_EXCEPTION", retriable, "The connection broke before the answer came.") \
  X(coordinator_load_in_progress, 14, "COORDINATOR_LOAD_IN_PROGRESS", retriable, "The coordinator is still reading its state.") \
  X(coordinator_not_available, 15, "COORDINATOR_NOT_AVAILABLE", retriable, "There is no coordinator at the moment.") \
  X(not_coordinator, 16, "NOT_COORDINATOR", retriable, "This broker does not coordinate that group or transaction.") \
  X(invalid_topic_exception, 17, "INVALID_TOPIC_EXCEPTION", permanent, "The topic's name is not allowed, or the topic may not be used this way.") \
  X(record_list_too_large, 18, "RECORD_LIST_TOO_LARGE", permanent, "The records of the request are larger than a segment.") \
  X(not_enough_replicas, 19, "NOT_ENOUGH_REPLICAS", retriable, "Too few replicas are in sync to accept the records.") \
  X(not_enough_replicas_after_append, 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", retriable, "The records were written, but to too few replicas.") \
  X(invalid_required_acks, 21, "INVALID_REQUIRED_ACKS", permanent, "acks must be -1, 0 or 1.") \
  X(illegal_generation, 22, "ILLEGAL_GENERATION", permanent, "The group has moved on to another generation.") \
  X(inconsistent_group_protocol, 23, "INCONSISTENT_GROUP_PROTOCOL", permanent, "The member's protocols do not fit those of the group.") \
  X(invalid_group_id, 24, "INVALID_GROUP_ID", permanent, "The group id is not allowed.") \
  X(unknown_member_id, 25, "UNKNOWN_MEMBER_ID", permanent, "The group does not know this member.") \
  X(invalid_session_timeout, 26, "INVALID_SESSION_TIMEOUT", permanent, "The session timeout is outside the range that the broker allows.") \
  X(rebalance_in_progress, 27, "REBALANCE_IN_PROGRESS", permanent, "The group is rebalancing; the member should join again.") \
  X(invalid_commit_offset_size, 28, "INVALID_COMMIT_OFFSET_SIZE", permanent, "The offsets of this commit do not fit in one batch.") \
  X(topic_authorization_failed, 29, "TOPIC_AUTHORIZATION_FAILED", permanent, "Not allowed on this topic.") \
  X(group_authorization_failed, 30, "GROUP_AUTHORIZATION_FAILED", permanent, "Not allowed on this group.") \
  X(cluster_authorization_failed, 31, "CLUSTER_AUTHORIZATION_FAILED", permanent, "Not allowed on this cluster.") \
  X(invalid_timestamp, 32, "INVALID_TIMESTAMP", permanent, "A record's timestamp is outside what the topic accepts.") \
  X(unsupported_sasl_mechanism, 33, "UNSUPPORTED_SASL_MECHANISM", permanent, "The listener does not offer this SASL mechanism.") \
  X(illegal_sasl_state, 34, "ILLEGAL_SASL_STATE", permanent, "This request does not belong at this point of authentication.") \
  X(unsupported_version, 35, "UNSUPPORTED_VERSION", permanent, "The server does not speak this version of the request.") \
  X(topic_already_exists, 36, "TOPIC_ALREADY_EXISTS", permanent, "A topic of that name exists.") \
  X(invalid_partitions, 37, "INVALID_PARTITIONS", permanent, "The number of partitions is not possible.") \
  X(invalid_replication_factor, 38, "INVALID_REPLICATION_FACTOR", permanent, "The replication factor is not possible.") \
  X(invalid_replica_assignment, 39, "INVALID_REPLICA_ASSIGNMENT", permanent, "The assignment of replicas to brokers is not possible.") \
  X(invalid_config, 40, "INVALID_CONFIG", permanent, "A config has a value that is not allowed.") \
  X(not_controller, 41, "NOT_CONTROLLER", retriable, "This node is not the controller.") \
  X(invalid_request, 42, "INVALID_REQUEST", permanent, "The request contradicts itself or the protocol.") \
  X(unsupported_for_message_format, 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", permanent, "The record format on disk cannot do what was asked.") \
  X(policy_violation, 44, "POLICY_VIOLATION", permanent, "A policy of the server or topic forbids this.") \
  X(out_of_order_sequence_number, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", permanent, "The producer's sequence number does not follow its last one.") \
  X(duplicate_sequence_number, 46, "DUPLICATE_SEQUENCE_NUMBER", permanent, "The producer's sequence number was written before.") \
  X(invalid_producer_epoch, 47, "INVALID_PRODUCER_EPOCH", permanent, "A newer incarnation of the producer has written since.") \
  X(invalid_txn_state, 48, "INVALID_TXN_STATE", permanent, "The transaction is not in a state that allows this.") \
  X(invalid_producer_id_mapping, 49, "INVALID_PRODUCER_ID_MAPPING", permanent, "The producer id does not belong to this transactional id.") \
  X(invalid_transaction_timeout, 50, "INVALID_TRANSACTION_TIMEOUT", permanent, "The transaction timeout is longer than the broker allows.") \
  X(concurrent_transactions, 51, "CONCURRENT_TRANSACTIONS", retriable, "Another change of this transaction is still under way.") \
  X(transaction_coordinator_fenced, 52, "TRANSACTION_COORDINATOR_FENCED", permanent, "A newer transaction coordinator has taken over.") \
  X(transactional_id_authorization_failed, 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", permanent, "Not allowed for this transactional id.") \
  X(security_disabled, 54, "SECURITY_DISABLED", permanent, "The server runs without access control.") \
  X(operation_not_attempted, 55, "OPERATION_NOT_ATTEMPTED", permanent, "Not tried, because another part of the request failed.") \
  X(kafka_storage_error, 56, "KAFKA_STORAGE_ERROR", retriable, "The disk failed under this partition.") \
  X(log_dir_not_found, 57, "LOG_DIR_NOT_FOUND", permanent, "There is no such log directory.") \
  X(sasl_authentication_failed, 58, "SASL_AUTHENTICATION_FAILED", permanent, "The credentials were not accepted.") \
  X(unknown_producer_id, 59, "UNKNOWN_PRODUCER_ID", permanent, "Nothing is known of this producer on the partition any more.") \
  X(reassignment_in_progress, 60, "REASSIGNMENT_IN_PROGRESS", permanent, "The partition is already being moved.") \
  X(delegation_token_auth_disabled, 61, "DELEGATION_TOKEN_AUTH_DISABLED", permanent, "The server does not use delegation tokens.") \
  X(delegation_token_not_found, 62, "DELEGATION_TOKEN_NOT_FOUND", permanent, "There is no such delegation token.") \
  X(delegation_token_owner_mismatch, 63, "DELEGATION_TOKEN_OWNER_MISMATCH", permanent, "The token belongs to somebody else.") \
  X(delegation_token_request_not_allowed, 64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", permanent, "Tokens cannot be requested over this connection.") \
  X(delegation_token_authorization_failed, 65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", permanent, "Not allowed on this token.") \
  X(delegation_token_expired, 66, "DELEGATION_TOKEN_EXPIRED", permanent, "The token is past its time.") \
  X(invalid_principal_type, 67, "INVALID_PRINCIPAL_TYPE", permanent, "This kind of principal is not known.") \
  X(non_empty_group, 68, "NON_EMPTY_GROUP", permanent, "The group still has members.") \
  X(group_id_not_found, 69, "GROUP_ID_NOT_FOUND", permanent, "There is no such group.") \
  X(fetch_session_id_not_found, 70, "FETCH_SESSION_ID_NOT_FOUND", retriable, "The fetch session is gone; a new one must be opened.") \
  X(invalid_fetch_session_epoch, 71, "INVALID_FETCH_SESSION_EPOCH", retriable, "The fetch is not the next one of its session.") \
  X(listener_not_found, 72, "LISTENER_NOT_FOUND", retriable, "The leader has no listener of this name.") \
  X(topic_deletion_disabled, 73, "TOPIC_DELETION_DISABLED", permanent, "The server does not allow topics to be deleted.") \
  X(fenced_leader_epoch, 74, "FENCED_LEADER_EPOCH", retriable, "The leader epoch given is older than the current one.") \
  X(unknown_leader_epoch, 75, "UNKNOWN_LEADER_EPOCH", retriable, "The leader epoch given is newer than any known here.") \
  X(unsupported_compression_type, 76, "UNSUPPORTED_COMPRESSION_TYPE", permanent, "The client's version cannot read the compression used.") \
  X(stale_broker_epoch, 77, "STALE_BROKER_EPOCH", permanent, "The broker has registered anew since.") \
  X(offset_not_available, 78, "OFFSET_NOT_AVAILABLE", retriable, "The leader is too new to tell this offset yet.") \
  X(member_id_required, 79, "MEMBER_ID_REQUIRED", permanent, "The member must join again with the id it was just given.") \
  X(preferred_leader_not_available, 80, "PREFERRED_LEADER_NOT_AVAILABLE", retriable, "The preferred leader is not there.") \
  X(group_max_size_reached, 81, "GROUP_MAX_SIZE_REACHED", permanent, "The group has as many members as it may have.") \
  X(fenced_instance_id, 82, "FENCED_INSTANCE_ID", permanent, "Another member has taken this instance id.") \
  X(eligible_leaders_not_available, 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", retriable, "No replica that may lead is there.") \
  X(election_not_needed, 84, "ELECTION_NOT_NEEDED", retriable, "The partition has the leader asked for.") \
  X(no_reassignment_in_progress, 85, "NO_REASSIGNMENT_IN_PROGRESS", permanent, "The partition is not being moved.") \
  X(group_subscribed_to_topic, 86, "GROUP_SUBSCRIBED_TO_TOPIC", permanent, "The group is reading this topic; its offsets cannot be deleted.") \
  X(invalid_record, 87, "INVALID_RECORD", permanent, "A record breaks the rules of its batch or topic.") \
  X(unstable_offset_commit, 88, "UNSTABLE_OFFSET_COMMIT", retriable, "A transaction still holds offsets that were asked for.") \
  X(throttling_quota_exceeded, 89, "THROTTLING_QUOTA_EXCEEDED", retriable, "The client has used up its quota for now.") \
  X(producer_fenced, 90, "PRODUCER_FENCED", permanent, "A newer producer with this transactional id has started.") \
  X(resource_not_found, 91, "RESOURCE_NOT_FOUND", permanent, "What the request names does not exist.") \
  X(duplicate_resource, 92, "DUPLICATE_RESOURCE", permanent, "The request names the same thing twice.") \
  X(unacceptable_credential, 93, "UNACCEPTABLE_CREDENTIAL", permanent, "The credential breaks the rules for credentials.") \
  X(inconsistent_voter_set, 94, "INCONSISTENT_VOTER_SET", permanent, "The two sides disagree on who votes.") \
  X(invalid_update_version, 95, "INVALID_UPDATE_VERSION", permanent, "The feature cannot be brought to this level.") \
  X(feature_update_failed, 96, "FEATURE_UPDATE_FAILED", permanent, "The feature levels could not be changed.") \
  X(principal_deserialization_failure, 97, "PRINCIPAL_DESERIALIZATION_FAILURE", permanent, "The forwarded principal cannot be read.") \
  X(snapshot_not_found, 98, "SNAPSHOT_NOT_FOUND", permanent, "There is no such snapshot.") \
  X(position_out_of_range, 99, "POSITION_OUT_OF_RANGE", permanent, "The position lies outside the snapshot.") \
  X(unknown_topic_id, 100, "UNKNOWN_TOPIC_ID", retriable, "No topic here has this id.") \
  X(duplicate_broker_registration, 101, "DUPLICATE_BROKER_REGISTRATION", permanent, "Another broker with this id is registered.") \
  X(broker_id_not_registered, 102, "BROKER_ID_NOT_REGISTERED", permanent, "No broker with this id is registered.") \
  X(inconsistent_topic_id, 103, "INCONSISTENT_TOPIC_ID", retriable, "The topic's id is not the one that the request gives.") \
  X(inconsistent_cluster_id, 104, "INCONSISTENT_CLUSTER_ID", permanent, "The request is meant for another cluster.") \
  X(transactional_id_not_found, 105, "TRANSACTIONAL_ID_NOT_FOUND", permanent, "Nothing is known of this transactional id.") \
  X(fetch_session_topic_id_error, 106, "FETCH_SESSION_TOPIC_ID_ERROR", retriable, "The fetch session mixes topic names and topic ids.") \
  X(ineligible_replica, 107, "INELIGIBLE_REPLICA", permanent, "The replica may not join those in sync.") \
  X(new_leader_elected, 108, "NEW_LEADER_ELECTED", permanent, "The change made another broker the leader.") \
  X(offset_moved_to_tiered_storage, 109, "OFFSET_MOVED_TO_TIERED_STORAGE", permanent, "The offset is no longer on the broker's own disk.") \
  X(fenced_member_epoch, 110, "FENCED_MEMBER_EPOCH", permanent, "The member's epoch is not the one the group knows; it must join again.") \
  X(unreleased_instance_id, 111, "UNRELEASED_INSTANCE_ID", permanent, "Another member still holds this instance id.") \
  X(unsupported_assignor, 112, "UNSUPPORTED_ASSIGNOR", permanent, "The group offers no such assignor.") \
  X(stale_member_epoch, 113, "STALE_MEMBER_EPOCH", permanent, "The member has received a newer epoch since.") \
  X(mismatched_endpoint_type, 114, "MISMATCHED_ENDPOINT_TYPE", permanent, "The request was sent to the wrong kind of endpoint.") \
  X(unsupported_endpoint_type, 115, "UNSUPPORTED_ENDPOINT_TYPE", permanent, "This kind of endpoint is not known.") \
  X(unknown_controller_id, 116, "UNKNOWN_CONTROLLER_ID", permanent, "There is no controller with this id.") \
  X(unknown_subscription_id, 117, "UNKNOWN_SUBSCRIPTION_ID", permanent, "The telemetry subscription is not the current one.") \
  X(telemetry_too_large, 118, "TELEMETRY_TOO_LARGE", permanent, "The metrics pushed are larger than the broker takes.") \
  X(invalid_registration, 119, "INVALID_REGISTRATION", permanent, "The controller does not accept this registration.") \
  X(transaction_abortable, 120, "TRANSACTION_ABORTABLE", permanent, "The transaction cannot succeed any more; it can be aborted.") \
  X(invalid_record_state, 121, "INVALID_RECORD_STATE", permanent, "The record is not in a state that allows this acknowledgement.") \
  X(share_session_not_found, 122, "SHARE_SESSION_NOT_FOUND", retriable, "The share session is gone; a new one must be opened.") \
  X(invalid_share_session_epoch, 123, "INVALID_SHARE_SESSION_EPOCH", retriable, "The request is not the next one of its share session.") \
  X(fenced_state_epoch, 124, "FENCED_STATE_EPOCH", permanent, "The share group's state has a newer epoch.") \
  X(invalid_voter_key, 125, "INVALID_VOTER_KEY", permanent, "The voter's id and directory do not fit together.") \
  X(duplicate_voter, 126, "DUPLICATE_VOTER", permanent, "The voter is in the set.") \
  X(voter_not_found, 127, "VOTER_NOT_FOUND", permanent, "The voter is not in the set.") \
  X(invalid_regular_expression, 128, "INVALID_REGULAR_EXPRESSION", permanent, "The pattern cannot be read.") \
  X(rebootstrap_required, 129, "REBOOTSTRAP_REQUIRED", permanent, "The client should look for the cluster afresh.") \
  X(streams_invalid_topology, 130, "STREAMS_INVALID_TOPOLOGY", permanent, "The topology contradicts itself.") \
  X(streams_invalid_topology_epoch, 131, "STREAMS_INVALID_TOPOLOGY_EPOCH", permanent, "The topology's epoch is not possible.") \
  X(streams_topology_fenced, 132, "STREAMS_TOPOLOGY_FENCED", permanent, "The group runs a newer topology.") \
  X(share_session_limit_reached, 133, "SHARE_SESSION_LIMIT_REACHED", retriable, "The broker holds as many share sessions as it may.")
// clang-format on

namespace tidelog::protocol {

/// As they travel. A peer may send codes that are not listed here; they are kept as they are.
enum class error_code : std::int16_t {
#define TIDELOG_ENUMERATOR(enumerator, code, name, retry, message) enumerator = code,
  TIDELOG_ERROR_CODES(TIDELOG_ENUMERATOR)
#undef TIDELOG_ENUMERATOR
};

/// Whether a client may send the same request again and hope.
enum class retry { retriable, permanent };

struct error_info {
  error_code code;
  std::string_view name;
  protocol::retry retry;
  std::string_view message;
};

/// What is known of a code; for codes that are not listed, what is known of unknown_server_error. Lives for ever.
[[nodiscard]] const error_info& describe(error_code code);
/// The name in the protocol, as "OFFSET_OUT_OF_RANGE".
[[nodiscard]] inline std::string_view error_name(error_code code) {
  return describe(code).name;
}
/// One sentence for people: for the error_message fields of responses, and for tools.
[[nodiscard]] inline std::string_view error_message(error_code code) {
  return describe(code).message;
}

}  // namespace tidelog::protocol
