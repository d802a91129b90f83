#pragma once
// ConsumerGroupHeartbeat: everything that a member of the consumer protocol says and hears.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct consumer_group_heartbeat_owned_partitions {
  base::uuid topic_id;
  std::vector<std::int32_t> partitions;

  bool operator==(const consumer_group_heartbeat_owned_partitions&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// Null fields have not changed since the last heartbeat; the first one (`member_epoch` 0) gives them all. Epoch -1
/// leaves, -2 leaves for a while as a static member. `topic_partitions` are what the member owns.
struct consumer_group_heartbeat_request {
  static constexpr api_key key = api_key::consumer_group_heartbeat;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::string member_id;
  std::int32_t member_epoch = 0;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string>> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  std::optional<std::string> server_assignor;
  std::optional<std::vector<consumer_group_heartbeat_owned_partitions>> topic_partitions;

  bool operator==(const consumer_group_heartbeat_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("memberId", self.member_id, codec::always);
    visit("memberEpoch", self.member_epoch, codec::always);
    visit("instanceId", self.instance_id, codec::always.nullable_since(0));
    visit("rackId", self.rack_id, codec::always.nullable_since(0));
    visit("rebalanceTimeoutMs", self.rebalance_timeout_ms, codec::always);
    visit("subscribedTopicNames", self.subscribed_topic_names, codec::always.nullable_since(0));
    visit("subscribedTopicRegex", self.subscribed_topic_regex, codec::since(1).nullable_since(1));
    visit("serverAssignor", self.server_assignor, codec::always.nullable_since(0));
    visit("topicPartitions", self.topic_partitions, codec::always.nullable_since(0));
  }
};

struct consumer_group_heartbeat_assigned_partitions {
  base::uuid topic_id;
  std::vector<std::int32_t> partitions;

  bool operator==(const consumer_group_heartbeat_assigned_partitions&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct consumer_group_heartbeat_assignment {
  std::vector<consumer_group_heartbeat_assigned_partitions> topic_partitions;

  bool operator==(const consumer_group_heartbeat_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicPartitions", self.topic_partitions, codec::always);
  }
};

/// No assignment means that it has not changed.
struct consumer_group_heartbeat_response {
  static constexpr api_key key = api_key::consumer_group_heartbeat;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::optional<std::string> member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<consumer_group_heartbeat_assignment> assignment;

  bool operator==(const consumer_group_heartbeat_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("memberId", self.member_id, codec::always.nullable_since(0));
    visit("memberEpoch", self.member_epoch, codec::always);
    visit("heartbeatIntervalMs", self.heartbeat_interval_ms, codec::always);
    visit("assignment", self.assignment, codec::always.nullable_since(0));
  }
};

}  // namespace tidelog::protocol
