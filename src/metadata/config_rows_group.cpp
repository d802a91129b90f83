#include "config_rows.hpp"

namespace tidelog::metadata::rows {
namespace {

constexpr std::string_view assignors[] = {"uniform", "range"};

constexpr std::string_view no_share_groups = "Share groups are not part of this version.";
constexpr std::string_view no_streams_groups =
    "Groups of the streams protocol are not part of this version; Streams programs use the classic one.";
constexpr std::string_view written_as_they_come =
    "Records of groups are appended as they come, and those that wait for the disk share its syncs.";
constexpr std::string_view no_threads_of_their_own =
    "Groups have no threads of their own: requests are handled where they come in, and partitions are read "
    "by "
    "the workers.";

constexpr config_key table[] = {
    int32("group.consumer.assignment.interval.ms", "1000")
        .from(0)
        .says("How soon after one assignment the next is made for a group of the consumer protocol, so that "
              "many changes share one."),
    list("group.consumer.assignors", "uniform,range")
        .one_of(assignors)
        .checked(objection_to_no_assignors, "at least one")
        .says("Who may assign partitions in groups of the consumer protocol; the first is the default."),
    int32("group.consumer.heartbeat.interval.ms", "5000")
        .from(1)
        .says("How often members of the consumer protocol are told to send heartbeats."),
    int32("group.consumer.max.assignment.interval.ms", "15000")
        .from(0)
        .says("The highest consumer.assignment.interval.ms that a group may set."),
    int32("group.consumer.max.heartbeat.interval.ms", "15000")
        .from(1)
        .says("The highest consumer.heartbeat.interval.ms that a group may set."),
    int32("group.consumer.max.session.timeout.ms", "60000")
        .from(1)
        .says("The highest consumer.session.timeout.ms that a group may set."),
    int32("group.consumer.max.size", "2147483647")
        .from(1)
        .says("The most members of one group of the consumer protocol."),
    string("group.consumer.migration.policy", "bidirectional")
        .checked(objection_to_migration_policy, "one of disabled, upgrade, downgrade, bidirectional")
        .says("Whether a group with members changes its protocol when the first member of the consumer "
              "protocol joins (upgrade), when the last of them leaves (downgrade), or both."),
    int32("group.consumer.min.assignment.interval.ms", "0")
        .from(0)
        .says("The lowest consumer.assignment.interval.ms that a group may set."),
    int32("group.consumer.min.heartbeat.interval.ms", "5000")
        .from(1)
        .says("The lowest consumer.heartbeat.interval.ms that a group may set."),
    int32("group.consumer.min.session.timeout.ms", "45000")
        .from(1)
        .says("The lowest consumer.session.timeout.ms that a group may set."),
    int32("group.consumer.session.timeout.ms", "45000")
        .from(1)
        .says("How long a member of the consumer protocol may be silent before it is taken for dead."),
    int32("group.coordinator.append.linger.ms", "-1")
        .no_meaning(written_as_they_come)
        .says(written_as_they_come),
    int32("group.coordinator.background.threads", "2")
        .no_meaning(no_threads_of_their_own)
        .says(no_threads_of_their_own),
    int32("group.coordinator.cached.buffer.max.bytes", "1048588")
        .no_meaning(written_as_they_come)
        .says(written_as_they_come),
    list("group.coordinator.rebalance.protocols", "classic,consumer,streams")
        .no_meaning("Which protocols groups use follows the finalized level of group.version alone.")
        .says("Which protocols groups use follows the finalized level of group.version alone."),
    int32("group.coordinator.threads", "4").no_meaning(no_threads_of_their_own).says(no_threads_of_their_own),
    int32("group.initial.rebalance.delay.ms", "3000")
        .says("How long an empty group of the classic protocol waits for more members after the first has "
              "joined."),
    int32("group.max.session.timeout.ms", "1800000")
        .says("The highest session timeout that a member of the classic protocol may ask for."),
    int32("group.max.size", "2147483647")
        .from(1)
        .says("The most members of one group of the classic protocol."),
    int32("group.min.session.timeout.ms", "6000")
        .says("The lowest session timeout that a member of the classic protocol may ask for."),
    int32("offset.metadata.max.bytes", "4096").says("The most bytes of metadata with one committed offset."),
    int32("offsets.commit.timeout.ms", "5000")
        .from(1)
        .no_effect()
        .says("How long a commit may wait for other replicas, of which there are none."),
    int32("offsets.load.buffer.size", "5242880")
        .from(1)
        .says("How much of a partition of __consumer_offsets is read at a time when its groups are loaded."),
    int64("offsets.retention.check.interval.ms", "600000")
        .from(1)
        .says("How often committed offsets are looked through for those that have expired."),
    int32("offsets.retention.minutes", "10080")
        .from(1)
        .says(
            "How long the offsets of a group are kept after its last member has left, and those of consumers "
            "without a group after their last commit."),
    int32("offsets.topic.compression.codec", "0")
        .refused("Records of groups are small, written one by one and read by every start, so they are not "
                 "compressed.")
        .says("Records of groups are small, written one by one and read by every start, so they are not "
              "compressed."),
    int32("offsets.topic.num.partitions", "50")
        .from(1)
        .says("Partitions of __consumer_offsets when it is made."),
    int16("offsets.topic.replication.factor", "3")
        .from(1)
        .no_effect()
        .says("Replicas of __consumer_offsets; whatever is asked for, there is one."),
    int32("offsets.topic.segment.bytes", "104857600")
        .from(1'048'576)
        .says("The segment.bytes of __consumer_offsets when it is made."),
};

/// What this version does not have, with Kafka's default.
constexpr config_key absent(row made, std::string_view broker_key, std::string_view reason) {
  if (!broker_key.empty()) made.broker_key(broker_key);
  return made.refused(reason).group_says(reason);
}

constexpr config_key keys_of_groups[] = {
    int32("consumer.assignment.interval.ms", "1000")
        .from(0)
        .broker_key("group.consumer.assignment.interval.ms")
        .group_says("How soon after one assignment the next is made, so that many changes share one."),
    int32("consumer.heartbeat.interval.ms", "5000")
        .from(1)
        .broker_key("group.consumer.heartbeat.interval.ms")
        .group_says("How often members are told to send heartbeats."),
    int32("consumer.session.timeout.ms", "45000")
        .from(1)
        .broker_key("group.consumer.session.timeout.ms")
        .group_says("How long a member may be silent before it is taken for dead."),
    absent(int32("share.assignment.interval.ms", "1000"), "group.share.assignment.interval.ms",
           no_share_groups),
    absent(string("share.auto.offset.reset", "latest"), "", no_share_groups),
    absent(int32("share.delivery.count.limit", "5"), "group.share.delivery.count.limit", no_share_groups),
    absent(int32("share.heartbeat.interval.ms", "5000"), "group.share.heartbeat.interval.ms",
           no_share_groups),
    absent(string("share.isolation.level", "read_uncommitted"), "", no_share_groups),
    absent(int32("share.partition.max.record.locks", "2000"), "group.share.partition.max.record.locks",
           no_share_groups),
    absent(int32("share.record.lock.duration.ms", "30000"), "group.share.record.lock.duration.ms",
           no_share_groups),
    absent(boolean("share.renew.acknowledge.enable", "true"), "", no_share_groups),
    absent(int32("share.session.timeout.ms", "45000"), "group.share.session.timeout.ms", no_share_groups),
    absent(int32("streams.assignment.interval.ms", "1000"), "group.streams.assignment.interval.ms",
           no_streams_groups),
    absent(int32("streams.heartbeat.interval.ms", "5000"), "group.streams.heartbeat.interval.ms",
           no_streams_groups),
    absent(int32("streams.initial.rebalance.delay.ms", "3000"), "group.streams.initial.rebalance.delay.ms",
           no_streams_groups),
    absent(int32("streams.num.standby.replicas", "0"), "group.streams.num.standby.replicas",
           no_streams_groups),
    absent(int32("streams.session.timeout.ms", "45000"), "group.streams.session.timeout.ms",
           no_streams_groups),
};

}  // namespace

std::span<const config_key> broker_keys_of_groups() {
  return table;
}

std::span<const config_key> group_keys() {
  return keys_of_groups;
}

}  // namespace tidelog::metadata::rows
