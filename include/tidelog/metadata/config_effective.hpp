#pragma once
// What holds: the configuration table's defaults under the layers of values that were set, for one topic or
// for the broker, as text with its sources (DescribeConfigs) and as typed values (everybody else).

#include "tidelog/base/result.hpp"
#include "tidelog/metadata/config_listeners.hpp"
#include "tidelog/metadata/config_table.hpp"
#include "tidelog/metadata/image.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::metadata {

/// Kafka's numbers.
enum class config_source : std::int8_t {
  topic = 1,
  broker = 2,
  cluster_wide = 3,
  configuration_file = 4,
  table_default = 5,
  group = 8,
};

/// The values that were set, nearest first; a null layer is empty. The maps are borrowed for the duration of
/// a call.
struct config_layers {
  /// Of the topic asked about; not used for broker keys.
  const config_map* topic = nullptr;
  /// Of the consumer group asked about; not used for other keys.
  const config_map* group = nullptr;
  /// Set by AlterConfigs for this broker, and for all brokers.
  const config_map* broker = nullptr;
  const config_map* cluster_wide = nullptr;
  /// From the configuration file and the command line.
  const config_map* configuration_file = nullptr;
  /// Defaults that depend on the machine (number of threads, data directory); answered as defaults.
  const config_map* machine = nullptr;
};

struct config_synonym {
  std::string_view name;
  /// Absent for secrets.
  std::optional<std::string> value;
  config_source source;
};

/// One row of a DescribeConfigs answer.
struct config_entry {
  const config_key* key = nullptr;
  /// Absent for secrets and for keys without a value.
  std::optional<std::string> value;
  config_source source = config_source::table_default;
  /// Nearest first: where the value came from, and what would hold without it.
  std::vector<config_synonym> synonyms;
  [[nodiscard]] bool is_read_only() const {
    return key->scope == config_scope::broker && key->update == config_update::read_only;
  }
};

[[nodiscard]] config_entry describe_config(const config_key& key, const config_layers& layers);
/// The value that holds, secrets included; absent when the key has none.
[[nodiscard]] std::optional<std::string> effective_config_text(const config_key& key,
                                                               const config_layers& layers);

/// What a set of changes must hold to, beyond each value by itself: for example min.compaction.lag.ms may not
/// pass max.compaction.lag.ms. `layers.topic` (or the broker's layers) as they would be after the change.
/// Error: conflicting_values.
[[nodiscard]] base::status check_topic_configs_together(const config_layers& layers);
[[nodiscard]] base::status check_broker_configs_together(const config_layers& layers);
/// A group's values lie within the broker's group.consumer.min.* and max.*.
[[nodiscard]] base::status check_group_configs_together(const config_layers& layers);

/// Parses every value; the result is canonical and ready to be recorded. Errors: unknown_key, invalid_value,
/// refused, conflicting_values (against `layers`, whose topic layer is not looked at).
[[nodiscard]] base::result<config_map> validate_topic_configs(const config_map& given, config_layers layers);

/// The keys among `set` that this version keeps without acting on them yet: for a line in the log when a
/// topic is made or changed, and at start.
[[nodiscard]] std::vector<const config_key*> stored_only_configs(config_scope scope, const config_map& set);

/// What a consumer group can be configured to. A value that the broker's bounds have since left behind counts as the
/// nearest bound.
struct group_config {
  std::int32_t consumer_assignment_interval_ms = 0;
  std::int32_t consumer_heartbeat_interval_ms = 0;
  std::int32_t consumer_session_timeout_ms = 0;
  friend bool operator==(const group_config&, const group_config&) = default;
};
[[nodiscard]] group_config effective_group_config(const config_layers& layers);

enum class timestamp_type : std::uint8_t { create_time, log_append_time };
/// What a topic stores: what the producer sent, or everything in one codec.
enum class topic_compression : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };

/// A topic's configuration. A value that was kept by another program and cannot be read here counts as not
/// set.
struct topic_config {
  /// cleanup.policy; neither: nothing is ever removed.
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  topic_compression compression = topic_compression::producer;
  std::int32_t gzip_level = 0;
  std::int32_t lz4_level = 0;
  std::int32_t zstd_level = 0;
  std::int64_t delete_retention_ms = 0;
  std::int64_t file_delete_delay_ms = 0;
  /// 1: an acknowledgement means on disk. INT64_MAX: the kernel writes back when it likes.
  std::int64_t flush_messages = 1;
  std::int64_t flush_ms = 0;
  std::int32_t index_interval_bytes = 0;
  std::int64_t max_compaction_lag_ms = 0;
  std::int32_t max_message_bytes = 0;
  std::int64_t message_timestamp_after_max_ms = 0;
  std::int64_t message_timestamp_before_max_ms = 0;
  timestamp_type message_timestamp_type = timestamp_type::create_time;
  double min_cleanable_dirty_ratio = 0;
  std::int64_t min_compaction_lag_ms = 0;
  /// -1: no bound.
  std::int64_t retention_bytes = -1;
  std::int64_t retention_ms = -1;
  std::int32_t segment_bytes = 0;
  std::int32_t segment_index_bytes = 0;
  std::int64_t segment_jitter_ms = 0;
  std::int64_t segment_ms = 0;
  friend bool operator==(const topic_config&, const topic_config&) = default;
};
[[nodiscard]] topic_config effective_topic_config(const config_layers& layers);

