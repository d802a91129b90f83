#pragma once
// DescribeProducers: the producers that a partition knows.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_producers_topic_request {
  std::string name;
  std::vector<std::int32_t> partition_indexes;

  bool operator==(const describe_producers_topic_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitionIndexes", self.partition_indexes, codec::always);
  }
};

struct describe_producers_request {
  static constexpr api_key key = api_key::describe_producers;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<describe_producers_topic_request> topics;

  bool operator==(const describe_producers_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topics", self.topics, codec::always);
  }
};

/// `current_txn_start_offset` is -1 outside of a transaction.
struct describe_producers_producer_state {
  std::int64_t producer_id = 0;
  std::int32_t producer_epoch = 0;
  std::int32_t last_sequence = -1;
  std::int64_t last_timestamp = -1;
  std::int32_t coordinator_epoch = 0;
  std::int64_t current_txn_start_offset = -1;

  bool operator==(const describe_producers_producer_state&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("lastSequence", self.last_sequence, codec::always);
    visit("lastTimestamp", self.last_timestamp, codec::always);
    visit("coordinatorEpoch", self.coordinator_epoch, codec::always);
    visit("currentTxnStartOffset", self.current_txn_start_offset, codec::always);
  }
};

struct describe_producers_partition_response {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::optional<std::string> error_message;
  std::vector<describe_producers_producer_state> active_producers;

  bool operator==(const describe_producers_partition_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
    visit("errorMessage", self.error_message, codec::always.nullable_since(0));
    visit("activeProducers", self.active_producers, codec::always);
  }
};

struct describe_producers_topic_response {
  std::string name;
  std::vector<describe_producers_partition_response> partitions;

  bool operator==(const describe_producers_topic_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct describe_producers_response {
  static constexpr api_key key = api_key::describe_producers;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<describe_producers_topic_response> topics;

  bool operator==(const describe_producers_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

}  // namespace tidelog::protocol
