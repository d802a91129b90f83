#include "config_rows.hpp"

namespace tidelog::metadata::rows {
namespace {

constexpr std::string_view log_levels[] = {"debug", "info", "warning", "error"};

/// The broker's defaults of topic keys: each is described by its topic key as well.
constexpr config_key topic_defaults[] = {
    int32("compression.gzip.level", "-1")
        .from(1)
        .to(9)
        .or_else(-1)
        .cluster_wide()
        .says("Default of the topics' compression.gzip.level."),
    int32("compression.lz4.level", "9")
        .from(1)
        .to(17)
        .cluster_wide()
        .says("Default of the topics' compression.lz4.level."),
    string("compression.type", "producer")
        .one_of(compression_types)
        .cluster_wide()
        .says("Default of the topics' compression.type."),
    int32("compression.zstd.level", "3")
        .from(-131072)
        .to(22)
        .cluster_wide()
        .says("Default of the topics' compression.zstd.level."),
    int64("log.cleaner.delete.retention.ms", "86400000")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' delete.retention.ms."),
    int64("log.cleaner.max.compaction.lag.ms", int64_max_text)
        .from(1)
        .cluster_wide()
        .says("Default of the topics' max.compaction.lag.ms."),
    floating("log.cleaner.min.cleanable.ratio", "0.5")
        .from(0)
        .to(1)
        .cluster_wide()
        .says("Default of the topics' min.cleanable.dirty.ratio."),
    int64("log.cleaner.min.compaction.lag.ms", "0")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' min.compaction.lag.ms."),
    list("log.cleanup.policy", "delete")
        .one_of(cleanup_policies)
        .cluster_wide()
        .says("Default of the topics' cleanup.policy."),
    int64("log.flush.interval.messages", "1")
        .from(1)
        .cluster_wide()
        .says("Default of the topics' flush.messages: 1 (unlike Kafka's) lets an acknowledgement mean on "
              "disk."),
    int64("log.flush.interval.ms", none)
        .from(0)
        .default_is("log.flush.scheduler.interval.ms")
        .cluster_wide()
        .says("Default of the topics' flush.ms."),
    int64("log.flush.scheduler.interval.ms", int64_max_text)
        .from(0)
        .says("Default of the topics' flush.ms where log.flush.interval.ms is not set; nothing else follows "
              "it here."),
    int32("log.index.interval.bytes", "4096")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' index.interval.bytes."),
    int32("log.index.size.max.bytes", "10485760")
        .from(4)
        .cluster_wide()
        .says("Default of the topics' segment.index.bytes."),
    int64("log.local.retention.bytes", "-2")
        .from(-2)
        .cluster_wide()
        .stored_only()
        .says("Default of the topics' local.retention.bytes; stored only, since tiered storage is not part "
              "of this "
              "version."),
    int64("log.local.retention.ms", "-2")
        .from(-2)
        .cluster_wide()
        .stored_only()
        .says("Default of the topics' local.retention.ms; stored only, since tiered storage is not part of "
              "this "
              "version."),
    int64("log.message.timestamp.after.max.ms", "3600000")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' message.timestamp.after.max.ms."),
    int64("log.message.timestamp.before.max.ms", int64_max_text)
        .from(0)
        .cluster_wide()
        .says("Default of the topics' message.timestamp.before.max.ms."),
    string("log.message.timestamp.type", "CreateTime")
        .one_of(timestamp_types)
        .cluster_wide()
        .says("Default of the topics' message.timestamp.type."),
    boolean("log.preallocate", "false").refused(not_preallocated).says("Default of the topics' preallocate."),
    int64("log.retention.bytes", "-1")
        .cluster_wide()
        .says("Default of the topics' retention.bytes; it bounds each partition, not all of them together."),
    int32("log.retention.hours", "168")
        .from(-1)
        .checked(objection_to_zero, "not 0")
        .says("Default of the topics' retention.ms in hours, where minutes and milliseconds are not set."),
    int32("log.retention.minutes", none)
        .from(-1)
        .checked(objection_to_zero, "not 0")
        .default_is("log.retention.hours")
        .says("Default of the topics' retention.ms in minutes, where milliseconds are not set."),
    int64("log.retention.ms", none)
        .from(-1)
        .checked(objection_to_zero, "not 0")
        .default_is("log.retention.minutes")
        .cluster_wide()
        .says("Default of the topics' retention.ms; -1 keeps data for ever."),
    int32("log.roll.hours", "168")
        .from(1)
        .says("Default of the topics' segment.ms in hours, where log.roll.ms is not set."),
    int32("log.roll.jitter.hours", "0")
        .from(0)
        .says("Default of the topics' segment.jitter.ms in hours, where log.roll.jitter.ms is not set."),
    int64("log.roll.jitter.ms", none)
        .from(0)
        .default_is("log.roll.jitter.hours")
        .cluster_wide()
        .says("Default of the topics' segment.jitter.ms."),
    int64("log.roll.ms", none)
        .from(1)
        .default_is("log.roll.hours")
        .cluster_wide()
        .says("Default of the topics' segment.ms."),
    int32("log.segment.bytes", "1073741824")
        .from(1'048'576)
        .cluster_wide()
        .says("Default of the topics' segment.bytes."),
    int64("log.segment.delete.delay.ms", "60000")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' file.delete.delay.ms."),
    int32("message.max.bytes", "1048588")
        .from(0)
        .cluster_wide()
        .says("Default of the topics' max.message.bytes."),
    int32("min.insync.replicas", "1")
        .from(1)
        .no_effect()
        .cluster_wide()
        .says("Default of the topics' min.insync.replicas, which the one replica there is always satisfies."),
    boolean("unclean.leader.election.enable", "false")
        .no_effect()
        .cluster_wide()
        .says("Default of the topics' unclean.leader.election.enable; with one replica it never comes to "
              "that."),
};

constexpr config_key table[] = {
    list("advertised.listeners", none)
        .checked(objection_to_advertised_listeners, "NAME://HOST:PORT, a name once")
        .default_is("the address that the client connected to")
        .says("What clients of each listener are told to connect to; needed only behind address translation "
              "or a "
              "proxy."),
    boolean("auto.create.topics.enable", "true")
        .says("Whether a topic that a client asks for and that does not exist is made at once."),
    string("broker.rack", none).says("Where the machine stands, told to clients that ask for it."),
    int64("connections.max.idle.ms", "600000")
        .says("How long a connection may be silent before it is closed; negative never closes it."),
    int32("default.replication.factor", "1")
        .from(1)
        .to(32767)
        .no_effect()
        .says("Replicas of topics made without a number of their own; whatever is asked for, there is one."),
    boolean("delete.topic.enable", "true").says("Whether topics can be deleted."),
    int32("fetch.max.bytes", "57671680")
        .from(1024)
        .says("The most that one fetch answers, but for a single batch that is larger."),
    string("listener.security.protocol.map",
           "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT")
        .checked(objection_to_protocol_map, "NAME:PROTOCOL pairs")
        .says(
            "The security protocol of each listener name; listeners in this version must map to PLAINTEXT."),
    list("listeners", "PLAINTEXT://127.0.0.1:9092,PLAINTEXT://[::1]:9092")
        .checked(objection_to_listeners, "NAME://HOST:PORT; port 0 lets the system choose")
        .says("The addresses to accept connections on; by default this machine's loopback addresses only, "
              "and a "
              "missing IPv6 loopback is passed over."),
    int64("log.cleaner.backoff.ms", "15000")
        .from(0)
        .cluster_wide()
        .says("How long a thread that compacts rests when no log needs it."),
    int64("log.cleaner.dedupe.buffer.size", "134217728")
        .from(1'048'576)
        .cluster_wide()
        .says("Memory for the keys of the logs that are being compacted, of all threads together; taken only "
              "while it is needed."),
    boolean("log.cleaner.enable", "true").says("Whether logs are compacted at all."),
    floating("log.cleaner.io.buffer.load.factor", "0.9")
        .from(0)
        .to(1)
        .cluster_wide()
        .says("How full the memory for keys may get: more lets a cleaning cover more, and take longer for "
              "each key."),
    int32("log.cleaner.io.buffer.size", "524288")
        .from(0)
        .cluster_wide()
        .says("Buffers for reading and writing while compacting, of all threads together."),
    floating("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308")
        .from(0)
        .cluster_wide()
        .says("The bytes that compaction reads and writes in a second at most, all threads together."),
    int32("log.cleaner.threads", "1")
        .from(0)
        .cluster_wide()
        .says("Threads that compact; with none, nothing is compacted."),
    int64("log.commit.journal.bytes", "268435456")
        .from(4'194'304)
        .to(std::int64_t{1} << 40)
        .or_else(0)
        .says("How large the commit journal may grow, by which small durable appends of all partitions are "
              "acknowledged together; it begins with 64 MiB; 0 syncs every partition's own file instead."),
    list("log.dirs", none)
        .checked(objection_to_data_directory, "one absolute path")
        .default_is("/var/lib/tidelog, or ~/.local/share/tidelog for a user who may not write there")
        .says("The data directory; --data-dir sets it too."),
    int32("log.flush.offset.checkpoint.interval.ms", "60000")
        .from(0)
        .says("How often recovery points are noted on disk, which bounds the work of a start after a crash, "
              "unless another checkpoint is written more often."),
    int32("log.flush.start.offset.checkpoint.interval.ms", "60000")
        .from(0)
        .says(
            "How often the partitions' start offsets are noted on disk, unless another checkpoint is written "
            "more often."),
    int64("log.free.space.min.bytes", none)
        .from(0)
        .default_is("a hundredth of the file system that holds the data directory, 2 GiB at most")
        .cluster_wide()
        .says("Room that new records and topics leave alone: with less, producers are told to try again "
              "until there "
              "is more, and everything else goes on; with 0 that happens only when a write finds the disk "
              "full."),
    int64("log.initial.task.delay.ms", none)
        .from(0)
        .default_is("`log.retention.check.interval.ms`, 30000 at most")
        .says("How long after a start partitions are looked at the first time for segments to delete."),
    string("log.level", "info")
        .one_of(log_levels)
        .cluster_wide()
        .says("The least severe messages that the daemon writes to its log."),
    int64("log.retention.check.interval.ms", "300000")
        .from(1)
        .says("How often partitions are looked at for segments to delete."),
    int32("log.scrub.interval.hours", "168")
        .from(1)
        .or_else(-1)
        .cluster_wide()
        .says(
            "How often every segment is read through and checked for damage, while the daemon runs; -1 never "
            "does it."),
    floating("log.scrub.io.max.bytes.per.second", "8388608.0")
        .from(0)
        .cluster_wide()
        .says("The bytes that this reads in a second at most; 0 sets no bound."),
    int32("max.connections", "2147483647")
        .from(0)
        .cluster_wide()
        .says("Connections at a time; further ones are closed at once."),
    int32("max.connections.per.ip", "2147483647")
        .from(0)
        .cluster_wide()
        .says("Connections at a time from one address; further ones are closed at once."),
    string("max.connections.per.ip.overrides", "")
        .cluster_wide()
        .checked(objection_to_address_limits, "ADDRESS:NUMBER pairs")
        .says("Addresses with another bound than max.connections.per.ip; IPv6 addresses may stand in "
              "brackets."),
    int32("max.incremental.fetch.session.cache.slots", "1000")
        .from(0)
        .says("Fetch sessions that are remembered; clients without one name all their partitions in each "
              "request."),
    int32("max.request.partition.size.limit", "2000")
        .from(1)
        .says("The most partitions that one DescribeTopicPartitions request answers."),
    int64("metadata.log.max.record.bytes.between.snapshots", "20971520")
        .from(1)
        .says("Bytes of changes after which the metadata log gets a new snapshot."),
    string("metrics.listen", "")
        .checked(objection_to_optional_address,
                 "HOST:PORT, [IPv6]:PORT or :PORT; port 0 lets the system choose")
        .says("Where whoever asks gets the metrics by GET /metrics, as Prometheus does, and whether the "
              "daemon makes "
              "progress by GET /health; empty: nowhere."),
    int32("node.id", none)
        .from(0)
        .default_is("what the data directory says; 1 for a new one")
        .says("This node's number in the data directory and in every answer; it cannot change once the "
              "directory "
              "exists."),
    int32("num.io.threads", none)
        .from(1)
        .to(1024)
        .default_is("at least 4, two for each core")
        .says("Worker threads, for what may wait for the disk or compute for long."),
    int32("num.network.threads", none)
        .from(1)
        .to(1024)
        .default_is("one for each core")
        .says("Reactors: the threads that connections live on."),
    int32("num.partitions", "1").from(1).says("Partitions of topics made without a number of their own."),
    int32("num.recovery.threads.per.data.dir", "4")
        .from(1)
        .to(1024)
        .says("Threads that open and recover partitions at start."),
    int32("producer.id.expiration.ms", "86400000")
        .from(1)
        .cluster_wide()
        .says("How long a partition remembers an idempotent producer that has fallen silent."),
    int64("queued.max.request.bytes", "268435456")
        .from(1'048'576)
        .or_else(-1)
        .says(
            "Memory that requests in flight may hold together (Kafka's default has no bound); -1 sets none."),
    int64("replica.high.watermark.checkpoint.interval.ms", "5000")
        .from(1)
        .says(
            "How often high watermarks are noted on disk, with all other checkpoints, unless one of these is "
            "written more often."),
    int32("socket.listen.backlog.size", "1024")
        .from(1)
        .says("Connections that the kernel may keep waiting to be accepted on each listener, so that a burst "
              "of clients "
              "(more than Kafka's default of 50) does not wait for its own retries."),
    int32("socket.receive.buffer.bytes", "-1")
        .from(1)
        .or_else(-1)
        .says("Size of a connection's receive buffer; -1 (unlike Kafka's default) lets the kernel adapt it."),
    int32("socket.request.max.bytes", "104857600")
        .from(1024)
        .says("The largest request that is read; a client that announces more is disconnected."),
    int32("socket.send.buffer.bytes", "-1")
        .from(1)
        .or_else(-1)
        .says("Size of a connection's send buffer; -1 (unlike Kafka's default) lets the kernel adapt it."),
};

}  // namespace

std::span<const config_key> topic_default_keys() {
  return topic_defaults;
}
std::span<const config_key> broker_keys() {
  return table;
}

}  // namespace tidelog::metadata::rows
