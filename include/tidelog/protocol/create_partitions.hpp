#pragma once
// CreatePartitions: adds partitions to topics.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// The brokers that hold one new partition.
struct create_partitions_assignment {
  std::vector<std::int32_t> broker_ids;

  bool operator==(const create_partitions_assignment&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("brokerIds", self.broker_ids, codec::always);
  }
};

/// `count` is how many there shall be in all.
struct create_partitions_topic {
  std::string name;
  std::int32_t count = 0;
  std::optional<std::vector<create_partitions_assignment>> assignments;

  bool operator==(const create_partitions_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("count", self.count, codec::always);
    visit("assignments", self.assignments, codec::always.nullable_since(0));
  }
};

struct create_partitions_request {
  static constexpr api_key key = api_key::create_partitions;
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<create_partitions_topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  bool operator==(const create_partitions_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
    visit("timeoutMs", self.timeout_ms, codec::always);
    visit("validateOnly", self.validate_only, codec::always);
  }
};

struct create_partitions_topic_result {
  std::string name;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;

  bool operator==(const create_partitions_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
  }
};

struct create_partitions_response {
  static constexpr api_key key = api_key::create_partitions;
  static constexpr codec::version_range versions{0, 3};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<create_partitions_topic_result> results;

  bool operator==(const create_partitions_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("results", self.results, codec::always);
  }
};

}  // namespace tidelog::protocol
