#pragma once
// The marker by which a transaction ends in a partition: a control batch of one record, of the producer whose transaction
// it is.
//
//   key    version int16 0, type int16 (0 aborted, 1 committed)
//   value  version int16 0, coordinator epoch int32

#include "tidelog/model/record.hpp"

#include <cstdint>
#include <vector>

namespace tidelog::model {

enum class transaction_outcome : std::uint8_t { aborted, committed };

struct transaction_end {
  model::producer_id producer = no_producer_id;
  /// The producer's, or a later one by which whoever uses the earlier is fenced.
  model::producer_epoch epoch = no_producer_epoch;
  transaction_outcome outcome = transaction_outcome::aborted;
  /// The leader epoch of the coordinator's partition when it decided.
  std::int32_t coordinator_epoch = 0;
  friend bool operator==(const transaction_end&, const transaction_end&) = default;
};

/// The batch, to be appended; `now` is its record's time.
[[nodiscard]] std::vector<std::byte> encode_transaction_end(const transaction_end& end, timestamp now);

/// What a control batch says; `batch` is whole and not compressed. Nothing when it ends no transaction (other control
/// batches). Fails with bad_control_record, or as record_reader.
[[nodiscard]] base::result<std::optional<transaction_end>> parse_transaction_end(
    const record_batch_view& batch);

}  // namespace tidelog::model
