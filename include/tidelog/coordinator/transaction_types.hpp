#pragma once
// What is asked of a transaction coordinator and what it answers, in its own terms: values, no protocol versions. Every
// answer carries `error`, which is empty when all went well, or a coordinator::errc.

#include "tidelog/coordinator/group_types.hpp"
#include "tidelog/model/transaction_end.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace tidelog::coordinator {

/// Kafka's numbers, which are in the records; their names are in the protocol.
enum class transaction_status : std::int8_t {
  empty = 0,
  ongoing = 1,
  prepare_commit = 2,
  prepare_abort = 3,
  complete_commit = 4,
  complete_abort = 5,
  dead = 6,
  /// Written by no broker: an open transaction on its way to being aborted from outside. Here it is aborted at once.
  prepare_epoch_fence = 7,
};
/// As in DescribeTransactions: "Ongoing".
[[nodiscard]] std::string_view name_of(transaction_status status);
[[nodiscard]] std::optional<transaction_status> transaction_status_of(std::string_view name);

/// How the producer's client ends transactions: from the second version on each end raises the epoch.
enum class transaction_version : std::int16_t { plain = 0, flexible_records = 1, epoch_per_transaction = 2 };

/// A producer says who it is.
struct producer_identity {
  model::producer_id id = model::no_producer_id;
  model::producer_epoch epoch = model::no_producer_epoch;
  friend bool operator==(const producer_identity&, const producer_identity&) = default;
};

struct init_producer_request {
  std::string transactional_id;
  std::int32_t timeout_ms = 0;
  /// A producer that goes on after an error, and what it was; without an id: one that begins.
  producer_identity before;
  transaction_version version = transaction_version::plain;
  /// For a new transactional id, or one whose epochs are used up; an answer of needs_producer_id asks for it.
  std::optional<model::producer_id> fresh_id;
};
struct init_producer_answer {
  std::error_code error;
  producer_identity producer;
};

struct transaction_topic {
  std::string name;
  std::vector<std::int32_t> partitions;
  friend bool operator==(const transaction_topic&, const transaction_topic&) = default;
};

struct add_partitions_request {
  std::string transactional_id;
  producer_identity producer;
  std::vector<transaction_topic> topics;
  /// Whether partitions that are not in the transaction are added, or refused with transaction_abortable.
  enum class missing { added, refused };
  missing when_missing = missing::added;
  transaction_version version = transaction_version::plain;
};
/// Answered when the transaction's record is as durable as its topic promises. While an earlier transaction of the
/// producer is ending, the answer waits for that end, for no longer than add.partitions.to.txn.retry.backoff.max.ms: then
/// it is concurrent_transactions.
struct add_partitions_answer {
  std::error_code error;
  /// Of those asked for.
  std::vector<model::topic_partition> missing;
};

struct end_transaction_request {
  std::string transactional_id;
  producer_identity producer;
  model::transaction_outcome outcome = model::transaction_outcome::aborted;
  transaction_version version = transaction_version::plain;
  /// As in init_producer_request.
  std::optional<model::producer_id> fresh_id;
};
/// Answered when the decision is durable; markers are written afterwards.
struct end_transaction_answer {
  std::error_code error;
  /// What the producer goes on as.
  producer_identity producer;
};

struct transaction_description {
  std::error_code error;
  std::string transactional_id;
  transaction_status status = transaction_status::empty;
  std::int32_t timeout_ms = 0;
  /// -1: none has begun.
  std::int64_t start_unix_ms = -1;
  producer_identity producer;
  std::vector<transaction_topic> topics;
};

struct list_transactions_request {
  /// Empty: all.
  std::vector<transaction_status> statuses;
  std::vector<model::producer_id> producers;
  /// Only transactions that began longer ago and are not over; negative: all.
  std::int64_t older_than_ms = -1;
  /// RE2, for the whole id; empty: all.
  std::string pattern;
};
struct transaction_listing {
  std::string transactional_id;
  model::producer_id producer;
  transaction_status status = transaction_status::empty;
};
struct list_transactions_answer {
  /// load_in_progress where some partition is not read yet, invalid_pattern.
  std::error_code error;
  std::vector<transaction_listing> transactions;
};

}  // namespace tidelog::coordinator
