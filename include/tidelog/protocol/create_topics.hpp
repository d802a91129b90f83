#pragma once
// CreateTopics: makes topics, with counts or with explicit replicas.

#include "tidelog/base/uuid.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// The brokers that hold one partition, the preferred leader first.
struct creatable_replica_assignment {
  std::int32_t partition_index = 0;
  std::vector<std::int32_t> broker_ids;

  bool operator==(const creatable_replica_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("brokerIds", self.broker_ids, codec::always);
  }
};

struct creatable_topic_config {
  std::string name;
  std::optional<std::string> value;

  bool operator==(const creatable_topic_config&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("value", self.value, codec::always.nullable_since(0));
  }
};

/// Counts of -1 take the broker's defaults, and are required when `assignments` are given.
struct creatable_topic {
  std::string name;
  std::int32_t num_partitions = 0;
  std::int16_t replication_factor = 0;
  std::vector<creatable_replica_assignment> assignments;
  std::vector<creatable_topic_config> configs;

  bool operator==(const creatable_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("numPartitions", self.num_partitions, codec::always);
    visit("replicationFactor", self.replication_factor, codec::always);
    visit("assignments", self.assignments, codec::always);
    visit("configs", self.configs, codec::always);
  }
};

struct create_topics_request {
  static constexpr api_key key = api_key::create_topics;
  static constexpr codec::version_range versions{2, 7};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<creatable_topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;

  bool operator==(const create_topics_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("timeoutMs", self.timeout_ms, codec::always);
    visit("validateOnly", self.validate_only, codec::always);
  }
};

/// A config as the new topic has it.
struct creatable_topic_configs {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  protocol::config_source config_source = protocol::config_source::not_said;
  bool is_sensitive = false;

  bool operator==(const creatable_topic_configs&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::since(5));
    visit("value", self.value, codec::since(5).nullable_since(5));
    visit("readOnly", self.read_only, codec::since(5));
    visit("configSource", self.config_source, codec::since(5));
    visit("isSensitive", self.is_sensitive, codec::since(5));
  }
};

/// `configs` is null when the client may not see them; `topic_config_error_code` then says why.
struct creatable_topic_result {
  std::string name;
  base::uuid topic_id;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  protocol::error_code topic_config_error_code = protocol::error_code::none;
  std::int32_t num_partitions = -1;
  std::int16_t replication_factor = -1;
  std::optional<std::vector<creatable_topic_configs>> configs;

  bool operator==(const creatable_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("topicId", self.topic_id, codec::since(7));
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("topicConfigErrorCode", self.topic_config_error_code, codec::since(5).tagged(0));
    visit("numPartitions", self.num_partitions, codec::since(5));
    visit("replicationFactor", self.replication_factor, codec::since(5));
    visit("configs", self.configs, codec::since(5).nullable_since(5));
  }
};

struct create_topics_response {
  static constexpr api_key key = api_key::create_topics;
  static constexpr codec::version_range versions{2, 7};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<creatable_topic_result> topics;

  bool operator==(const create_topics_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
