#pragma once
// JoinGroup: enters a classic group, or stays in it through a rebalance. The answer comes when everybody is there.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// A way to assign partitions that the member knows, best first, with what it wants to be assigned.
struct join_group_request_protocol {
  std::string name;
  std::vector<std::byte> metadata;

  bool operator==(const join_group_request_protocol&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("metadata", self.metadata, codec::always);
  }
};

/// A member without an id is given one. A static member has a `group_instance_id` and keeps its place over restarts.
struct join_group_request {
  static constexpr api_key key = api_key::join_group;
  static constexpr codec::version_range versions{0, 9};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<join_group_request_protocol> protocols;
  std::optional<std::string> reason;

  bool operator==(const join_group_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("sessionTimeoutMs", self.session_timeout_ms, codec::always);
    visit("rebalanceTimeoutMs", self.rebalance_timeout_ms, codec::since(1));
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(5).nullable_since(5));
    visit("protocolType", self.protocol_type, codec::always);
    visit("protocols", self.protocols, codec::always);
    visit("reason", self.reason, codec::since(8).nullable_since(8));
  }
};

/// `metadata` is what the member gave for the protocol that was chosen.
struct join_group_response_member {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<std::byte> metadata;

  bool operator==(const join_group_response_member&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(5).nullable_since(5));
    visit("metadata", self.metadata, codec::always);
  }
};

/// The leader alone is told the members: it assigns. With `skip_assignment` it leaves the assignment as it was.
struct join_group_response {
  static constexpr api_key key = api_key::join_group;
  static constexpr codec::version_range versions{0, 9};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<join_group_response_member> members;

  bool operator==(const join_group_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(2));
    visit("errorCode", self.error_code, codec::always);
    visit("generationId", self.generation_id, codec::always);
    visit("protocolType", self.protocol_type, codec::since(7).nullable_since(7));
    visit("protocolName", self.protocol_name, codec::always.nullable_since(7));
    visit("leader", self.leader, codec::always);
    visit("skipAssignment", self.skip_assignment, codec::since(9));
    visit("memberId", self.member_id, codec::always);
    visit("members", self.members, codec::always);
  }
};

}  // namespace tidelog::protocol
