#include "config_rows.hpp"

namespace tidelog::metadata::rows {
namespace {

constexpr std::int64_t minute_ms = 60'000;
constexpr std::int64_t hour_ms = 60 * minute_ms;

constexpr config_key table[] = {
    list("cleanup.policy", "delete")
        .one_of(cleanup_policies)
        .broker_key("log.cleanup.policy")
        .topic_says("What happens to old records: delete removes segments by age and size, compact keeps the "
                    "last record of each key; both may hold."),
    int32("compression.gzip.level", "-1")
        .from(1)
        .to(9)
        .or_else(-1)
        .broker_key("compression.gzip.level")
        .topic_says(
            "How hard gzip tries where compression.type makes the broker compress; -1 is zlib's own choice."),
    int32("compression.lz4.level", "9")
        .from(1)
        .to(17)
        .broker_key("compression.lz4.level")
        .topic_says("How hard lz4 tries where compression.type makes the broker compress."),
    string("compression.type", "producer")
        .one_of(compression_types)
        .broker_key("compression.type")
        .topic_says("The codec that batches are stored in; producer stores them as they came."),
    int32("compression.zstd.level", "3")
        .from(-131072)
        .to(22)
        .broker_key("compression.zstd.level")
        .topic_says("How hard zstd tries where compression.type makes the broker compress."),
    int64("delete.retention.ms", "86400000")
        .from(0)
        .broker_key("log.cleaner.delete.retention.ms")
        .topic_says("How long a record without a value (a deletion of its key) stays after a cleaning has "
                    "first met it."),
    int64("file.delete.delay.ms", "60000")
        .from(0)
        .broker_key("log.segment.delete.delay.ms")
        .topic_says("How long a removed segment's files stay on disk under another name."),
    int64("flush.messages", "1")
        .from(1)
        .broker_key("log.flush.interval.messages")
        .topic_says(
            "Records after which a partition is written through to the disk: 1 (unlike Kafka's default) lets "
            "an "
            "acknowledgement mean on disk, 9223372036854775807 (Kafka's default) leaves writing back to the "
            "kernel."),
    int64("flush.ms", int64_max_text)
        .from(0)
        .broker_key("log.flush.interval.ms")
        .broker_key("log.flush.scheduler.interval.ms")
        .topic_says(
            "The longest time that a record waits before its partition is written through to the disk."),
    list("follower.replication.throttled.replicas", "")
        .no_effect()
        .checked(objection_to_throttled_replicas, "* or PARTITION:BROKER pairs")
        .topic_says(
            "Replicas whose fetching is throttled; kept for tools that set it, as nothing is replicated."),
    int32("index.interval.bytes", "4096")
        .from(0)
        .broker_key("log.index.interval.bytes")
        .topic_says("Bytes of records between two entries of the offset index."),
    list("leader.replication.throttled.replicas", "")
        .no_effect()
        .checked(objection_to_throttled_replicas, "* or PARTITION:BROKER pairs")
        .topic_says("Replicas that are served at a throttled rate; kept for tools that set it, as nothing is "
                    "replicated."),
    int64("local.retention.bytes", "-2")
        .from(-2)
        .stored_only()
        .broker_key("log.local.retention.bytes")
        .topic_says(
            "Bytes that stay on this machine under tiered storage; stored only, since tiered storage is not "
            "part of this version."),
    int64("local.retention.ms", "-2")
        .from(-2)
        .stored_only()
        .broker_key("log.local.retention.ms")
        .topic_says(
            "How long data stays on this machine under tiered storage; stored only, since tiered storage is "
            "not part of this version."),
    int64("max.compaction.lag.ms", int64_max_text)
        .from(1)
        .broker_key("log.cleaner.max.compaction.lag.ms")
        .topic_says("The longest time a record may escape compaction."),
    int32("max.message.bytes", "1048588")
        .from(0)
        .broker_key("message.max.bytes")
        .topic_says("The largest record batch that is taken, with its header and as it is compressed."),
    int64("message.timestamp.after.max.ms", "3600000")
        .from(0)
        .broker_key("log.message.timestamp.after.max.ms")
        .topic_says("How far a record's timestamp may lie ahead of the broker's clock under CreateTime."),
    int64("message.timestamp.before.max.ms", int64_max_text)
        .from(0)
        .broker_key("log.message.timestamp.before.max.ms")
        .topic_says("How far a record's timestamp may lie behind the broker's clock under CreateTime."),
    string("message.timestamp.type", "CreateTime")
        .one_of(timestamp_types)
        .broker_key("log.message.timestamp.type")
        .topic_says(
            "Whose clock a record's timestamp is of: the producer's, or the broker's when it is appended."),
    floating("min.cleanable.dirty.ratio", "0.5")
        .from(0)
        .to(1)
        .broker_key("log.cleaner.min.cleanable.ratio")
        .topic_says("The part of a compacted log that must be new before it is cleaned."),
    int64("min.compaction.lag.ms", "0")
        .from(0)
        .broker_key("log.cleaner.min.compaction.lag.ms")
        .topic_says("How long a record is safe from compaction."),
    int32("min.insync.replicas", "1")
        .from(1)
        .no_effect()
        .broker_key("min.insync.replicas")
        .topic_says(
            "Replicas that must hold a record before acks=all is answered; the one replica there is always "
            "suffices."),
    boolean("preallocate", "false")
        .refused(not_preallocated)
        .broker_key("log.preallocate")
        .topic_says("Whether a segment's file gets its full size when it is made."),
    boolean("remote.log.copy.disable", "false")
        .stored_only()
        .topic_says(
            "Whether copying to the remote tier is paused; stored only, since tiered storage is not part of "
            "this version."),
    boolean("remote.log.delete.on.disable", "false")
        .stored_only()
        .topic_says(
            "Whether turning the remote tier off deletes what is there; stored only, since tiered storage is "
            "not part of this version."),
    boolean("remote.storage.enable", "false")
        .refused("Tiered storage is not part of this version.")
        .topic_says("Whether old segments move to a remote tier."),
    int64("retention.bytes", "-1")
        .broker_key("log.retention.bytes")
        .topic_says("The size of a partition from which its oldest segments are deleted; -1 sets no bound."),
    int64("retention.ms", "604800000")
        .from(-1)
        .broker_key("log.retention.ms")
        .broker_key("log.retention.minutes", minute_ms)
        .broker_key("log.retention.hours", hour_ms)
        .topic_says("The age of its youngest record from which a segment is deleted; -1 sets no bound."),
    int32("segment.bytes", "1073741824")
        .from(1'048'576)
        .broker_key("log.segment.bytes")
        .topic_says("The size at which a partition begins a new segment."),
    int32("segment.index.bytes", "10485760")
        .from(4)
        .broker_key("log.index.size.max.bytes")
        .topic_says("The size of a segment's index at which a partition begins a new segment."),
    int64("segment.jitter.ms", "0")
        .from(0)
        .broker_key("log.roll.jitter.ms")
        .broker_key("log.roll.jitter.hours", hour_ms)
        .topic_says(
            "The most that is randomly taken off segment.ms, so that partitions do not all roll at once."),
    int64("segment.ms", "604800000")
        .from(1)
        .broker_key("log.roll.ms")
        .broker_key("log.roll.hours", hour_ms)
        .topic_says("The age at which a partition begins a new segment even when the last one is small."),
    boolean("unclean.leader.election.enable", "false")
        .no_effect()
        .broker_key("unclean.leader.election.enable")
        .topic_says("Whether a replica that lags behind may lead; with one replica it never comes to that."),
};

}  // namespace

std::span<const config_key> topic_keys() {
  return table;
}

}  // namespace tidelog::metadata::rows
