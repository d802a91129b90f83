#include "rollback_check.hpp"

#include "transaction_markers.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

/// Of more at a time some are not held against the index.
constexpr std::size_t most_open = 100'000;

}  // namespace

base::status rollback_check::take(batch_checker& checker, std::uint64_t position,
                                  const model::record_batch_header& batch) {
  if (!batch.is_transactional()) return {};
  const auto producer = batch.producer_id();
  if (!batch.is_control()) {
    if (open_.size() < most_open) open_.insert(producer);
    return {};
  }
  TIDELOG_TRY(const auto bytes, checker.at(position, batch.size_bytes()));
  // No marker is larger than what the checker reads at once.
  const auto whole = model::parse_record_batch(bytes);
  const auto end = whole ? marker_in(*whole) : std::nullopt;
  if (!end || open_.erase(producer) == 0) return {};
  if (end->outcome != model::transaction_outcome::aborted) return {};
  TIDELOG_TRY(const bool listed, is_listed(producer, whole->base_offset()));
  if (!listed) ++unlisted_;
  return {};
}

base::result<bool> rollback_check::is_listed(model::producer_id producer, model::offset marker) {
  if (!index_) {
    TIDELOG_TRY(index_, read_index_());
  }
  const auto found = std::ranges::lower_bound(*index_, marker, {}, &aborted_transaction::last_offset);
  return found != index_->end() && found->last_offset == marker && found->producer == producer;
}

}  // namespace tidelog::storage
