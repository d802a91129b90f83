#pragma once
// SyncGroup: the leader of a classic group hands in the assignment; everybody receives their part of it.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct sync_group_request_assignment {
  std::string member_id;
  std::vector<std::byte> assignment;

  bool operator==(const sync_group_request_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::always);
    visit("assignment", self.assignment, codec::always);
  }
};

/// Members other than the leader send no assignments.
struct sync_group_request {
  static constexpr api_key key = api_key::sync_group;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<sync_group_request_assignment> assignments;

  bool operator==(const sync_group_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("generationId", self.generation_id, codec::always);
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
    visit("protocolType", self.protocol_type, codec::since(5).nullable_since(5));
    visit("protocolName", self.protocol_name, codec::since(5).nullable_since(5));
    visit("assignments", self.assignments, codec::always);
  }
};

struct sync_group_response {
  static constexpr api_key key = api_key::sync_group;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<std::byte> assignment;

  bool operator==(const sync_group_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("errorCode", self.error_code, codec::always);
    visit("protocolType", self.protocol_type, codec::since(5).nullable_since(5));
    visit("protocolName", self.protocol_name, codec::since(5).nullable_since(5));
    visit("assignment", self.assignment, codec::always);
  }
};

}  // namespace tidelog::protocol
