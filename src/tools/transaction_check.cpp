#include "transaction_check.hpp"

#include "tidelog/model/transaction_end.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

/// What ends a transaction; nothing for other control batches and for what is no marker.
std::optional<transaction_event::kind> marker_in(const model::record_batch_view& batch) {
  if (batch.compression() != model::compression_type::none) return std::nullopt;
  const auto end = model::parse_transaction_end(batch);
  if (!end || !*end) return std::nullopt;
  return (*end)->outcome == model::transaction_outcome::aborted ? transaction_event::kind::aborts
                                                                : transaction_event::kind::commits;
}

bool is_same(const storage::aborted_transaction& left, const storage::aborted_transaction& right) {
  return left.producer == right.producer && left.first_offset == right.first_offset &&
         left.last_offset == right.last_offset;
}

}  // namespace

void transaction_events::take(const model::record_batch_view& batch) {
  if (!batch.is_transactional()) return;
  if (!batch.is_control()) {
    if (open_.insert(batch.producer_id()).second)
      events_.push_back({transaction_event::kind::begins, batch.producer_id(), batch.base_offset()});
    return;
  }
  const auto marker = marker_in(batch);
  if (!marker) return;
  open_.erase(batch.producer_id());
  events_.push_back({*marker, batch.producer_id(), batch.base_offset()});
}

transaction_index_verdict transaction_follower::judge(const std::vector<transaction_event>& events,
                                                      const found_transaction_index* index) {
  static const found_transaction_index none;
  const auto& found = index != nullptr ? *index : none;
  transaction_index_verdict verdict;
  for (const auto& event : events) {
    if (event.what == transaction_event::kind::begins) {
      // It may have begun in a segment before.
      open_.emplace(event.producer, event.at);
      continue;
    }
    const auto begun = open_.find(event.producer);
    const auto first = begun == open_.end() ? std::nullopt : std::optional(begun->second);
    if (begun != open_.end()) open_.erase(begun);
    if (event.what == transaction_event::kind::commits) continue;
    if (!first) {
      // Its records were before the log's start; the entry may still be there.
      for (const auto& each : found.entries) {
        if (each.producer == event.producer && each.last_offset == event.at) verdict.wanted.push_back(each);
      }
      continue;
    }
    auto stable = event.at + 1;
    for (const auto& [producer, first_open] : open_) stable = std::min(stable, first_open);
    verdict.wanted.push_back({event.producer, *first, event.at, stable});
  }
  verdict.fault = found.fault;
  const bool is_right = std::equal(verdict.wanted.begin(), verdict.wanted.end(), found.entries.begin(),
                                   found.entries.end(), is_same);
  if (verdict.fault.empty() && !is_right) {
    verdict.fault = fmt::format(
        "has {} transactions that were rolled back, the batches have {}; what is missing is read as "
        "committed",
        found.entries.size(), verdict.wanted.size());
  }
  return verdict;
}

}  // namespace tidelog::tools
