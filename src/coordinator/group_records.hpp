#pragma once
// The records of __consumer_offsets, in Kafka's formats. A record's key is its type (int16) and the key's fields; its
// value a version (int16) and the value's fields, or null: a tombstone, the thing is gone. Each is described once, by
// fields(), like a message of the protocol. Written are the versions that group.version 1 and metadata.version 30 write.
//
//   key type   1 offset commit      2 classic group
//   new protocol: 3 group epoch   4 topics as they were (older brokers)   5 member   6 target epoch
//                 7 target of a member   8 current assignment of a member   16 resolved pattern

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidelog::coordinator {

/// A committed offset.
struct offset_commit_key {
  static constexpr std::int16_t type = 1;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group;
  std::string topic;
  std::int32_t partition = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("group", self.group, codec::always);
    visit("topic", self.topic, codec::always);
    visit("partition", self.partition, codec::always);
  }
};
struct offset_commit_value {
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = 4;
  std::int64_t offset = 0;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  std::int64_t commit_timestamp = 0;
  std::int64_t expire_timestamp = -1;
  base::uuid topic_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("offset", self.offset, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::since(3));
    visit("metadata", self.metadata, codec::always);
    visit("commitTimestamp", self.commit_timestamp, codec::always);
    visit("expireTimestamp", self.expire_timestamp, codec::between(1, 1));
    visit("topicId", self.topic_id, codec::since(4).tagged(0));
  }
};

/// A classic group between rebalances.
struct group_metadata_key {
  static constexpr std::int16_t type = 2;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("group", self.group, codec::always);
  }
};

struct group_metadata_member {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout = -1;
  std::int32_t session_timeout = 0;
  std::vector<std::byte> subscription;
  std::vector<std::byte> assignment;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
    visit("clientId", self.client_id, codec::always);
    visit("clientHost", self.client_host, codec::always);
    visit("rebalanceTimeout", self.rebalance_timeout, codec::since(1));
    visit("sessionTimeout", self.session_timeout, codec::always);
    visit("subscription", self.subscription, codec::always);
    visit("assignment", self.assignment, codec::always);
  }
  friend bool operator==(const group_metadata_member&, const group_metadata_member&) = default;
};

struct group_metadata_value {
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = 4;
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  std::int64_t current_state_timestamp = -1;
  std::vector<group_metadata_member> members;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("protocolType", self.protocol_type, codec::always);
    visit("generation", self.generation, codec::always);
    visit("protocol", self.protocol, codec::always.nullable_since(0));
    visit("leader", self.leader, codec::always.nullable_since(0));
    visit("currentStateTimestamp", self.current_state_timestamp, codec::since(2));
    visit("members", self.members, codec::always);
  }
};

/// A group of the new protocol is there, and its epoch.
struct consumer_group_metadata_key {
  static constexpr std::int16_t type = 3;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
  }
};

struct consumer_group_metadata_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t epoch = 0;
  std::int64_t metadata_hash = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("epoch", self.epoch, codec::always);
    visit("metadataHash", self.metadata_hash, codec::always.tagged(0));
  }
};

/// The topics as the group knew them; brokers before 4.0 wrote it, only its tombstone is written now.
struct consumer_group_partition_metadata_key {
  static constexpr std::int16_t type = 4;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
  }
};

struct partition_metadata_racks {
  std::int32_t partition = 0;
  std::vector<std::string> racks;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partition", self.partition, codec::always);
    visit("racks", self.racks, codec::always);
  }
  friend bool operator==(const partition_metadata_racks&, const partition_metadata_racks&) = default;
};

struct partition_metadata_topic {
  base::uuid topic_id;
  std::string topic_name;
  std::int32_t num_partitions = 0;
  std::vector<partition_metadata_racks> partition_metadata;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("topicName", self.topic_name, codec::always);
    visit("numPartitions", self.num_partitions, codec::always);
    visit("partitionMetadata", self.partition_metadata, codec::always);
  }
  friend bool operator==(const partition_metadata_topic&, const partition_metadata_topic&) = default;
};

struct consumer_group_partition_metadata_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::vector<partition_metadata_topic> topics;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
  }
};

/// What a member has said of itself.
struct consumer_group_member_metadata_key {
  static constexpr std::int16_t type = 5;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  std::string member_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("memberId", self.member_id, codec::always);
  }
};

struct classic_protocol {
  std::string name;
  std::vector<std::byte> metadata;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("metadata", self.metadata, codec::always);
  }
  friend bool operator==(const classic_protocol&, const classic_protocol&) = default;
};

struct classic_member_metadata {
  std::int32_t session_timeout_ms = 0;
  std::vector<classic_protocol> supported_protocols;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("sessionTimeoutMs", self.session_timeout_ms, codec::always);
    visit("supportedProtocols", self.supported_protocols, codec::always);
  }
  friend bool operator==(const classic_member_metadata&, const classic_member_metadata&) = default;
};

struct consumer_group_member_metadata_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::vector<std::string> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> server_assignor;
  std::optional<classic_member_metadata> classic;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("instanceId", self.instance_id, codec::always.nullable_since(0));
    visit("rackId", self.rack_id, codec::always.nullable_since(0));
    visit("clientId", self.client_id, codec::always);
    visit("clientHost", self.client_host, codec::always);
    visit("subscribedTopicNames", self.subscribed_topic_names, codec::always);
    visit("subscribedTopicRegex", self.subscribed_topic_regex, codec::always.nullable_since(0));
    visit("rebalanceTimeoutMs", self.rebalance_timeout_ms, codec::always);
    visit("serverAssignor", self.server_assignor, codec::always.nullable_since(0));
    visit("classicMemberMetadata", self.classic, codec::always.nullable_since(0).tagged(0));
  }
};

