#pragma once
// OffsetDelete: forgets what a group has committed for partitions of topics that it does not read.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct offset_delete_request_partition {
  std::int32_t partition_index = 0;

  bool operator==(const offset_delete_request_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
  }
};

struct offset_delete_request_topic {
  std::string name;
  std::vector<offset_delete_request_partition> partitions;

  bool operator==(const offset_delete_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct offset_delete_request {
  static constexpr api_key key = api_key::offset_delete;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::string group_id;
  std::vector<offset_delete_request_topic> topics;

  bool operator==(const offset_delete_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("groupId", self.group_id, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

struct offset_delete_response_partition {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const offset_delete_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct offset_delete_response_topic {
  std::string name;
  std::vector<offset_delete_response_partition> partitions;

  bool operator==(const offset_delete_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// `error_code` is about the group as a whole.
struct offset_delete_response {
  static constexpr api_key key = api_key::offset_delete;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t throttle_time_ms = 0;
  std::vector<offset_delete_response_topic> topics;

  bool operator==(const offset_delete_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
