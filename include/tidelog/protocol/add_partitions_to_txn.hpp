#pragma once
// AddPartitionsToTxn: partitions that a transaction is going to write to.

#include "tidelog/codec/message_fields.hpp"
#include "tidelog/protocol/api_key.hpp"
#include "tidelog/protocol/error_code.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::protocol {

struct add_partitions_to_txn_request_topic {
  std::string name;
  std::vector<std::int32_t> partitions;

  bool operator==(const add_partitions_to_txn_request_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("partitions", self.partitions, codec::always);
  }
};

/// With `verify_only` nothing is added: the answer says which partitions are in the transaction.
struct add_partitions_to_txn_request_transaction {
  std::string transactional_id;
  std::int64_t producer_id = 0;
  std::int16_t producer_epoch = 0;
  bool verify_only = false;
  std::vector<add_partitions_to_txn_request_topic> topics;

  bool operator==(const add_partitions_to_txn_request_transaction&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::since(4));
    visit("producerId", self.producer_id, codec::since(4));
    visit("producerEpoch", self.producer_epoch, codec::since(4));
    visit("verifyOnly", self.verify_only, codec::since(4));
    visit("topics", self.topics, codec::since(4));
  }
};

/// A producer asks for one transaction, up to version 3; a broker for many, from 4 on.
struct add_partitions_to_txn_request {
  static constexpr api_key key = api_key::add_partitions_to_txn;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::vector<add_partitions_to_txn_request_transaction> transactions;
  std::string v3_and_below_transactional_id;
  std::int64_t v3_and_below_producer_id = 0;
  std::int16_t v3_and_below_producer_epoch = 0;
  std::vector<add_partitions_to_txn_request_topic> v3_and_below_topics;

  bool operator==(const add_partitions_to_txn_request&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactions", self.transactions, codec::since(4));
    visit("v3AndBelowTransactionalId", self.v3_and_below_transactional_id, codec::between(0, 3));
    visit("v3AndBelowProducerId", self.v3_and_below_producer_id, codec::between(0, 3));
    visit("v3AndBelowProducerEpoch", self.v3_and_below_producer_epoch, codec::between(0, 3));
    visit("v3AndBelowTopics", self.v3_and_below_topics, codec::between(0, 3));
  }
};

struct add_partitions_to_txn_response_partition {
  std::int32_t partition_index = 0;
  protocol::error_code partition_error_code = protocol::error_code::none;

  bool operator==(const add_partitions_to_txn_response_partition&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("partitionIndex", self.partition_index, codec::always);
    visit("partitionErrorCode", self.partition_error_code, codec::always);
  }
};

struct add_partitions_to_txn_response_topic {
  std::string name;
  std::vector<add_partitions_to_txn_response_partition> results_by_partition;

  bool operator==(const add_partitions_to_txn_response_topic&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, codec::always);
    visit("resultsByPartition", self.results_by_partition, codec::always);
  }
};

struct add_partitions_to_txn_response_transaction {
  std::string transactional_id;
  std::vector<add_partitions_to_txn_response_topic> topic_results;

  bool operator==(const add_partitions_to_txn_response_transaction&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("transactionalId", self.transactional_id, codec::since(4));
    visit("topicResults", self.topic_results, codec::since(4));
  }
};

/// `error_code` is of the request as a whole.
struct add_partitions_to_txn_response {
  static constexpr api_key key = api_key::add_partitions_to_txn;
  static constexpr codec::version_range versions{0, 5};
  static constexpr std::int16_t flexible_from = flexible_version_of(key);

  std::int32_t throttle_time_ms = 0;
  protocol::error_code error_code = protocol::error_code::none;
  std::vector<add_partitions_to_txn_response_transaction> results_by_transaction;
  std::vector<add_partitions_to_txn_response_topic> results_by_topic_v3_and_below;

  bool operator==(const add_partitions_to_txn_response&) const = default;
  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("throttleTimeMs", self.throttle_time_ms, codec::always);
    visit("errorCode", self.error_code, codec::since(4));
    visit("resultsByTransaction", self.results_by_transaction, codec::since(4));
    visit("resultsByTopicV3AndBelow", self.results_by_topic_v3_and_below, codec::between(0, 3));
  }
};

}  // namespace tidelog::protocol
