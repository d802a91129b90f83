#include "aborted_replay.hpp"

namespace tidelog::storage {

void aborted_replay::pass(const model::record_batch_header& batch) {
  for (; next_ < known_.size() && known_[next_].last_offset < batch.base_offset(); ++next_)
    entries_.push_back(known_[next_]);
  known_of_batch_.reset();
  for (; next_ < known_.size() && known_[next_].last_offset <= batch.last_offset(); ++next_) {
    if (known_[next_].producer == batch.producer_id()) known_of_batch_ = known_[next_];
  }
}

void aborted_replay::take(const std::optional<aborted_transaction>& entry) {
  const auto& wanted = entry ? entry : known_of_batch_;
  if (wanted) entries_.push_back(*wanted);
}

std::vector<aborted_transaction> aborted_replay::finish(model::offset end) {
  for (; next_ < known_.size() && known_[next_].last_offset < end; ++next_) entries_.push_back(known_[next_]);
  return std::move(entries_);
}

}  // namespace tidelog::storage
