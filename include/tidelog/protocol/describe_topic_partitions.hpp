#pragma once
// DescribeTopicPartitions: topics with their partitions, in pages.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_topic_partitions_topic_request {
  std::string name;

  bool operator==(const describe_topic_partitions_topic_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
  }
};

/// The first partition of the next page.
struct describe_topic_partitions_cursor {
  std::string topic_name;
  std::int32_t partition_index = 0;

  bool operator==(const describe_topic_partitions_cursor&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicName", self.topic_name, codec::always);
    visit("partitionIndex", self.partition_index, codec::always);
  }
};

/// No topics at all asks for all of them. `cursor` goes on where a response stopped.
struct describe_topic_partitions_request {
  static constexpr api_key key = api_key::describe_topic_partitions;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<describe_topic_partitions_topic_request> topics;
  std::int32_t response_partition_limit = 2000;
  std::optional<describe_topic_partitions_cursor> cursor;

  bool operator==(const describe_topic_partitions_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("responsePartitionLimit", self.response_partition_limit, codec::always);
    visit("cursor", self.cursor, codec::always.nullable_since(0));
  }
};

struct describe_topic_partitions_response_partition {
  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t partition_index = 0;
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replica_nodes;
  std::vector<std::int32_t> isr_nodes;
  std::optional<std::vector<std::int32_t>> eligible_leader_replicas;
  std::optional<std::vector<std::int32_t>> last_known_elr;
  std::vector<std::int32_t> offline_replicas;

  bool operator==(const describe_topic_partitions_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("partitionIndex", self.partition_index, codec::always);
    visit("leaderId", self.leader_id, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::always);
    visit("replicaNodes", self.replica_nodes, codec::always);
    visit("isrNodes", self.isr_nodes, codec::always);
    visit("eligibleLeaderReplicas", self.eligible_leader_replicas, codec::always.nullable_since(0));
    visit("lastKnownElr", self.last_known_elr, codec::always.nullable_since(0));
    visit("offlineReplicas", self.offline_replicas, codec::always);
  }
};

struct describe_topic_partitions_response_topic {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> name;
  base::uuid topic_id;
  bool is_internal = false;
  std::vector<describe_topic_partitions_response_partition> partitions;
  std::int32_t topic_authorized_operations = operations_not_asked_for;

  bool operator==(const describe_topic_partitions_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("name", self.name, codec::always.nullable_since(0));
    visit("topicId", self.topic_id, codec::always);
    visit("isInternal", self.is_internal, codec::always);
    visit("partitions", self.partitions, codec::always);
    visit("topicAuthorizedOperations", self.topic_authorized_operations, codec::always);
  }
};

/// `next_cursor` is null after the last page.
struct describe_topic_partitions_response {
  static constexpr api_key key = api_key::describe_topic_partitions;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<describe_topic_partitions_response_topic> topics;
  std::optional<describe_topic_partitions_cursor> next_cursor;

  bool operator==(const describe_topic_partitions_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
    visit("nextCursor", self.next_cursor, codec::always.nullable_since(0));
  }
};

}  // namespace tidelog::protocol
