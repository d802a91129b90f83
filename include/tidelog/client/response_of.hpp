#pragma once
// Which response answers which request. Forward declarations only: include the message that you use.

// clang-format off
#define TIDELOG_CLIENT_APIS(X) \
  X(produce) X(fetch) X(list_offsets) X(metadata) X(api_versions) X(create_topics) X(delete_topics) X(delete_records) \
  X(init_producer_id) X(offset_for_leader_epoch) X(describe_configs) X(alter_configs) X(describe_log_dirs) \
  X(create_partitions) X(incremental_alter_configs) X(describe_quorum) X(describe_cluster) X(describe_producers) \
  X(list_config_resources) X(describe_topic_partitions) X(offset_commit) X(offset_fetch) X(find_coordinator) \
  X(join_group) X(heartbeat) X(leave_group) X(sync_group) X(describe_groups) X(list_groups) X(delete_groups) \
  X(offset_delete) X(consumer_group_heartbeat) X(consumer_group_describe) X(elect_leaders) \
  X(alter_partition_reassignments) X(list_partition_reassignments) X(add_partitions_to_txn) X(add_offsets_to_txn) \
  X(end_txn) X(write_txn_markers) X(txn_offset_commit) X(describe_transactions) X(list_transactions)
// clang-format on

namespace tidelog::protocol {
#define TIDELOG_DECLARE(name) \
  struct name##_request;      \
  struct name##_response;
TIDELOG_CLIENT_APIS(TIDELOG_DECLARE)
#undef TIDELOG_DECLARE
}  // namespace tidelog::protocol

namespace tidelog::client {

template <class Request>
struct response_of;

#define TIDELOG_PAIR(name)                       \
  template <>                                    \
  struct response_of<protocol::name##_request> { \
    using type = protocol::name##_response;      \
  };
TIDELOG_CLIENT_APIS(TIDELOG_PAIR)
#undef TIDELOG_PAIR

}  // namespace tidelog::client

#undef TIDELOG_CLIENT_APIS
