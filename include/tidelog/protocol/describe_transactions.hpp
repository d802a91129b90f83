#pragma once
// DescribeTransactions: what the coordinator knows of transactional ids.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct describe_transactions_request {
  static constexpr api_key key = api_key::describe_transactions;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<std::string> transactional_ids;

  bool operator==(const describe_transactions_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalIds", self.transactional_ids, codec::always);
  }
};

struct describe_transactions_response_topic {
  std::string topic;
  std::vector<std::int32_t> partitions;

  bool operator==(const describe_transactions_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("topic", self.topic, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// `transaction_start_time_ms` is -1 outside of a transaction.
struct describe_transactions_response_transaction {
  protocol::error_code error_code = protocol::error_code::none;
  std::string transactional_id;
  std::string transaction_state;
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t transaction_start_time_ms = 0;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  std::vector<describe_transactions_response_topic> topics;

  bool operator==(const describe_transactions_response_transaction&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("errorCode", self.error_code, codec::always);
    visit("transactionalId", self.transactional_id, codec::always);
    visit("transactionState", self.transaction_state, codec::always);
    visit("transactionTimeoutMs", self.transaction_timeout_ms, codec::always);
    visit("transactionStartTimeMs", self.transaction_start_time_ms, codec::always);
    visit("producerId", self.producer_id, codec::always);
    visit("producerEpoch", self.producer_epoch, codec::always);
    visit("topics", self.topics, codec::always);
  }
};

struct describe_transactions_response {
  static constexpr api_key key = api_key::describe_transactions;
  static constexpr codec::version_range versions{0, 0};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  std::vector<describe_transactions_response_transaction> transaction_states;

  bool operator==(const describe_transactions_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("transactionStates", self.transaction_states, codec::always);
  }
};

}  // namespace tidelog::protocol
