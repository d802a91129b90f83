#pragma once
// How the transactions of a log ended, taken from its batches: the cleaner must neither count records that were rolled
// back as the newest of their keys nor keep them.

#include "tidelog/model/transaction_end.hpp"

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tidelog::storage {

/// Memory grows with the producers that have written transactions and with the transactions that were rolled back. Not
/// thread safe.
class transaction_outcomes {
 public:
  enum class outcome { committed, aborted, undecided };

  /// Batches in the order of their offsets; those that are in no transaction are passed over.
  void take_records(const model::record_batch_header& batch);
  void take_marker(const model::record_batch_header& batch, model::transaction_outcome how);

  /// Of a transactional batch that has been taken. Committed for batches before the first one taken: a cleaning before
  /// this has seen to them.
  [[nodiscard]] outcome of(const model::record_batch_header& batch) const;

 private:
  struct history {
    std::optional<model::offset> open_since;
    std::map<model::offset, model::offset> aborted;  ///< from the last offset to the first
  };
  std::unordered_map<model::producer_id, history> producers_;
};

}  // namespace tidelog::storage
