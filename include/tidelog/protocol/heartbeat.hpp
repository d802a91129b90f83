#pragma once
// Heartbeat: keeps a member of a classic group alive and tells it of rebalances.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tidelog::protocol {

struct heartbeat_request {
  static constexpr api_key key = api_key::heartbeat;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;

  bool operator==(const heartbeat_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("generationId", self.generation_id, codec::always);
    visit("memberId", self.member_id, codec::always);
    visit("groupInstanceId", self.group_instance_id, codec::since(3).nullable_since(3));
  }
};

struct heartbeat_response {
  static constexpr api_key key = api_key::heartbeat;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const heartbeat_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("errorCode", self.error_code, codec::always);
  }
};

}  // namespace tidelog::protocol
