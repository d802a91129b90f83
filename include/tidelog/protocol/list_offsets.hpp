#pragma once
// ListOffsets: finds offsets by timestamp.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"
#include "tidelog/protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

/// `timestamp` is a time in milliseconds, or one of list_offsets_timestamp.
struct list_offsets_partition {
  std::int32_t partition_index = 0;
  std::int32_t current_leader_epoch = -1;
  std::int64_t timestamp = 0;

  bool operator==(const list_offsets_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("currentLeaderEpoch", self.current_leader_epoch, codec::since(4));
    visit("timestamp", self.timestamp, codec::always);
  }
};

struct list_offsets_topic {
  std::string name;
  std::vector<list_offsets_partition> partitions;

  bool operator==(const list_offsets_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct list_offsets_request {
  static constexpr api_key key = api_key::list_offsets;
  static constexpr codec::version_range versions{1, 11};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t replica_id = 0;
  protocol::isolation_level isolation_level = protocol::isolation_level::read_uncommitted;
  std::vector<list_offsets_topic> topics;
  std::int32_t timeout_ms = 0;

  bool operator==(const list_offsets_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("replicaId", self.replica_id, codec::always);
    visit("isolationLevel", self.isolation_level, codec::since(2));
    visit("topics", self.topics, codec::always);
    visit("timeoutMs", self.timeout_ms, codec::since(10));
  }
};

/// The first record at or after the time asked for; -1 all over when there is none.
struct list_offsets_partition_response {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::int64_t timestamp = -1;
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;

  bool operator==(const list_offsets_partition_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("timestamp", self.timestamp, codec::always);
    visit("offset", self.offset, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::since(4));
  }
};

struct list_offsets_topic_response {
  std::string name;
  std::vector<list_offsets_partition_response> partitions;

  bool operator==(const list_offsets_topic_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct list_offsets_response {
  static constexpr api_key key = api_key::list_offsets;
  static constexpr codec::version_range versions{1, 11};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<list_offsets_topic_response> topics;

  bool operator==(const list_offsets_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::since(2));
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
