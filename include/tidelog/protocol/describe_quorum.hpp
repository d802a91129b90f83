#pragma once
// DescribeQuorum: leader, voters and observers of the metadata log.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_quorum_request_partition_data {
  std::int32_t partition_index = 0;

  bool operator==(const describe_quorum_request_partition_data&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
  }
};

struct describe_quorum_request_topic_data {
  std::string topic_name;
  std::vector<describe_quorum_request_partition_data> partitions;

  bool operator==(const describe_quorum_request_topic_data&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicName", self.topic_name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct describe_quorum_request {
  static constexpr api_key key = api_key::describe_quorum;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<describe_quorum_request_topic_data> topics;

  bool operator==(const describe_quorum_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
  }
};

/// Times are milliseconds since the epoch, -1 when not known.
struct describe_quorum_replica_state {
  std::int32_t replica_id = 0;
  base::uuid replica_directory_id;
  std::int64_t log_end_offset = 0;
  std::int64_t last_fetch_timestamp = -1;
  std::int64_t last_caught_up_timestamp = -1;

  bool operator==(const describe_quorum_replica_state&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("replicaId", self.replica_id, codec::always);
    visit("replicaDirectoryId", self.replica_directory_id, codec::since(2));
    visit("logEndOffset", self.log_end_offset, codec::always);
    visit("lastFetchTimestamp", self.last_fetch_timestamp, codec::since(1));
    visit("lastCaughtUpTimestamp", self.last_caught_up_timestamp, codec::since(1));
  }
};

struct describe_quorum_response_partition_data {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = 0;
  std::int64_t high_watermark = 0;
  std::vector<describe_quorum_replica_state> current_voters;
  std::vector<describe_quorum_replica_state> observers;

  bool operator==(const describe_quorum_response_partition_data&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::since(2).nullable_since(2));
    visit("leaderId", self.leader_id, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::always);
    visit("highWatermark", self.high_watermark, codec::always);
    visit("currentVoters", self.current_voters, codec::always);
    visit("observers", self.observers, codec::always);
  }
};

struct describe_quorum_response_topic_data {
  std::string topic_name;
  std::vector<describe_quorum_response_partition_data> partitions;

  bool operator==(const describe_quorum_response_topic_data&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicName", self.topic_name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct describe_quorum_listener {
  std::string name;
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const describe_quorum_listener&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::since(2));
    visit("host", self.host, codec::since(2));
    visit("port", self.port, codec::since(2));
  }
};

struct describe_quorum_node {
  std::int32_t node_id = 0;
  std::vector<describe_quorum_listener> listeners;

  bool operator==(const describe_quorum_node&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("nodeId", self.node_id, codec::since(2));
    visit("listeners", self.listeners, codec::since(2));
  }
};

struct describe_quorum_response {
  static constexpr api_key key = api_key::describe_quorum;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::vector<describe_quorum_response_topic_data> topics;
  std::vector<describe_quorum_node> nodes;

  bool operator==(const describe_quorum_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::since(2).nullable_since(2));
    visit("topics", self.topics, codec::always);
    visit("nodes", self.nodes, codec::since(2));
  }
};

}  // namespace tidelog::protocol
