#pragma once
// ListGroups: the groups that a broker coordinates.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// Empty filters let everything through.
struct list_groups_request {
  static constexpr api_key key = api_key::list_groups;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;

  bool operator==(const list_groups_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("statesFilter", self.states_filter, codec::since(4));
    visit("typesFilter", self.types_filter, codec::since(5));
  }
};

struct listed_group {
  std::string group_id;
  std::string protocol_type;
  std::string group_state;
  std::string group_type;

  bool operator==(const listed_group&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("protocolType", self.protocol_type, codec::always);
    visit("groupState", self.group_state, codec::since(4));
    visit("groupType", self.group_type, codec::since(5));
  }
};

struct list_groups_response {
  static constexpr api_key key = api_key::list_groups;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<listed_group> groups;

  bool operator==(const list_groups_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("errorCode", self.error_code, codec::always);
    visit("groups", self.groups, codec::always);
  }
};

}  // namespace tidelog::protocol
