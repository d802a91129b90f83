#pragma once
// What batches say of the producer that they come from.

#include "tidelog/model/record_batch.hpp"
#include "tidelog/model/transaction_end.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <optional>

namespace tidelog::storage {

/// What a batch's header says that concerns producers. Only batches with a producer id (not -1) are of
/// interest here.
struct producer_batch {
  enum class content : std::uint8_t {
    records,             ///< of an idempotent producer
    transactional,       ///< records inside a transaction
    end_of_transaction,  ///< the coordinator's marker (a control batch); carries no sequence
  };
  model::producer_id producer = model::no_producer_id;
  model::producer_epoch epoch = model::no_producer_epoch;
  content kind = content::records;
  /// At least 0 in what clients send: validated before it comes here. no_sequence in markers, and in what the group
  /// coordinator writes in a transaction.
  model::sequence base_sequence = model::no_sequence;
  std::int32_t last_offset_delta = 0;  ///< at least 0
  model::offset base_offset{};         ///< not looked at by check()
  model::timestamp max_timestamp = model::no_timestamp;
  // Of a marker, where the reader knows what it says:
  std::int32_t coordinator_epoch = -1;  ///< -1 leaves what was known
  std::optional<model::transaction_outcome> outcome{};

  void take(const model::transaction_end& marker) {
    coordinator_epoch = marker.coordinator_epoch;
    outcome = marker.outcome;
  }
  [[nodiscard]] bool has_sequence() const { return base_sequence != model::no_sequence; }
  [[nodiscard]] model::sequence last_sequence() const;
  [[nodiscard]] model::offset last_offset() const { return base_offset + last_offset_delta; }
};
/// Nothing for a batch without a producer id.
[[nodiscard]] std::optional<producer_batch> producer_batch_of(const model::record_batch_header& header);
/// The same of a batch whose records are there: with what a marker says.
[[nodiscard]] std::optional<producer_batch> producer_batch_of(const model::record_batch_view& batch);

/// A batch that is in the log. Answered for a duplicate: the producer gets the offsets of the original, once
/// these are as safe as an acknowledgement asks for.
struct recorded_batch {
  model::offset base_offset;
  model::offset last_offset;
  model::sequence base_sequence;
  model::sequence last_sequence;
  model::timestamp timestamp;
  friend bool operator==(const recorded_batch&, const recorded_batch&) = default;
};

}  // namespace tidelog::storage
