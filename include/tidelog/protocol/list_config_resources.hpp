#pragma once
// ListConfigResources: the resources that have configs, by type.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// No types at all asks for those that the version knows.
struct list_config_resources_request {
  static constexpr api_key key = api_key::list_config_resources;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<protocol::resource_type> resource_types;

  bool operator==(const list_config_resources_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resourceTypes", self.resource_types, codec::since(1));
  }
};

struct config_resource {
  std::string resource_name;
  protocol::resource_type resource_type = protocol::resource_type::client_metrics;

  bool operator==(const config_resource&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resourceName", self.resource_name, codec::always);
    visit("resourceType", self.resource_type, codec::since(1));
  }
};

struct list_config_resources_response {
  static constexpr api_key key = api_key::list_config_resources;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<config_resource> config_resources;

  bool operator==(const list_config_resources_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("configResources", self.config_resources, codec::always);
  }
};

}  // namespace tidelog::protocol
