// The typed configurations: each field read from the key it is named after.

#include "config_values.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/metadata/config_effective.hpp"

#include <algorithm>

namespace tidelog::metadata {
namespace {

class typed_reader {
 public:
  typed_reader(config_scope scope, const config_layers& layers) : scope_(scope), layers_(&layers) {}

  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name) const {
    const auto* key = find_config_key(scope_, name);
    TIDELOG_ASSERT(key != nullptr, "{}", name);
    return effective_config_text(*key, *layers_);
  }
  [[nodiscard]] std::optional<std::int64_t> optional_whole(std::string_view name) const {
    return optional_text(name) ? std::optional(whole(name)) : std::nullopt;
  }
  [[nodiscard]] std::string text(std::string_view name) const { return optional_text(name).value_or(""); }
  [[nodiscard]] std::int64_t whole(std::string_view name) const { return read_whole(text(name)).value_or(0); }
  /// Values were checked against the key's type, so nothing is lost.
  [[nodiscard]] std::int32_t whole32(std::string_view name) const {
    return static_cast<std::int32_t>(whole(name));
  }
  [[nodiscard]] double floating(std::string_view name) const { return read_floating(text(name)).value_or(0); }
  [[nodiscard]] bool boolean(std::string_view name) const { return text(name) == "true"; }