/// The group epoch that the target assignment was made for.
struct consumer_group_target_assignment_metadata_key {
  static constexpr std::int16_t type = 6;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
  }
};

struct consumer_group_target_assignment_metadata_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t assignment_epoch = 0;
  std::int64_t assignment_timestamp = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("assignmentEpoch", self.assignment_epoch, codec::always);
    visit("assignmentTimestamp", self.assignment_timestamp, codec::always.tagged(0));
  }
};

/// What a member is to have in the end.
struct consumer_group_target_assignment_member_key {
  static constexpr std::int16_t type = 7;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  std::string member_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("memberId", self.member_id, codec::always);
  }
};

struct target_topic_partitions {
  base::uuid topic_id;
  std::vector<std::int32_t> partitions;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
  friend bool operator==(const target_topic_partitions&, const target_topic_partitions&) = default;
};

struct consumer_group_target_assignment_member_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::vector<target_topic_partitions> topic_partitions;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicPartitions", self.topic_partitions, codec::always);
  }
};

/// What a member has now, on its way to the target.
struct consumer_group_current_member_assignment_key {
  static constexpr std::int16_t type = 8;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  std::string member_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("memberId", self.member_id, codec::always);
  }
};

struct current_topic_partitions {
  base::uuid topic_id;
  std::vector<std::int32_t> partitions;
  std::optional<std::vector<std::int32_t>> assignment_epochs;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("partitions", self.partitions, codec::always);
    visit("assignmentEpochs", self.assignment_epochs, codec::always.nullable_since(0).tagged(0));
  }
  friend bool operator==(const current_topic_partitions&, const current_topic_partitions&) = default;
};

struct consumer_group_current_member_assignment_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::int32_t member_epoch = 0;
  std::int32_t previous_member_epoch = 0;
  std::int8_t state = 0;
  std::vector<current_topic_partitions> assigned_partitions;
  std::vector<current_topic_partitions> partitions_pending_revocation;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberEpoch", self.member_epoch, codec::always);
    visit("previousMemberEpoch", self.previous_member_epoch, codec::always);
    visit("state", self.state, codec::always);
    visit("assignedPartitions", self.assigned_partitions, codec::always);
    visit("partitionsPendingRevocation", self.partitions_pending_revocation, codec::always);
  }
};

/// The topics that a pattern matches.
struct consumer_group_regular_expression_key {
  static constexpr std::int16_t type = 16;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string group_id;
  std::string regular_expression;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("regularExpression", self.regular_expression, codec::always);
  }
};

struct consumer_group_regular_expression_value {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = 0;
  std::vector<std::string> topics;
  std::int64_t version = 0;
  std::int64_t timestamp = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("version", self.version, codec::always);
    visit("timestamp", self.timestamp, codec::always);
  }
};

/// A key with its value, or without: a tombstone.
template <class Key, class Value>
struct keyed_record {
  using key_type = Key;
  using value_type = Value;
  Key key;
  std::optional<Value> value;
};

using offset_commit_record = keyed_record<offset_commit_key, offset_commit_value>;
using group_metadata_record = keyed_record<group_metadata_key, group_metadata_value>;
using consumer_group_metadata_record =
    keyed_record<consumer_group_metadata_key, consumer_group_metadata_value>;
using consumer_group_partition_metadata_record =
    keyed_record<consumer_group_partition_metadata_key, consumer_group_partition_metadata_value>;
using consumer_group_member_metadata_record =
    keyed_record<consumer_group_member_metadata_key, consumer_group_member_metadata_value>;
using consumer_group_target_assignment_metadata_record =
    keyed_record<consumer_group_target_assignment_metadata_key,
                 consumer_group_target_assignment_metadata_value>;
using consumer_group_target_assignment_member_record =
    keyed_record<consumer_group_target_assignment_member_key, consumer_group_target_assignment_member_value>;
using consumer_group_current_member_assignment_record =
    keyed_record<consumer_group_current_member_assignment_key,
                 consumer_group_current_member_assignment_value>;
using consumer_group_regular_expression_record =
    keyed_record<consumer_group_regular_expression_key, consumer_group_regular_expression_value>;

/// The one list of the records that are understood.
using group_record =
    std::variant<offset_commit_record, group_metadata_record, consumer_group_metadata_record,
                 consumer_group_partition_metadata_record, consumer_group_member_metadata_record,
                 consumer_group_target_assignment_metadata_record,
                 consumer_group_target_assignment_member_record,
                 consumer_group_current_member_assignment_record, consumer_group_regular_expression_record>;

/// The bytes of a record's key and value; no value is a tombstone.
struct encoded_group_record {
  std::vector<std::byte> key;
  std::optional<std::vector<std::byte>> value;
};
[[nodiscard]] encoded_group_record encode_group_record(const group_record& of);
/// Nothing for a record of a kind that is not understood (share and streams groups of a directory that came from
/// elsewhere). Fails with errc::invalid_request on bytes that are none.
[[nodiscard]] base::result<std::optional<group_record>> decode_group_record(
    base::byte_view key, const std::optional<base::byte_view>& value);

}  // namespace tidelog::coordinator
