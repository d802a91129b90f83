#pragma once
// Administration of transactions: what their coordinators know, and what the partitions know that they write to.

#include "tidelog/client/admin.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::client {

/// States as brokers name them ("Ongoing"). What is empty lets everything through.
struct transaction_filter {
  std::vector<std::string> states;
  std::vector<model::producer_id> producers;
  std::optional<std::chrono::milliseconds> open_for;  ///< only those that have been open for longer
  std::optional<std::string> id_pattern;              ///< a regular expression that the whole id must match
};
struct listed_transaction {
  std::string id;
  model::broker_id coordinator;
  model::producer_id producer;
  std::string state;
};
/// Of all brokers, in the order of their ids. Fails with invalid_argument for a state that the broker does not know, and
/// with unsupported_api when it cannot filter as wished.
[[nodiscard]] base::result<std::vector<listed_transaction>> list_transactions(
    cluster& in, const transaction_filter& filter);

struct transaction_description {
  std::string id;
  model::broker_id coordinator;
  std::string state;
  model::producer_id producer = model::no_producer_id;
  model::producer_epoch epoch = model::no_producer_epoch;
  std::chrono::milliseconds timeout{0};
  std::optional<model::timestamp> start;  ///< of the transaction, or when none is open of the last one
  partition_list partitions;  ///< in order: those in the transaction whose marker is not written yet
};
/// One for each of `ids`, in the same order. Fails with the broker's TRANSACTIONAL_ID_NOT_FOUND for the first that is
/// unknown.
[[nodiscard]] base::result<std::vector<transaction_description>> describe_transactions(
    cluster& in, std::span<const std::string> ids);

/// What a partition remembers of a producer.
struct known_producer {
  model::producer_id id = model::no_producer_id;
  model::producer_epoch epoch = model::no_producer_epoch;
  model::sequence last_sequence = model::no_sequence;
  model::timestamp last_write = model::no_timestamp;
  std::optional<std::int32_t> coordinator_epoch;  ///< of the last marker; none before the first
  std::optional<model::offset> open_from;         ///< where its open transaction begins
};
struct partition_producers {
  partition_answer outcome;
  std::vector<known_producer> producers;  ///< in the order of their ids
};
/// One for each partition of `topics`, in order. Where none leads, a broker that has the partition says why in `outcome`.
[[nodiscard]] base::result<std::vector<partition_producers>> describe_producers(
    cluster& in, std::span<const topic_metadata> topics);

/// The transaction of a producer in one partition.
struct partition_transaction {
  model::topic_partition at;
  model::producer_id producer;
  model::producer_epoch epoch;
  std::int32_t coordinator_epoch = 0;
};
/// Writes the marker of an abort into the partition, whatever the transaction's coordinator knows. Fails with the broker's
/// INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED where the partition knows higher epochs.
[[nodiscard]] base::status abort_transaction(cluster& in, const partition_transaction& target);

struct hanging_transaction {
  model::topic_partition at;
  known_producer producer;
  std::string id;  ///< where a coordinator knows the producer, empty elsewhere
};
struct hanging_search {
  std::vector<hanging_transaction> found;
  std::vector<partition_answer> unseen;  ///< partitions that could not be looked at
};
/// Transactions that partitions of `topics` hold open, not written to since `quiet_since`, and that no coordinator is
/// going to end: nothing but abort_transaction() does.
[[nodiscard]] base::result<hanging_search> find_hanging(cluster& in, std::span<const topic_metadata> topics,
                                                        model::timestamp quiet_since);

}  // namespace tidelog::client
