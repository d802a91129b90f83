#pragma once
// Follows the transactions of a log by their batches and markers, and holds the indexes of those that were rolled back
// against them.

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <map>
#include <optional>
#include <set>

namespace tidelog::tools {

struct transaction_event {
  enum class kind { begins, commits, aborts };
  kind what = kind::begins;
  model::producer_id producer{};
  /// The first record's, or the marker's.
  model::offset at{};
};

/// Those of one segment, whose batches are taken in order.
class transaction_events {
 public:
  void take(const model::record_batch_view& batch);
  [[nodiscard]] std::vector<transaction_event>& all() { return events_; }

 private:
  std::vector<transaction_event> events_;
  std::set<model::producer_id> open_;
};

/// A segment's index as it is on disk.
struct found_transaction_index {
  std::vector<storage::aborted_transaction> entries{};
  /// Why it cannot be read or believed; empty where it can.
  std::string fault{};
};

struct transaction_index_verdict {
  /// Empty where the index is right.
  std::string fault;
  /// What it has to be.
  std::vector<storage::aborted_transaction> wanted;
};

class transaction_follower {
 public:
  /// For the segments of a log in order. `index` may be absent; so may what lies before the first segment.
  [[nodiscard]] transaction_index_verdict judge(const std::vector<transaction_event>& events,
                                                const found_transaction_index* index);

 private:
  /// By producer, the first offsets of the transactions that are under way.
  std::map<model::producer_id, model::offset> open_;
};

}  // namespace tidelog::tools
