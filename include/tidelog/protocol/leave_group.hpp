#pragma once
// LeaveGroup: members leave a classic group, or are taken out of it.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// A static member may be named by its instance id alone.
struct leave_group_member_identity {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> reason;

  bool operator==(const leave_group_member_identity&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::since(3));
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
    visit("reason", self.reason, codec::since(5).nullable_since(5));
  }
};

/// One member up to version 2, any number of them from 3 on.
struct leave_group_request {
  static constexpr api_key key = api_key::leave_group;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::string member_id;
  std::vector<leave_group_member_identity> members;

  bool operator==(const leave_group_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("memberId", self.member_id, codec::between(0, 2));
    visit("members", self.members, codec::since(3));
  }
};

struct leave_group_member_response {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const leave_group_member_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("memberId", self.member_id, codec::since(3));
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
    visit("errorCode", self.error_code, codec::since(3));
  }
};

struct leave_group_response {
  static constexpr api_key key = api_key::leave_group;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<leave_group_member_response> members;

  bool operator==(const leave_group_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("errorCode", self.error_code, codec::always);
    visit("members", self.members, codec::since(3));
  }
};

}  // namespace tidelog::protocol
