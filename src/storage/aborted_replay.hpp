#pragma once
// Makes a part of a segment's index of rolled-back transactions again, while the batches of that part are read.

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <optional>
#include <vector>

namespace tidelog::storage {

class aborted_replay {
 public:
  /// `known`: what the index says of that part.
  explicit aborted_replay(std::vector<aborted_transaction> known) : known_(std::move(known)) {}

  /// The next batch. What is known of offsets that no batch has is kept: they may be damaged.
  void pass(const model::record_batch_header& batch);
  /// The batch is the marker of a transaction that was rolled back. Where its records are gone from the log's beginning, so
  /// that nobody knows what to enter, what was known is kept.
  void take(const std::optional<aborted_transaction>& entry);
  /// The log ends at `end`.
  [[nodiscard]] std::vector<aborted_transaction> finish(model::offset end);

 private:
  std::vector<aborted_transaction> known_;
  std::size_t next_ = 0;
  std::optional<aborted_transaction> known_of_batch_;
  std::vector<aborted_transaction> entries_;
};

}  // namespace tidelog::storage
