#pragma once
// IncrementalAlterConfigs: changes single configs of a resource.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct incremental_alterable_config {
  std::string name;
  protocol::config_operation config_operation = protocol::config_operation::set;
  std::optional<std::string> value;

  bool operator==(const incremental_alterable_config&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("configOperation", self.config_operation, codec::always);
    visit("value", self.value, codec::always.nullable_since(0));
  }
};

struct incremental_alter_configs_resource {
  protocol::resource_type resource_type = protocol::resource_type::unknown;
  std::string resource_name;
  std::vector<incremental_alterable_config> configs;

  bool operator==(const incremental_alter_configs_resource&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resourceType", self.resource_type, codec::always);
    visit("resourceName", self.resource_name, codec::always);
    visit("configs", self.configs, codec::always);
  }
};

struct incremental_alter_configs_request {
  static constexpr api_key key = api_key::incremental_alter_configs;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<incremental_alter_configs_resource> resources;
  bool validate_only = false;

  bool operator==(const incremental_alter_configs_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resources", self.resources, codec::always);
    visit("validateOnly", self.validate_only, codec::always);
  }
};

struct incremental_alter_configs_resource_response {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  protocol::resource_type resource_type = protocol::resource_type::unknown;
  std::string resource_name;

  bool operator==(const incremental_alter_configs_resource_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("resourceType", self.resource_type, codec::always);
    visit("resourceName", self.resource_name, codec::always);
  }
};

struct incremental_alter_configs_response {
  static constexpr api_key key = api_key::incremental_alter_configs;
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<incremental_alter_configs_resource_response> responses;

  bool operator==(const incremental_alter_configs_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("responses", self.responses, codec::always);
  }
};

}  // namespace tidelog::protocol
