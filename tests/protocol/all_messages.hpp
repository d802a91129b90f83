#pragma once
// Every message of the protocol layer, for tests that must hold for each of them.

#include "tidelog/codec/consumer_protocol.hpp"
#include "tidelog/protocol/add_offsets_to_txn.hpp"
#include "tidelog/protocol/add_partitions_to_txn.hpp"
#include "tidelog/protocol/alter_configs.hpp"
#include "tidelog/protocol/alter_partition_reassignments.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/consumer_group_describe.hpp"
#include "tidelog/protocol/consumer_group_heartbeat.hpp"
#include "tidelog/protocol/create_partitions.hpp"
#include "tidelog/protocol/create_topics.hpp"
#include "tidelog/protocol/delete_groups.hpp"
#include "tidelog/protocol/delete_records.hpp"
#include "tidelog/protocol/delete_topics.hpp"
#include "tidelog/protocol/describe_cluster.hpp"
#include "tidelog/protocol/describe_configs.hpp"
#include "tidelog/protocol/describe_groups.hpp"
#include "tidelog/protocol/describe_log_dirs.hpp"
#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_quorum.hpp"
#include "tidelog/protocol/describe_topic_partitions.hpp"
#include "tidelog/protocol/describe_transactions.hpp"
#include "tidelog/protocol/elect_leaders.hpp"
#include "tidelog/protocol/end_txn.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/incremental_alter_configs.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/leave_group.hpp"
#include "tidelog/protocol/list_config_resources.hpp"
#include "tidelog/protocol/list_groups.hpp"
#include "tidelog/protocol/list_offsets.hpp"
#include "tidelog/protocol/list_partition_reassignments.hpp"
#include "tidelog/protocol/list_transactions.hpp"
#include "tidelog/protocol/metadata.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/offset_delete.hpp"
#include "tidelog/protocol/offset_fetch.hpp"
#include "tidelog/protocol/offset_for_leader_epoch.hpp"
#include "tidelog/protocol/produce.hpp"
#include "tidelog/protocol/sync_group.hpp"
#include "tidelog/protocol/txn_offset_commit.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"

namespace tidelog::test {

/// Calls `visit.operator()<message>(name)` for each, with its name as Kafka has it: ProduceRequest.
template <class Visit>
void for_each_message(Visit&& visit) {
#define TIDELOG_VISIT(api)                                                  \
  visit.template operator()<protocol::api##_request>(                       \
      std::string(protocol::api_name(protocol::api_key::api)) + "Request"); \
  visit.template operator()<protocol::api##_response>(                      \
      std::string(protocol::api_name(protocol::api_key::api)) + "Response");
  TIDELOG_VISIT(produce)
  TIDELOG_VISIT(fetch)
  TIDELOG_VISIT(list_offsets)
  TIDELOG_VISIT(metadata)
  TIDELOG_VISIT(api_versions)
  TIDELOG_VISIT(create_topics)
  TIDELOG_VISIT(delete_topics)
  TIDELOG_VISIT(delete_records)
  TIDELOG_VISIT(init_producer_id)
  TIDELOG_VISIT(offset_for_leader_epoch)
  TIDELOG_VISIT(describe_configs)
  TIDELOG_VISIT(alter_configs)
  TIDELOG_VISIT(incremental_alter_configs)
  TIDELOG_VISIT(describe_log_dirs)
  TIDELOG_VISIT(create_partitions)
  TIDELOG_VISIT(describe_quorum)
  TIDELOG_VISIT(describe_cluster)
  TIDELOG_VISIT(describe_producers)
  TIDELOG_VISIT(elect_leaders)
  TIDELOG_VISIT(alter_partition_reassignments)
  TIDELOG_VISIT(list_partition_reassignments)
  TIDELOG_VISIT(list_config_resources)
  TIDELOG_VISIT(describe_topic_partitions)
  TIDELOG_VISIT(offset_commit)
  TIDELOG_VISIT(offset_fetch)
  TIDELOG_VISIT(find_coordinator)
  TIDELOG_VISIT(join_group)
  TIDELOG_VISIT(heartbeat)
  TIDELOG_VISIT(leave_group)
  TIDELOG_VISIT(sync_group)
  TIDELOG_VISIT(describe_groups)
  TIDELOG_VISIT(list_groups)
  TIDELOG_VISIT(delete_groups)
  TIDELOG_VISIT(offset_delete)
  TIDELOG_VISIT(consumer_group_heartbeat)
  TIDELOG_VISIT(consumer_group_describe)
  TIDELOG_VISIT(add_partitions_to_txn)
  TIDELOG_VISIT(add_offsets_to_txn)
  TIDELOG_VISIT(end_txn)
  TIDELOG_VISIT(write_txn_markers)
  TIDELOG_VISIT(txn_offset_commit)
  TIDELOG_VISIT(describe_transactions)
  TIDELOG_VISIT(list_transactions)
#undef TIDELOG_VISIT
  visit.template operator()<codec::consumer_protocol_subscription>("ConsumerProtocolSubscription");
  visit.template operator()<codec::consumer_protocol_assignment>("ConsumerProtocolAssignment");
}

}  // namespace tidelog::test
