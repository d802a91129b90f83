#pragma once
// ApiVersions: what the broker speaks. The first request of nearly every connection.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct api_versions_request {
  static constexpr api_key key = api_key::api_versions;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string client_software_name;
  std::string client_software_version;

  bool operator==(const api_versions_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("clientSoftwareName", self.client_software_name, codec::since(3));
    visit("clientSoftwareVersion", self.client_software_version, codec::since(3));
  }
};

/// An API and the versions of it that are served.
struct api_version {
  protocol::api_key api_key{};
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;

  bool operator==(const api_version&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("apiKey", self.api_key, codec::always);
    visit("minVersion", self.min_version, codec::always);
    visit("maxVersion", self.max_version, codec::always);
  }
};

struct supported_feature_key {
  std::string name;
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;

  bool operator==(const supported_feature_key&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::since(3));
    visit("minVersion", self.min_version, codec::since(3));
    visit("maxVersion", self.max_version, codec::since(3));
  }
};

struct finalized_feature_key {
  std::string name;
  std::int16_t max_version_level = 0;
  std::int16_t min_version_level = 0;

  bool operator==(const finalized_feature_key&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::since(3));
    visit("maxVersionLevel", self.max_version_level, codec::since(3));
    visit("minVersionLevel", self.min_version_level, codec::since(3));
  }
};

/// To a version that the broker does not speak, this is the answer of version 0 with UNSUPPORTED_VERSION.
struct api_versions_response {
  static constexpr api_key key = api_key::api_versions;
  static constexpr codec::version_range versions{0, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  protocol::error_code error_code = protocol::error_code::none;
  std::vector<api_version> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<supported_feature_key> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<finalized_feature_key> finalized_features;
  bool zk_migration_ready = false;

  bool operator==(const api_versions_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("apiKeys", self.api_keys, codec::always);
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(1));
    visit("supportedFeatures", self.supported_features, codec::since(3).tagged(0));
    visit("finalizedFeaturesEpoch", self.finalized_features_epoch, codec::since(3).tagged(1));
    visit("finalizedFeatures", self.finalized_features, codec::since(3).tagged(2));
    visit("zkMigrationReady", self.zk_migration_ready, codec::since(3).tagged(3));
  }
};

}  // namespace tidelog::protocol
