#pragma once
// The APIs of the protocol that a broker may be asked for, served here or not. One list; enumeration and table come
// from it.

#include "tidelog/codec/message_fields.hpp"

#include <array>
#include <cstdint>
#include <string_view>

// X(enumerator, key, name in the protocol, first flexible version)
// clang-format off
#define TIDELOG_API_KEYS(X) \
  X(produce, 0, "Produce", 9) \
  X(fetch, 1, "Fetch", 12) \
  X(list_offsets, 2, "ListOffsets", 6) \
  X(metadata, 3, "Metadata", 9) \
  X(offset_commit, 8, "OffsetCommit", 8) \
  X(offset_fetch, 9, "OffsetFetch", 6) \
  X(find_coordinator, 10, "FindCoordinator", 3) \
  X(join_group, 11, "JoinGroup", 6) \
  X(heartbeat, 12, "Heartbeat", 4) \
  X(leave_group, 13, "LeaveGroup", 4) \
  X(sync_group, 14, "SyncGroup", 4) \
  X(describe_groups, 15, "DescribeGroups", 5) \
  X(list_groups, 16, "ListGroups", 3) \
  X(sasl_handshake, 17, "SaslHandshake", codec::never) \
  X(api_versions, 18, "ApiVersions", 3) \
  X(create_topics, 19, "CreateTopics", 5) \
  X(delete_topics, 20, "DeleteTopics", 4) \
  X(delete_records, 21, "DeleteRecords", 2) \
  X(init_producer_id, 22, "InitProducerId", 2) \
  X(offset_for_leader_epoch, 23, "OffsetForLeaderEpoch", 4) \
  X(add_partitions_to_txn, 24, "AddPartitionsToTxn", 3) \
  X(add_offsets_to_txn, 25, "AddOffsetsToTxn", 3) \
  X(end_txn, 26, "EndTxn", 3) \
  X(write_txn_markers, 27, "WriteTxnMarkers", 1) \
  X(txn_offset_commit, 28, "TxnOffsetCommit", 3) \
  X(describe_acls, 29, "DescribeAcls", 2) \
  X(create_acls, 30, "CreateAcls", 2) \
  X(delete_acls, 31, "DeleteAcls", 2) \
  X(describe_configs, 32, "DescribeConfigs", 4) \
  X(alter_configs, 33, "AlterConfigs", 2) \
  X(alter_replica_log_dirs, 34, "AlterReplicaLogDirs", 2) \
  X(describe_log_dirs, 35, "DescribeLogDirs", 2) \
  X(sasl_authenticate, 36, "SaslAuthenticate", 2) \
  X(create_partitions, 37, "CreatePartitions", 2) \
  X(create_delegation_token, 38, "CreateDelegationToken", 2) \
  X(renew_delegation_token, 39, "RenewDelegationToken", 2) \
  X(expire_delegation_token, 40, "ExpireDelegationToken", 2) \
  X(describe_delegation_token, 41, "DescribeDelegationToken", 2) \
  X(delete_groups, 42, "DeleteGroups", 2) \
  X(elect_leaders, 43, "ElectLeaders", 2) \
  X(incremental_alter_configs, 44, "IncrementalAlterConfigs", 1) \
  X(alter_partition_reassignments, 45, "AlterPartitionReassignments", 0) \
  X(list_partition_reassignments, 46, "ListPartitionReassignments", 0) \
  X(offset_delete, 47, "OffsetDelete", codec::never) \
  X(describe_client_quotas, 48, "DescribeClientQuotas", 1) \
  X(alter_client_quotas, 49, "AlterClientQuotas", 1) \
  X(describe_user_scram_credentials, 50, "DescribeUserScramCredentials", 0) \
  X(alter_user_scram_credentials, 51, "AlterUserScramCredentials", 0) \
  X(describe_quorum, 55, "DescribeQuorum", 0) \
  X(update_features, 57, "UpdateFeatures", 0) \
  X(describe_cluster, 60, "DescribeCluster", 0) \
  X(describe_producers, 61, "DescribeProducers", 0) \
  X(unregister_broker, 64, "UnregisterBroker", 0) \
  X(describe_transactions, 65, "DescribeTransactions", 0) \
  X(list_transactions, 66, "ListTransactions", 0) \
  X(consumer_group_heartbeat, 68, "ConsumerGroupHeartbeat", 0) \
  X(consumer_group_describe, 69, "ConsumerGroupDescribe", 0) \
  X(get_telemetry_subscriptions, 71, "GetTelemetrySubscriptions", 0) \
  X(push_telemetry, 72, "PushTelemetry", 0) \
  X(list_config_resources, 74, "ListConfigResources", 0) \
  X(describe_topic_partitions, 75, "DescribeTopicPartitions", 0) \
  X(share_group_heartbeat, 76, "ShareGroupHeartbeat", 0) \
  X(share_group_describe, 77, "ShareGroupDescribe", 0) \
  X(share_fetch, 78, "ShareFetch", 0) \
  X(share_acknowledge, 79, "ShareAcknowledge", 0) \
  X(add_raft_voter, 80, "AddRaftVoter", 0) \
  X(remove_raft_voter, 81, "RemoveRaftVoter", 0) \
  X(initialize_share_group_state, 83, "InitializeShareGroupState", 0) \
  X(read_share_group_state, 84, "ReadShareGroupState", 0) \
  X(write_share_group_state, 85, "WriteShareGroupState", 0) \
  X(delete_share_group_state, 86, "DeleteShareGroupState", 0) \
  X(read_share_group_state_summary, 87, "ReadShareGroupStateSummary", 0) \
  X(streams_group_heartbeat, 88, "StreamsGroupHeartbeat", 0) \
  X(streams_group_describe, 89, "StreamsGroupDescribe", 0) \
  X(describe_share_group_offsets, 90, "DescribeShareGroupOffsets", 0) \
  X(alter_share_group_offsets, 91, "AlterShareGroupOffsets", 0) \
  X(delete_share_group_offsets, 92, "DeleteShareGroupOffsets", 0)
// clang-format on

namespace tidelog::protocol {

enum class api_key : std::int16_t {
#define TIDELOG_ENUMERATOR(enumerator, key, name, flexible_from) enumerator = key,
  TIDELOG_API_KEYS(TIDELOG_ENUMERATOR)
#undef TIDELOG_ENUMERATOR
};

struct api_info {
  api_key key;
  std::string_view name;
  /// From this version on the API has compact lengths and tagged fields, in its headers too.
  std::int16_t flexible_from;
};

/// In ascending order of keys.
inline constexpr std::array all_apis{
#define TIDELOG_ROW(enumerator, key, name, flexible_from) api_info{api_key::enumerator, name, flexible_from},
    TIDELOG_API_KEYS(TIDELOG_ROW)
#undef TIDELOG_ROW
};

/// Nothing when no API has this key. The result lives for ever.
[[nodiscard]] constexpr const api_info* find_api(api_key key) {
  for (const auto& api : all_apis) {
    if (api.key == key) return &api;
  }
  return nullptr;
}

/// The name in the protocol, as "Produce"; "unknown" for a key that no API has.
[[nodiscard]] constexpr std::string_view api_name(api_key key) {
  const auto* const api = find_api(key);
  return api != nullptr ? api->name : "unknown";
}

/// The first flexible version of a listed API.
[[nodiscard]] consteval std::int16_t flexible_version_of(api_key key) {
  return find_api(key)->flexible_from;
}

}  // namespace tidelog::protocol
