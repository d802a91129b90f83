#pragma once
// What the coordinators say of transactions, in the protocol's words.

#include "errors.hpp"
#include "request.hpp"

#include "tidelog/coordinator/transaction_types.hpp"

namespace tidelog::server {

/// Clients know PRODUCER_FENCED from a version on that each API has of its own; before, the producer's epoch is invalid.
[[nodiscard]] inline protocol::error_code transaction_error_code(std::error_code error, std::int16_t version,
                                                                 std::int16_t fenced_since) {
  const auto code = error_code_of(error);
  return code == protocol::error_code::producer_fenced && version < fenced_since
             ? protocol::error_code::invalid_producer_epoch
             : code;
}

[[nodiscard]] inline coordinator::producer_identity producer_identity_of(std::int64_t id,
                                                                         std::int16_t epoch) {
  return {model::producer_id(id), model::producer_epoch(epoch)};
}

[[nodiscard]] inline bool has_partition(const metadata::image& image, const std::string& topic,
                                        std::int32_t index) {
  const auto known = image.topic(topic);
  return known && index >= 0 && static_cast<std::size_t>(index) < known->partitions.size();
}

/// How a transaction's partition that is not in it is refused, by the version that knows TRANSACTION_ABORTABLE.
[[nodiscard]] inline protocol::error_code not_in_transaction(std::int16_t version,
                                                             std::int16_t abortable_since) {
  return version >= abortable_since ? protocol::error_code::transaction_abortable
                                    : protocol::error_code::invalid_txn_state;
}

}  // namespace tidelog::server
