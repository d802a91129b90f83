#pragma once
// ConsumerGroupDescribe: states and members of groups of the consumer protocol.

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

struct consumer_group_describe_request {
  static constexpr api_key key = api_key::consumer_group_describe;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> group_ids;
  bool include_authorized_operations = false;

  bool operator==(const consumer_group_describe_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupIds", self.group_ids, codec::always);
    visit("includeAuthorizedOperations", self.include_authorized_operations, codec::always);
  }
};

struct consumer_group_described_topic_partitions {
  base::uuid topic_id;
  std::string topic_name;
  std::vector<std::int32_t> partitions;

  bool operator==(const consumer_group_described_topic_partitions&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicId", self.topic_id, codec::always);
    visit("topicName", self.topic_name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct consumer_group_described_assignment {
  std::vector<consumer_group_described_topic_partitions> topic_partitions;

  bool operator==(const consumer_group_described_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topicPartitions", self.topic_partitions, codec::always);
  }
};

/// `assignment` is what the member owns now, `target_assignment` what it is on its way to.
struct consumer_group_described_member {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::int32_t member_epoch = 0;
  std::string client_id;
  std::string client_host;
  std::vector<std::string> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  consumer_group_described_assignment assignment;
  consumer_group_described_assignment target_assignment;
  group_member_type member_type = group_member_type::unknown;

  bool operator==(const consumer_group_described_member&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::always);
    visit("instanceId", self.instance_id, codec::always.nullable_since(0));
    visit("rackId", self.rack_id, codec::always.nullable_since(0));
    visit("memberEpoch", self.member_epoch, codec::always);
    visit("clientId", self.client_id, codec::always);
    visit("clientHost", self.client_host, codec::always);
    visit("subscribedTopicNames", self.subscribed_topic_names, codec::always);
    visit("subscribedTopicRegex", self.subscribed_topic_regex, codec::always.nullable_since(0));
    visit("assignment", self.assignment, codec::always);
    visit("targetAssignment", self.target_assignment, codec::always);
    visit("memberType", self.member_type, codec::since(1));
  }
};

struct consumer_group_described_group {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string group_state;
  std::int32_t group_epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::string assignor_name;
  std::vector<consumer_group_described_member> members;
  std::int32_t authorized_operations = operations_not_asked_for;

  bool operator==(const consumer_group_described_group&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("groupId", self.group_id, codec::always);
    visit("groupState", self.group_state, codec::always);
    visit("groupEpoch", self.group_epoch, codec::always);
    visit("assignmentEpoch", self.assignment_epoch, codec::always);
    visit("assignorName", self.assignor_name, codec::always);
    visit("members", self.members, codec::always);
    visit("authorizedOperations", self.authorized_operations, codec::always);
  }
};

struct consumer_group_describe_response {
  static constexpr api_key key = api_key::consumer_group_describe;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<consumer_group_described_group> groups;

  bool operator==(const consumer_group_describe_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("groups", self.groups, codec::always);
  }
};

}  // namespace tidelog::protocol
