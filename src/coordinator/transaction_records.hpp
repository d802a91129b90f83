#pragma once
// The records of __transaction_state, in Kafka's format. A key is its version (int16) and the transactional id; a value its
// version (int16) and its fields, or null: the id is forgotten.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/message_fields.hpp"
#include "tidelog/coordinator/transaction_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::coordinator {

struct transaction_log_key {
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = codec::never;
  std::string transactional_id;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::always);
  }
};

struct transaction_log_partitions {
  std::string topic;
  std::vector<std::int32_t> partition_ids;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitionIds", self.partition_ids, codec::always);
  }
  friend bool operator==(const transaction_log_partitions&, const transaction_log_partitions&) = default;
};

struct transaction_log_value {
  static constexpr codec::version_range versions{0, 1};
  static constexpr std::int16_t flexible_from = 1;
  std::int64_t producer_id = -1;
  std::int64_t previous_producer_id = -1;
  std::int64_t next_producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int16_t next_producer_epoch = -1;
  std::int32_t transaction_timeout_ms = 0;
  std::int8_t transaction_status = 0;
  /// Absent in an empty one.
  std::optional<std::vector<transaction_log_partitions>> transaction_partitions;
  std::int64_t last_update_timestamp_ms = -1;
  std::int64_t start_timestamp_ms = -1;
  std::int16_t client_transaction_version = 0;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("producerId", self.producer_id, codec::always);
    visit("previousProducerId", self.previous_producer_id, codec::since(1).tagged(0));
    visit("nextProducerId", self.next_producer_id, codec::since(1).tagged(1));
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("transactionTimeoutMs", self.transaction_timeout_ms, codec::always);
    visit("transactionStatus", self.transaction_status, codec::always);
    visit("transactionPartitions", self.transaction_partitions, codec::always.nullable_since(0));
    visit("transactionLastUpdateTimestampMs", self.last_update_timestamp_ms, codec::always);
    visit("transactionStartTimestampMs", self.start_timestamp_ms, codec::always);
    visit("clientTransactionVersion", self.client_transaction_version, codec::since(1).tagged(2));
    visit("nextProducerEpoch", self.next_producer_epoch, codec::since(1).tagged(3));
  }
  friend bool operator==(const transaction_log_value&, const transaction_log_value&) = default;
};

struct transaction_record {
  std::string transactional_id;
  /// Absent: a tombstone.
  std::optional<transaction_log_value> value;
  friend bool operator==(const transaction_record&, const transaction_record&) = default;
};

struct encoded_transaction_record {
  std::vector<std::byte> key;
  std::optional<std::vector<std::byte>> value;
};
/// In version 1 of the value, which Kafka's brokers write since 3.8 with transaction.version 1 or 2 and read since then; in
/// version 0 where `version` is plain.
[[nodiscard]] encoded_transaction_record encode_transaction_record(const transaction_record& of,
                                                                   transaction_version version);
/// Fails with errc::invalid_request on bytes that are none.
[[nodiscard]] base::result<transaction_record> decode_transaction_record(
    base::byte_view key, const std::optional<base::byte_view>& value);

}  // namespace tidelog::coordinator
