#include "refused_sequences.hpp"

namespace tidelog::server {

std::optional<protocol::error_code> refused_sequences::reason_to_wait(const place& where,
                                                                      const storage::producer_batch& batch) {
  const auto found = first_refused_.find(key_of(where, batch));
  if (found == first_refused_.end() || batch.base_sequence <= found->second.first) return std::nullopt;
  const auto why = found->second.why;
  if (++found->second.waiting >= most_waiting) first_refused_.erase(found);
  return why;
}

void refused_sequences::refused(const place& where, const storage::producer_batch& batch,
                                protocol::error_code why) {
  const auto of = key_of(where, batch);
  const auto found = first_refused_.find(of);
  if (found == first_refused_.end()) {
    if (first_refused_.size() < most_remembered)
      first_refused_.emplace(of, refusal{batch.base_sequence, why});
  } else if (batch.base_sequence <= found->second.first) {
    found->second = {batch.base_sequence, why};
  }
}

void refused_sequences::stored(const place& where, const storage::producer_batch& batch) {
  const auto found = first_refused_.find(key_of(where, batch));
  if (found != first_refused_.end() && found->second.first == batch.base_sequence)
    first_refused_.erase(found);
}

}  // namespace tidelog::server
