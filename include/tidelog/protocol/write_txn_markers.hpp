#pragma once
// WriteTxnMarkers: writes into partitions how a transaction ended.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct write_txn_markers_request_topic {
  std::string name;
  std::vector<std::int32_t> partition_indexes;

  bool operator==(const write_txn_markers_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitionIndexes", self.partition_indexes, codec::always);
  }
};

/// Commits if `transaction_result`. With `transaction_version` 2 the epoch is one above that of the records.
struct write_txn_markers_request_marker {
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  bool transaction_result = false;
  std::vector<write_txn_markers_request_topic> topics;
  std::int32_t coordinator_epoch = 0;
  std::int8_t transaction_version = 0;

  bool operator==(const write_txn_markers_request_marker&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("transactionResult", self.transaction_result, codec::always);
    visit("topics", self.topics, codec::always);
    visit("coordinatorEpoch", self.coordinator_epoch, codec::always);
    visit("transactionVersion", self.transaction_version, codec::since(2));
  }
};

struct write_txn_markers_request {
  static constexpr api_key key = api_key::write_txn_markers;
  static constexpr codec::version_range versions{1, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<write_txn_markers_request_marker> markers;

  bool operator==(const write_txn_markers_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("markers", self.markers, codec::always);
  }
};

struct write_txn_markers_response_partition {
  std::int32_t partition_index = 0;
  protocol::error_code error_code = protocol::error_code::none;

  bool operator==(const write_txn_markers_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("errorCode", self.error_code, codec::always);
  }
};

struct write_txn_markers_response_topic {
  std::string name;
  std::vector<write_txn_markers_response_partition> partitions;

  bool operator==(const write_txn_markers_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

struct write_txn_markers_response_marker {
  std::int64_t producer_id = 0;
  std::vector<write_txn_markers_response_topic> topics;

  bool operator==(const write_txn_markers_response_marker&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("producerId", self.producer_id, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

struct write_txn_markers_response {
  static constexpr api_key key = api_key::write_txn_markers;
  static constexpr codec::version_range versions{1, 2};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<write_txn_markers_response_marker> markers;

  bool operator==(const write_txn_markers_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("markers", self.markers, codec::always);
  }
};

}  // namespace tidelog::protocol
