#pragma once
// Holds a segment's index of rolled-back transactions against its batches, as far as the segment by itself can tell: a
// transaction that has records in it, and further on the marker that rolls it back, has to be in the index.

#include "batch_search.hpp"

#include "tidelog/storage/transaction_index.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace tidelog::storage {

class rollback_check {
 public:
  /// Asked when the first transaction was rolled back.
  using index_reader = std::function<base::result<std::vector<aborted_transaction>>()>;
  explicit rollback_check(index_reader read_index) : read_index_(std::move(read_index)) {}

  /// The batch at `position` is the next good one. Reads nothing of the segment that `checker` has at hand, which is so of
  /// what it has checked last. Fails with an errno.
  [[nodiscard]] base::status take(batch_checker& checker, std::uint64_t position,
                                  const model::record_batch_header& batch);
  /// Those that the index does not have.
  [[nodiscard]] std::uint64_t unlisted() const { return unlisted_; }

 private:
  [[nodiscard]] base::result<bool> is_listed(model::producer_id producer, model::offset marker);

  const index_reader read_index_;
  std::optional<std::vector<aborted_transaction>> index_;
  /// Who has records of a transaction in the segment whose end has not come.
  std::set<model::producer_id> open_;
  std::uint64_t unlisted_ = 0;
};

}  // namespace tidelog::storage
