#include "cleaner_transactions.hpp"

namespace tidelog::storage {

void transaction_outcomes::take_records(const model::record_batch_header& batch) {
  if (!batch.is_transactional() || batch.is_control()) return;
  history& known = producers_[batch.producer_id()];
  if (!known.open_since) known.open_since = batch.base_offset();
}

void transaction_outcomes::take_marker(const model::record_batch_header& batch,
                                       model::transaction_outcome how) {
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end() || !found->second.open_since) return;
  if (how == model::transaction_outcome::aborted) {
    found->second.aborted.emplace(batch.last_offset(), *found->second.open_since);
  }
  found->second.open_since.reset();
}

transaction_outcomes::outcome transaction_outcomes::of(const model::record_batch_header& batch) const {
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return outcome::committed;
  const history& known = found->second;
  if (known.open_since && batch.base_offset() >= *known.open_since) return outcome::undecided;
  const auto rolled_back = known.aborted.lower_bound(batch.last_offset());
  const bool is_inside = rolled_back != known.aborted.end() && rolled_back->second <= batch.base_offset();
  return is_inside ? outcome::aborted : outcome::committed;
}

}  // namespace tidelog::storage
