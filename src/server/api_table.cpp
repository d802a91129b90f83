#include "api_table.hpp"

#include "handlers.hpp"

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

#include <algorithm>
#include <array>

namespace tidelog::server {
namespace {

template <class Message, void (*Handle)(request, Message)>
void decode_and_handle(request of) {
  auto message = protocol::decode_request<Message>(of.header());
  if (!message) {
    of.close(fmt::format("{} version {} cannot be decoded: {}", protocol::api_name(Message::key),
                         of.version(), message.error().describe()));
    return;
  }
  Handle(std::move(of), std::move(*message));
}

template <class Message, void (*Handle)(request, Message)>
constexpr api_row row(std::int16_t advertised_min = Message::versions.min) {
  return {Message::key, Message::versions.min, Message::versions.max, advertised_min,
          decode_and_handle<Message, Handle>};
}

constexpr std::array table{
    // Offered from 0, though nothing below 3 is served: without that librdkafka turns compression off.
    row<protocol::produce_request, handle_produce>(0),
    row<protocol::fetch_request, handle_fetch>(),
    row<protocol::list_offsets_request, handle_list_offsets>(),
    row<protocol::metadata_request, handle_metadata>(),
    row<protocol::offset_commit_request, handle_offset_commit>(),
    row<protocol::offset_fetch_request, handle_offset_fetch>(),
    row<protocol::find_coordinator_request, handle_find_coordinator>(),
    row<protocol::join_group_request, handle_join_group>(),
    row<protocol::heartbeat_request, handle_heartbeat>(),
    row<protocol::leave_group_request, handle_leave_group>(),
    row<protocol::sync_group_request, handle_sync_group>(),
    row<protocol::describe_groups_request, handle_describe_groups>(),
    row<protocol::list_groups_request, handle_list_groups>(),
    row<protocol::api_versions_request, handle_api_versions>(),
    row<protocol::create_topics_request, handle_create_topics>(),
    row<protocol::delete_topics_request, handle_delete_topics>(),
    row<protocol::delete_records_request, handle_delete_records>(),
    row<protocol::init_producer_id_request, handle_init_producer_id>(),
    row<protocol::offset_for_leader_epoch_request, handle_offset_for_leader_epoch>(),
    row<protocol::add_partitions_to_txn_request, handle_add_partitions_to_txn>(),
    row<protocol::add_offsets_to_txn_request, handle_add_offsets_to_txn>(),
    row<protocol::end_txn_request, handle_end_txn>(),
    row<protocol::write_txn_markers_request, handle_write_txn_markers>(),
    row<protocol::txn_offset_commit_request, handle_txn_offset_commit>(),
    row<protocol::describe_configs_request, handle_describe_configs>(),
    row<protocol::alter_configs_request, handle_alter_configs>(),
    row<protocol::describe_log_dirs_request, handle_describe_log_dirs>(),
    row<protocol::create_partitions_request, handle_create_partitions>(),
    row<protocol::delete_groups_request, handle_delete_groups>(),
    row<protocol::elect_leaders_request, handle_elect_leaders>(),
    row<protocol::incremental_alter_configs_request, handle_incremental_alter_configs>(),
    row<protocol::alter_partition_reassignments_request, handle_alter_partition_reassignments>(),
    row<protocol::list_partition_reassignments_request, handle_list_partition_reassignments>(),
    row<protocol::offset_delete_request, handle_offset_delete>(),
    row<protocol::describe_quorum_request, handle_describe_quorum>(),
    row<protocol::describe_cluster_request, handle_describe_cluster>(),
    row<protocol::describe_producers_request, handle_describe_producers>(),
    row<protocol::describe_transactions_request, handle_describe_transactions>(),
    row<protocol::list_transactions_request, handle_list_transactions>(),
    row<protocol::consumer_group_heartbeat_request, handle_consumer_group_heartbeat>(),
    row<protocol::consumer_group_describe_request, handle_consumer_group_describe>(),
    row<protocol::list_config_resources_request, handle_list_config_resources>(),
    row<protocol::describe_topic_partitions_request, handle_describe_topic_partitions>(),
};
static_assert(std::is_sorted(table.begin(), table.end(),
                             [](const api_row& left, const api_row& right) { return left.key < right.key; }));

}  // namespace

std::span<const api_row> api_table() {
  return table;
}

const api_row* find_row(protocol::api_key key) {
  const auto found =
      std::lower_bound(table.begin(), table.end(), key,
                       [](const api_row& row, protocol::api_key wanted) { return row.key < wanted; });
  return found != table.end() && found->key == key ? &*found : nullptr;
}

}  // namespace tidelog::server
