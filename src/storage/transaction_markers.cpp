#include "transaction_markers.hpp"

#include <vector>

namespace tidelog::storage {
namespace {

/// Control batches are small; what claims to be a large one is none that ends a transaction.
constexpr std::size_t most_marker_bytes = 64 * 1024;

}  // namespace

std::optional<model::transaction_end> marker_in(const model::record_batch_view& batch) {
  if (batch.compression() != model::compression_type::none) return std::nullopt;
  const auto marker = model::parse_transaction_end(batch);
  return marker ? *marker : std::nullopt;
}

base::result<std::optional<model::transaction_end>> marker_at(const io::file& file, std::uint64_t position,
                                                              const model::record_batch_header& batch) {
  if (!batch.is_control() || !batch.has_producer_id() || batch.size_bytes() > most_marker_bytes)
    return std::nullopt;
  std::vector<std::byte> bytes(batch.size_bytes());
  TIDELOG_TRY(const std::size_t got, file.read_at(bytes, position));
  const auto whole = model::parse_record_batch(base::byte_view(bytes).first(got));
  return whole ? marker_in(*whole) : std::nullopt;
}

}  // namespace tidelog::storage
