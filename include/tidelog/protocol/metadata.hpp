#pragma once
// Metadata: the brokers, and the topics with their partitions.

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

/// Asked for by name, or by id with a null name.
struct metadata_request_topic {
  base::uuid topic_id;
  std::optional<std::string> name;

  bool operator==(const metadata_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::since(10));
    visit("name", self.name, codec::always.nullable_since(10));
  }
};

/// `topics` null asks for all topics, from version 1 on; in version 0 an empty list does.
struct metadata_request {
  static constexpr api_key key = api_key::metadata;
  static constexpr codec::version_range versions{0, 13};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::optional<std::vector<metadata_request_topic>> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  bool operator==(const metadata_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always.nullable_since(1));
    visit("allowAutoTopicCreation", self.allow_auto_topic_creation, codec::since(4));
    visit("includeClusterAuthorizedOperations", self.include_cluster_authorized_operations,
          codec::between(8, 10));
    visit("includeTopicAuthorizedOperations", self.include_topic_authorized_operations, codec::since(8));
  }
};

struct metadata_response_broker {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  bool operator==(const metadata_response_broker&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("nodeId", self.node_id, codec::always);
    visit("host", self.host, codec::always);
    visit("port", self.port, codec::always);
    visit("rack", self.rack, codec::since(1).nullable_since(1));
  }
};

struct metadata_response_partition {
  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t partition_index = 0;
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replica_nodes;
  std::vector<std::int32_t> isr_nodes;
  std::vector<std::int32_t> offline_replicas;

  bool operator==(const metadata_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("partitionIndex", self.partition_index, codec::always);
    visit("leaderId", self.leader_id, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::since(7));
    visit("replicaNodes", self.replica_nodes, codec::always);
    visit("isrNodes", self.isr_nodes, codec::always);
    visit("offlineReplicas", self.offline_replicas, codec::since(5));
  }
};

/// `name` is null when an unknown id was asked for, which versions below 12 say as an empty name.
struct metadata_response_topic {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> name;
  base::uuid topic_id;
  bool is_internal = false;
  std::vector<metadata_response_partition> partitions;
  std::int32_t topic_authorized_operations = operations_not_asked_for;

  bool operator==(const metadata_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("name", self.name, codec::always.nullable_since(12));
    visit("topicId", self.topic_id, codec::since(10));
    visit("isInternal", self.is_internal, codec::since(1));
    visit("partitions", self.partitions, codec::always);
    visit("topicAuthorizedOperations", self.topic_authorized_operations, codec::since(8));
  }
};

struct metadata_response {
  static constexpr api_key key = api_key::metadata;
  static constexpr codec::version_range versions{0, 13};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<metadata_response_broker> brokers;
  std::optional<std::string> cluster_id;
  std::int32_t controller_id = -1;
  std::vector<metadata_response_topic> topics;
  std::int32_t cluster_authorized_operations = operations_not_asked_for;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const metadata_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(3));
    visit("brokers", self.brokers, codec::always);
    visit("clusterId", self.cluster_id, codec::since(2).nullable_since(2));
    visit("controllerId", self.controller_id, codec::since(1));
    visit("topics", self.topics, codec::always);
    visit("clusterAuthorizedOperations", self.cluster_authorized_operations, codec::between(8, 10));
    visit("errorCode", self.error_code, codec::since(13));
  }
};

}  // namespace tidelog::protocol
