#pragma once
// ListPartitionReassignments: the partitions that are on their way to other brokers.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct list_partition_reassignments_topic {
  std::string name;
  std::vector<std::int32_t> partition_indexes;

  bool operator==(const list_partition_reassignments_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitionIndexes", self.partition_indexes, codec::always);
  }
};

/// No topics: all there are.
struct list_partition_reassignments_request {
  static constexpr api_key key = api_key::list_partition_reassignments;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t timeout_ms = 60000;
  std::optional<std::vector<list_partition_reassignments_topic>> topics;

  bool operator==(const list_partition_reassignments_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("timeoutMs", self.timeout_ms, codec::always);
    visit("topics", self.topics, codec::always.nullable_since(0));
  }
};

struct ongoing_partition_reassignment {
  std::int32_t partition_index = 0;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> adding_replicas;
  std::vector<std::int32_t> removing_replicas;

  bool operator==(const ongoing_partition_reassignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("replicas", self.replicas, codec::always);
    visit("addingReplicas", self.adding_replicas, codec::always);
    visit("removingReplicas", self.removing_replicas, codec::always);
  }
};

struct ongoing_topic_reassignment {
  std::string name;
  std::vector<ongoing_partition_reassignment> partitions;

  bool operator==(const ongoing_topic_reassignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct list_partition_reassignments_response {
  static constexpr api_key key = api_key::list_partition_reassignments;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::vector<ongoing_topic_reassignment> topics;

  bool operator==(const list_partition_reassignments_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
