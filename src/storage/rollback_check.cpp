#include "rollback_check.hpp"

#include "transaction_markers.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

/// Of more at a time some are not held against the index.
constexpr std::size_t most_open = 100'000;

}  // namespace

base::status rollback_check::take(const io::file& file, std::uint64_t position,
                                  const model::record_batch_header& batch) {
  if (!batch.is_transactional()) return {};
  if (!batch.is_control()) {
    if (open_.size() < most_open) open_.insert(batch.producer_id());
    return {};
  }
  TIDELOG_TRY(const auto end, marker_at(file, position, batch));
  if (!end || open_.erase(batch.producer_id()) == 0) return {};
  if (end->outcome != model::transaction_outcome::aborted) return {};
  TIDELOG_TRY(const bool listed, is_listed(batch.producer_id(), batch.base_offset()));
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
