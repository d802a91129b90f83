#pragma once
// DeleteGroups: forgets groups that have no members, with their offsets.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct delete_groups_request {
  static constexpr api_key key = api_key::delete_groups;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> groups_names;

  bool operator==(const delete_groups_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupsNames", self.groups_names, codec::always);
  }
};

struct deletable_group_result {
  std::string group_id;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const deletable_group_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct delete_groups_response {
  static constexpr api_key key = api_key::delete_groups;
  static constexpr codec::version_range versions{0, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<deletable_group_result> results;

  bool operator==(const delete_groups_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("results", self.results, codec::always);
  }
};

}  // namespace tidelog::protocol
