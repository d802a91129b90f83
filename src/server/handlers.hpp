#pragma once
// Every handler there is, one .cpp each. A handler owns its request and answers it, at once or later, exactly once. It
// runs on the connection's reactor and must not wait there: what waits goes on on a worker.

#include "request.hpp"

namespace tidelog::protocol {
struct add_offsets_to_txn_request;
struct add_partitions_to_txn_request;
struct alter_configs_request;
struct alter_partition_reassignments_request;
struct api_versions_request;
struct consumer_group_describe_request;
struct consumer_group_heartbeat_request;
struct create_partitions_request;
struct create_topics_request;
struct delete_groups_request;
struct delete_records_request;
struct delete_topics_request;
struct describe_cluster_request;
struct describe_configs_request;
struct describe_groups_request;
struct describe_log_dirs_request;
struct describe_producers_request;
struct describe_quorum_request;
struct describe_topic_partitions_request;
struct describe_transactions_request;
struct elect_leaders_request;
struct end_txn_request;
struct fetch_request;
struct find_coordinator_request;
struct heartbeat_request;
struct incremental_alter_configs_request;
struct init_producer_id_request;
struct join_group_request;
struct leave_group_request;
struct list_config_resources_request;
struct list_groups_request;
struct list_offsets_request;
struct list_partition_reassignments_request;
struct list_transactions_request;
struct metadata_request;
struct offset_commit_request;
struct offset_delete_request;
struct offset_fetch_request;
struct offset_for_leader_epoch_request;
struct produce_request;
struct sync_group_request;
struct txn_offset_commit_request;
struct write_txn_markers_request;
}  // namespace tidelog::protocol

namespace tidelog::server {

void handle_add_offsets_to_txn(request of, protocol::add_offsets_to_txn_request message);
void handle_add_partitions_to_txn(request of, protocol::add_partitions_to_txn_request message);
void handle_alter_configs(request of, protocol::alter_configs_request message);
void handle_alter_partition_reassignments(request of,
                                          protocol::alter_partition_reassignments_request message);
void handle_api_versions(request of, protocol::api_versions_request message);
void handle_consumer_group_describe(request of, protocol::consumer_group_describe_request message);
void handle_consumer_group_heartbeat(request of, protocol::consumer_group_heartbeat_request message);
void handle_create_partitions(request of, protocol::create_partitions_request message);
void handle_create_topics(request of, protocol::create_topics_request message);
void handle_delete_groups(request of, protocol::delete_groups_request message);
void handle_delete_records(request of, protocol::delete_records_request message);
void handle_delete_topics(request of, protocol::delete_topics_request message);
void handle_describe_cluster(request of, protocol::describe_cluster_request message);
void handle_describe_configs(request of, protocol::describe_configs_request message);
void handle_describe_groups(request of, protocol::describe_groups_request message);
void handle_describe_log_dirs(request of, protocol::describe_log_dirs_request message);
void handle_describe_producers(request of, protocol::describe_producers_request message);
void handle_describe_quorum(request of, protocol::describe_quorum_request message);
void handle_describe_topic_partitions(request of, protocol::describe_topic_partitions_request message);
void handle_describe_transactions(request of, protocol::describe_transactions_request message);
void handle_elect_leaders(request of, protocol::elect_leaders_request message);
void handle_end_txn(request of, protocol::end_txn_request message);
void handle_fetch(request of, protocol::fetch_request message);
void handle_find_coordinator(request of, protocol::find_coordinator_request message);
void handle_heartbeat(request of, protocol::heartbeat_request message);
void handle_incremental_alter_configs(request of, protocol::incremental_alter_configs_request message);
void handle_init_producer_id(request of, protocol::init_producer_id_request message);
void handle_join_group(request of, protocol::join_group_request message);
void handle_leave_group(request of, protocol::leave_group_request message);
void handle_list_config_resources(request of, protocol::list_config_resources_request message);
void handle_list_groups(request of, protocol::list_groups_request message);
void handle_list_offsets(request of, protocol::list_offsets_request message);
void handle_list_partition_reassignments(request of, protocol::list_partition_reassignments_request message);
void handle_list_transactions(request of, protocol::list_transactions_request message);
void handle_metadata(request of, protocol::metadata_request message);
void handle_offset_commit(request of, protocol::offset_commit_request message);
void handle_offset_delete(request of, protocol::offset_delete_request message);
void handle_offset_fetch(request of, protocol::offset_fetch_request message);
void handle_offset_for_leader_epoch(request of, protocol::offset_for_leader_epoch_request message);
void handle_produce(request of, protocol::produce_request message);
void handle_sync_group(request of, protocol::sync_group_request message);
void handle_txn_offset_commit(request of, protocol::txn_offset_commit_request message);
void handle_write_txn_markers(request of, protocol::write_txn_markers_request message);

}  // namespace tidelog::server
