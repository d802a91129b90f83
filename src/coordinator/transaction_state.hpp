#pragma once
// One transactional id: whose it is, and where its transaction stands. Plain data; transaction_shard decides, and writes each
// state before it takes it over.

#include "transaction_records.hpp"

#include "tidelog/coordinator/transaction_types.hpp"

#include <limits>
#include <map>
#include <set>

namespace tidelog::coordinator {

struct transaction_state {
  producer_identity producer;
  /// The id before this one, whose epochs were used up; and the one that comes once the transaction has ended.
  model::producer_id previous_id = model::no_producer_id;
  model::producer_id next_id = model::no_producer_id;
  /// The epoch before this one, as far as its producer may ask again for what raised it. Not written.
  model::producer_epoch last_epoch = model::no_producer_epoch;
  std::int32_t timeout_ms = 0;
  transaction_status status = transaction_status::empty;
  std::map<std::string, std::set<std::int32_t>> partitions;
  std::int64_t start_unix_ms = -1;
  std::int64_t last_update_unix_ms = -1;
  transaction_version version = transaction_version::plain;
  /// Where the log ended behind its last record. Not written.
  model::offset written{0};

  [[nodiscard]] bool is_ending() const {
    return status == transaction_status::prepare_commit || status == transaction_status::prepare_abort;
  }
  [[nodiscard]] bool is_open() const { return status == transaction_status::ongoing; }
  /// No transaction, whole or half.
  [[nodiscard]] bool is_at_rest() const { return !is_ending() && !is_open(); }
  /// The last epoch is left free, so that whoever has the one before it can be fenced.
  [[nodiscard]] bool has_no_epoch_left() const { return is_last(producer.epoch); }
  [[nodiscard]] static bool is_last(model::producer_epoch epoch) {
    return epoch.value() >= std::numeric_limits<std::int16_t>::max() - 1;
  }
  void raise_epoch() {
    producer.epoch = model::producer_epoch(static_cast<std::int16_t>(producer.epoch.value() + 1));
  }

  [[nodiscard]] std::vector<transaction_topic> topics() const;
};

[[nodiscard]] transaction_log_value value_of(const transaction_state& state);
/// Nothing for a value that no broker writes.
[[nodiscard]] std::optional<transaction_state> state_of(const transaction_log_value& value);

}  // namespace tidelog::coordinator
