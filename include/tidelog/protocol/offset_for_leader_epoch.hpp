#pragma once
// OffsetForLeaderEpoch: where leader epochs ended, for clients that look for truncation.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct offset_for_leader_partition {
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int32_t leader_epoch = 0;

  bool operator==(const offset_for_leader_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partition", self.partition, codec::always);
    visit("currentLeaderEpoch", self.current_leader_epoch, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::always);
  }
};

struct offset_for_leader_topic {
  std::string topic;
  std::vector<offset_for_leader_partition> partitions;

  bool operator==(const offset_for_leader_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// Consumers have `replica_id` -1.
struct offset_for_leader_epoch_request {
  static constexpr api_key key = api_key::offset_for_leader_epoch;
  static constexpr codec::version_range versions{2, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t replica_id = -2;
  std::vector<offset_for_leader_topic> topics;

  bool operator==(const offset_for_leader_epoch_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("replicaId", self.replica_id, codec::since(3));
    visit("topics", self.topics, codec::always);
  }
};

/// The largest epoch not above the one asked for, and the offset at which it ended; -1 when there is none.
struct leader_epoch_end_offset {
  protocol::error_code error_code = protocol::error_code::none;
  std::int32_t partition = 0;
  std::int32_t leader_epoch = -1;
  std::int64_t end_offset = -1;

  bool operator==(const leader_epoch_end_offset&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("partition", self.partition, codec::always);
    visit("leaderEpoch", self.leader_epoch, codec::always);
    visit("endOffset", self.end_offset, codec::always);
  }
};

struct offset_for_leader_topic_result {
  std::string topic;
  std::vector<leader_epoch_end_offset> partitions;

  bool operator==(const offset_for_leader_topic_result&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct offset_for_leader_epoch_response {
  static constexpr api_key key = api_key::offset_for_leader_epoch;
  static constexpr codec::version_range versions{2, 4};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<offset_for_leader_topic_result> topics;

  bool operator==(const offset_for_leader_epoch_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
