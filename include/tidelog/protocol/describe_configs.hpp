#pragma once
// DescribeConfigs: the configs of topics, brokers and groups, with where their values come from.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// `configuration_keys` null asks for all.
struct describe_configs_resource {
  protocol::resource_type resource_type = protocol::resource_type::unknown;
  std::string resource_name;
  std::optional<std::vector<std::string>> configuration_keys;

  bool operator==(const describe_configs_resource&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resourceType", self.resource_type, codec::always);
    visit("resourceName", self.resource_name, codec::always);
    visit("configurationKeys", self.configuration_keys, codec::always.nullable_since(0));
  }
};

struct describe_configs_request {
  static constexpr api_key key = api_key::describe_configs;
  static constexpr codec::version_range versions{1, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<describe_configs_resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  bool operator==(const describe_configs_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("resources", self.resources, codec::always);
    visit("includeSynonyms", self.include_synonyms, codec::always);
    visit("includeDocumentation", self.include_documentation, codec::since(3));
  }
};

/// A place where the value is looked for; the first of the list is the one that counts.
struct describe_configs_synonym {
  std::string name;
  std::optional<std::string> value;
  protocol::config_source source = protocol::config_source::unknown;

  bool operator==(const describe_configs_synonym&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("value", self.value, codec::always.nullable_since(0));
    visit("source", self.source, codec::always);
  }
};

/// `value` is null when it is sensitive.
struct describe_configs_resource_result {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  protocol::config_source config_source = protocol::config_source::not_said;
  bool is_sensitive = false;
  std::vector<describe_configs_synonym> synonyms;
  protocol::config_type config_type = protocol::config_type::unknown;
  std::optional<std::string> documentation;

  bool operator==(const describe_configs_resource_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("value", self.value, codec::always.nullable_since(0));
    visit("readOnly", self.read_only, codec::always);
    visit("configSource", self.config_source, codec::always);
    visit("isSensitive", self.is_sensitive, codec::always);
    visit("synonyms", self.synonyms, codec::always);
    visit("configType", self.config_type, codec::since(3));
    visit("documentation", self.documentation, codec::since(3).nullable_since(0));
  }
};

struct describe_configs_result {
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  protocol::resource_type resource_type = protocol::resource_type::unknown;
  std::string resource_name;
  std::vector<describe_configs_resource_result> configs;

  bool operator==(const describe_configs_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("resourceType", self.resource_type, codec::always);
    visit("resourceName", self.resource_name, codec::always);
    visit("configs", self.configs, codec::always);
  }
};

struct describe_configs_response {
  static constexpr api_key key = api_key::describe_configs;
  static constexpr codec::version_range versions{1, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<describe_configs_result> results;

  bool operator==(const describe_configs_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("results", self.results, codec::always);
  }
};

}  // namespace tidelog::protocol
