#pragma once
// AlterPartitionReassignments: moves partitions to other brokers.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// No replicas: the move that is under way is to end.
struct reassignable_partition {
  std::int32_t partition_index = 0;
  std::optional<std::vector<std::int32_t>> replicas;

  bool operator==(const reassignable_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("replicas", self.replicas, codec::always.nullable_since(0));
  }
};

struct reassignable_topic {
  std::string name;
  std::vector<reassignable_partition> partitions;

  bool operator==(const reassignable_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct alter_partition_reassignments_request {
  static constexpr api_key key = api_key::alter_partition_reassignments;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t timeout_ms = 60000;
  bool allow_replication_factor_change = true;
  std::vector<reassignable_topic> topics;

  bool operator==(const alter_partition_reassignments_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("timeoutMs", self.timeout_ms, codec::always);
    visit("allowReplicationFactorChange", self.allow_replication_factor_change, codec::since(1));
    visit("topics", self.topics, codec::always);
  }
};

struct reassignable_partition_response {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;

  bool operator==(const reassignable_partition_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
  }
};

struct reassignable_topic_response {
  std::string name;
  std::vector<reassignable_partition_response> partitions;

  bool operator==(const reassignable_topic_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct alter_partition_reassignments_response {
  static constexpr api_key key = api_key::alter_partition_reassignments;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  bool allow_replication_factor_change = true;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::vector<reassignable_topic_response> responses;

  bool operator==(const alter_partition_reassignments_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("allowReplicationFactorChange", self.allow_replication_factor_change, codec::since(1));
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("responses", self.responses, codec::always);
  }
};

}  // namespace tidelog::protocol