/// group.consumer.migration.policy
enum class group_migration : std::uint8_t { disabled, upgrade, downgrade, bidirectional };

/// The broker's configuration of consumer groups and their offsets.
struct coordinator_config {
  std::int32_t min_session_timeout_ms = 0;
  std::int32_t max_session_timeout_ms = 0;
  std::int32_t initial_rebalance_delay_ms = 0;
  std::int32_t max_size = 0;
  std::int32_t consumer_max_size = 0;
  group_migration consumer_migration = group_migration::bidirectional;
  /// In order of preference.
  std::vector<std::string> consumer_assignors;
  /// Of groups that have no values of their own.
  group_config defaults;
  std::int32_t offset_metadata_max_bytes = 0;
  std::int32_t offsets_retention_minutes = 0;
  std::int64_t offsets_retention_check_interval_ms = 0;
  std::int32_t offsets_load_buffer_bytes = 0;
  std::int32_t offsets_topic_num_partitions = 0;
  std::int32_t offsets_topic_segment_bytes = 0;
  friend bool operator==(const coordinator_config&, const coordinator_config&) = default;
};

/// The broker's configuration of transactions.
struct transaction_config {
  std::int32_t max_timeout_ms = 0;
  std::int32_t id_expiration_ms = 0;
  std::int32_t abort_timed_out_interval_ms = 0;
  std::int32_t remove_expired_interval_ms = 0;
  std::int32_t add_partitions_retry_backoff_max_ms = 0;
  /// Whether records of clients that add partitions themselves are taken only for partitions that they have added.
  bool partition_verification_enable = true;
  std::int32_t state_log_load_buffer_bytes = 0;
  std::int32_t state_log_num_partitions = 0;
  std::int32_t state_log_segment_bytes = 0;
  friend bool operator==(const transaction_config&, const transaction_config&) = default;
};

/// The broker's own configuration as typed values. Fields in the first group can change while it runs.
struct broker_config {
  std::int32_t max_connections = 0;
  std::int32_t max_connections_per_ip = 0;
  std::vector<address_limit> max_connections_per_ip_overrides;
  std::int32_t producer_id_expiration_ms = 0;
  std::string log_level;
  std::int32_t log_cleaner_threads = 0;
  std::int64_t log_cleaner_backoff_ms = 0;
  std::int64_t log_cleaner_dedupe_buffer_size = 0;
  double log_cleaner_io_buffer_load_factor = 0;
  std::int32_t log_cleaner_io_buffer_size = 0;
  double log_cleaner_io_max_bytes_per_second = 0;
  std::int64_t log_free_space_min_bytes = 0;
  /// -1: segments are not read through.
  std::int32_t log_scrub_interval_hours = 0;
  double log_scrub_io_max_bytes_per_second = 0;

  bool log_cleaner_enable = true;
  /// 0: none.
  std::int64_t log_commit_journal_bytes = 0;
  /// HOST:PORT; empty for nowhere.
  std::string metrics_listen;
  std::int32_t num_partitions = 0;
  std::int16_t default_replication_factor = 0;
  bool auto_create_topics_enable = true;
  bool delete_topic_enable = true;
  std::int32_t fetch_max_bytes = 0;
  std::int32_t max_incremental_fetch_session_cache_slots = 0;
  std::int32_t max_request_partition_size_limit = 0;
  std::int32_t num_network_threads = 0;
  std::int32_t num_io_threads = 0;
  std::int32_t num_recovery_threads = 0;
  std::int32_t socket_request_max_bytes = 0;
  /// -1: the kernel's own size.
  std::int32_t socket_send_buffer_bytes = 0;
  std::int32_t socket_receive_buffer_bytes = 0;
  std::int32_t socket_listen_backlog_size = 0;
  /// Memory that requests in flight may hold together; -1: no bound.
  std::int64_t queued_max_request_bytes = 0;
  /// Negative: idle connections are kept.
  std::int64_t connections_max_idle_ms = 0;
  std::int64_t log_retention_check_interval_ms = 0;
  /// Nothing: as the interval, but no longer than Kafka's default.
  std::optional<std::int64_t> log_initial_task_delay_ms{};
  std::int32_t log_flush_offset_checkpoint_interval_ms = 0;
  std::int32_t log_flush_start_offset_checkpoint_interval_ms = 0;
  std::int64_t high_watermark_checkpoint_interval_ms = 0;
  std::int64_t metadata_log_max_record_bytes_between_snapshots = 0;
  std::optional<std::string> rack;
  coordinator_config groups;
  transaction_config transactions;
  friend bool operator==(const broker_config&, const broker_config&) = default;
};
[[nodiscard]] broker_config effective_broker_config(const config_layers& layers);

}  // namespace tidelog::metadata
