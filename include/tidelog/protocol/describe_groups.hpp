#pragma once
// DescribeGroups: states and members of classic groups.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_groups_request {
  static constexpr api_key key = api_key::describe_groups;
  static constexpr codec::version_range versions{0, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> groups;
  bool include_authorized_operations = false;

  bool operator==(const describe_groups_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groups", self.groups, codec::always);
    visit("includeAuthorizedOperations", self.include_authorized_operations, codec::since(3));
  }
};

struct described_group_member {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  std::vector<std::byte> member_metadata;
  std::vector<std::byte> member_assignment;

  bool operator==(const described_group_member&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(4).nullable_since(4));
    visit("clientId", self.client_id, codec::always);
    visit("clientHost", self.client_host, codec::always);
    visit("memberMetadata", self.member_metadata, codec::always);
    visit("memberAssignment", self.member_assignment, codec::always);
  }
};

/// An unknown group is in the state Dead; from version 6 on it is GROUP_ID_NOT_FOUND too. `protocol_data` is the name
/// of the protocol chosen.
struct described_group {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string group_state;
  std::string protocol_type;
  std::string protocol_data;
  std::vector<described_group_member> members;
  std::int32_t authorized_operations = operations_not_asked_for;

  bool operator==(const described_group&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::since(6).nullable_since(6));
    visit("groupId", self.group_id, codec::always);
    visit("groupState", self.group_state, codec::always);
    visit("protocolType", self.protocol_type, codec::always);
    visit("protocolData", self.protocol_data, codec::always);
    visit("members", self.members, codec::always);
    visit("authorizedOperations", self.authorized_operations, codec::since(3));
  }
};

struct describe_groups_response {
  static constexpr api_key key = api_key::describe_groups;
  static constexpr codec::version_range versions{0, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<described_group> groups;

  bool operator==(const describe_groups_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("groups", self.groups, codec::always);
  }
};

}  // namespace tidelog::protocol