 private:
  config_scope scope_;
  const config_layers* layers_;
};

topic_compression compression_of(std::string_view name) {
  if (name == "uncompressed") return topic_compression::uncompressed;
  if (name == "gzip") return topic_compression::gzip;
  if (name == "snappy") return topic_compression::snappy;
  if (name == "lz4") return topic_compression::lz4;
  if (name == "zstd") return topic_compression::zstd;
  return topic_compression::producer;
}

group_migration migration_of(const std::string& policy) {
  const auto word = in_lower_case(policy);
  if (word == "disabled") return group_migration::disabled;
  if (word == "upgrade") return group_migration::upgrade;
  if (word == "downgrade") return group_migration::downgrade;
  return group_migration::bidirectional;
}

coordinator_config effective_coordinator_config(const typed_reader& read, const config_layers& layers) {
  return {
      .min_session_timeout_ms = read.whole32("group.min.session.timeout.ms"),
      .max_session_timeout_ms = read.whole32("group.max.session.timeout.ms"),
      .initial_rebalance_delay_ms = read.whole32("group.initial.rebalance.delay.ms"),
      .max_size = read.whole32("group.max.size"),
      .consumer_max_size = read.whole32("group.consumer.max.size"),
      .consumer_migration = migration_of(read.text("group.consumer.migration.policy")),
      .consumer_assignors = split_config_list(read.text("group.consumer.assignors")),
      .defaults = effective_group_config(layers),
      .offset_metadata_max_bytes = read.whole32("offset.metadata.max.bytes"),
      .offsets_retention_minutes = read.whole32("offsets.retention.minutes"),
      .offsets_retention_check_interval_ms = read.whole("offsets.retention.check.interval.ms"),
      .offsets_load_buffer_bytes = read.whole32("offsets.load.buffer.size"),
      .offsets_topic_num_partitions = read.whole32("offsets.topic.num.partitions"),
      .offsets_topic_segment_bytes = read.whole32("offsets.topic.segment.bytes"),
  };
}

transaction_config effective_transaction_config(const typed_reader& read) {
  return {
      .max_timeout_ms = read.whole32("transaction.max.timeout.ms"),
      .id_expiration_ms = read.whole32("transactional.id.expiration.ms"),
      .abort_timed_out_interval_ms =
          read.whole32("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
      .remove_expired_interval_ms =
          read.whole32("transaction.remove.expired.transaction.cleanup.interval.ms"),
      .add_partitions_retry_backoff_max_ms = read.whole32("add.partitions.to.txn.retry.backoff.max.ms"),
      .partition_verification_enable = read.boolean("transaction.partition.verification.enable"),
      .state_log_load_buffer_bytes = read.whole32("transaction.state.log.load.buffer.size"),
      .state_log_num_partitions = read.whole32("transaction.state.log.num.partitions"),
      .state_log_segment_bytes = read.whole32("transaction.state.log.segment.bytes"),
  };
}

}  // namespace

topic_config effective_topic_config(const config_layers& layers) {
  const typed_reader read(config_scope::topic, layers);
  const auto policies = split_config_list(read.text("cleanup.policy"));
  const auto has_policy = [&](std::string_view name) {
    return std::ranges::find(policies, name) != policies.end();
  };
  return topic_config{
      .cleanup_delete = has_policy("delete"),
      .cleanup_compact = has_policy("compact"),
      .compression = compression_of(read.text("compression.type")),
      .gzip_level = read.whole32("compression.gzip.level"),
      .lz4_level = read.whole32("compression.lz4.level"),
      .zstd_level = read.whole32("compression.zstd.level"),
      .delete_retention_ms = read.whole("delete.retention.ms"),
      .file_delete_delay_ms = read.whole("file.delete.delay.ms"),
      .flush_messages = read.whole("flush.messages"),
      .flush_ms = read.whole("flush.ms"),
      .index_interval_bytes = read.whole32("index.interval.bytes"),
      .max_compaction_lag_ms = read.whole("max.compaction.lag.ms"),
      .max_message_bytes = read.whole32("max.message.bytes"),
      .message_timestamp_after_max_ms = read.whole("message.timestamp.after.max.ms"),
      .message_timestamp_before_max_ms = read.whole("message.timestamp.before.max.ms"),
      .message_timestamp_type = read.text("message.timestamp.type") == "LogAppendTime"
                                    ? timestamp_type::log_append_time
                                    : timestamp_type::create_time,
      .min_cleanable_dirty_ratio = read.floating("min.cleanable.dirty.ratio"),
      .min_compaction_lag_ms = read.whole("min.compaction.lag.ms"),
      .retention_bytes = read.whole("retention.bytes"),
      .retention_ms = read.whole("retention.ms"),
      .segment_bytes = read.whole32("segment.bytes"),
      .segment_index_bytes = read.whole32("segment.index.bytes"),
      .segment_jitter_ms = read.whole("segment.jitter.ms"),
      .segment_ms = read.whole("segment.ms"),
  };
}

group_config effective_group_config(const config_layers& layers) {
  const typed_reader group(config_scope::group, layers);
  const typed_reader broker(config_scope::broker, layers);
  const auto within_bounds = [&](const std::string& name) {
    const auto lowest = broker.whole32("group.consumer.min." + name);
    const auto highest = broker.whole32("group.consumer.max." + name);
    return std::max(lowest, std::min(highest, group.whole32("consumer." + name)));
  };
  return {
      .consumer_assignment_interval_ms = within_bounds("assignment.interval.ms"),
      .consumer_heartbeat_interval_ms = within_bounds("heartbeat.interval.ms"),
      .consumer_session_timeout_ms = within_bounds("session.timeout.ms"),
  };
}

broker_config effective_broker_config(const config_layers& layers) {
  const typed_reader read(config_scope::broker, layers);
  return {
      .max_connections = read.whole32("max.connections"),
      .max_connections_per_ip = read.whole32("max.connections.per.ip"),
      // Host names, which Kafka would resolve, may stand in a directory that it wrote: they bind nobody.
      .max_connections_per_ip_overrides = parse_address_limits(read.text("max.connections.per.ip.overrides"))
                                              .value_or(std::vector<address_limit>{}),
      .producer_id_expiration_ms = read.whole32("producer.id.expiration.ms"),
      .log_level = read.text("log.level"),
      .log_cleaner_threads = read.whole32("log.cleaner.threads"),
      .log_cleaner_backoff_ms = read.whole("log.cleaner.backoff.ms"),
      .log_cleaner_dedupe_buffer_size = read.whole("log.cleaner.dedupe.buffer.size"),
      .log_cleaner_io_buffer_load_factor = read.floating("log.cleaner.io.buffer.load.factor"),
      .log_cleaner_io_buffer_size = read.whole32("log.cleaner.io.buffer.size"),
      .log_cleaner_io_max_bytes_per_second = read.floating("log.cleaner.io.max.bytes.per.second"),
      .log_free_space_min_bytes = read.whole("log.free.space.min.bytes"),
      .log_scrub_interval_hours = read.whole32("log.scrub.interval.hours"),
      .log_scrub_io_max_bytes_per_second = read.floating("log.scrub.io.max.bytes.per.second"),
      .log_cleaner_enable = read.boolean("log.cleaner.enable"),
      .log_commit_journal_bytes = read.whole("log.commit.journal.bytes"),
      .metrics_listen = read.text("metrics.listen"),
      .num_partitions = read.whole32("num.partitions"),
      .default_replication_factor = static_cast<std::int16_t>(read.whole("default.replication.factor")),
      .auto_create_topics_enable = read.boolean("auto.create.topics.enable"),
      .delete_topic_enable = read.boolean("delete.topic.enable"),
      .fetch_max_bytes = read.whole32("fetch.max.bytes"),
      .max_incremental_fetch_session_cache_slots = read.whole32("max.incremental.fetch.session.cache.slots"),
      .max_request_partition_size_limit = read.whole32("max.request.partition.size.limit"),
      .num_network_threads = std::max(1, read.whole32("num.network.threads")),
      .num_io_threads = std::max(1, read.whole32("num.io.threads")),
      .num_recovery_threads = read.whole32("num.recovery.threads.per.data.dir"),
      .socket_request_max_bytes = read.whole32("socket.request.max.bytes"),
      .socket_send_buffer_bytes = read.whole32("socket.send.buffer.bytes"),
      .socket_receive_buffer_bytes = read.whole32("socket.receive.buffer.bytes"),
      .socket_listen_backlog_size = read.whole32("socket.listen.backlog.size"),
      .queued_max_request_bytes = read.whole("queued.max.request.bytes"),
      .connections_max_idle_ms = read.whole("connections.max.idle.ms"),
      .log_retention_check_interval_ms = read.whole("log.retention.check.interval.ms"),
      .log_initial_task_delay_ms = read.optional_whole("log.initial.task.delay.ms"),
      .log_flush_offset_checkpoint_interval_ms = read.whole32("log.flush.offset.checkpoint.interval.ms"),
      .log_flush_start_offset_checkpoint_interval_ms =
          read.whole32("log.flush.start.offset.checkpoint.interval.ms"),
      .high_watermark_checkpoint_interval_ms = read.whole("replica.high.watermark.checkpoint.interval.ms"),
      .metadata_log_max_record_bytes_between_snapshots =
          read.whole("metadata.log.max.record.bytes.between.snapshots"),
      .rack = read.optional_text("broker.rack"),
      .groups = effective_coordinator_config(read, layers),
      .transactions = effective_transaction_config(read),
  };
}

}  // namespace tidelog::metadata
