#pragma once
// FindCoordinator: which broker looks after a group or a transactional id.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// One key up to version 3, any number of keys of one type from 4 on.
struct find_coordinator_request {
  static constexpr api_key key = api_key::find_coordinator;
  static constexpr codec::version_range versions{0, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string coordinator_key;
  coordinator_type key_type = coordinator_type::group;
  std::vector<std::string> coordinator_keys;

  bool operator==(const find_coordinator_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("key", self.coordinator_key, codec::between(0, 3));
    visit("keyType", self.key_type, codec::since(1));
    visit("coordinatorKeys", self.coordinator_keys, codec::since(4));
  }
};

/// `node_id` is -1 after an error.
struct found_coordinator {
  std::string key;
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;

  bool operator==(const found_coordinator&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("key", self.key, codec::since(4));
    visit("nodeId", self.node_id, codec::since(4));
    visit("host", self.host, codec::since(4));
    visit("port", self.port, codec::since(4));
    visit("errorCode", self.error_code, codec::since(4));
    visit("errorMessage", self.error_message, codec::since(4).nullable_since(4));
  }
};

/// A single answer up to version 3, one for each key from 4 on.
struct find_coordinator_response {
  static constexpr api_key key = api_key::find_coordinator;
  static constexpr codec::version_range versions{0, 6};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::vector<found_coordinator> coordinators;

  bool operator==(const find_coordinator_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("errorCode", self.error_code, codec::between(0, 3));
    visit("errorMessage", self.error_message, codec::between(1, 3).nullable_since(1));
    visit("nodeId", self.node_id, codec::between(0, 3));
    visit("host", self.host, codec::between(0, 3));
    visit("port", self.port, codec::between(0, 3));
    visit("coordinators", self.coordinators, codec::since(4));
  }
};

}  // namespace tidelog::protocol
