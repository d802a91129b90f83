#include "tidelog/storage/transaction_index.hpp"

#include "tidelog/storage/storage_error.hpp"

#include <limits>
#include <optional>

namespace tidelog::storage {
namespace {

constexpr std::size_t producer_at = 2;
constexpr std::size_t first_at = 10;
constexpr std::size_t last_at = 18;
constexpr std::size_t stable_at = 26;

[[nodiscard]] std::optional<aborted_transaction> decode(const std::byte* bytes) {
  const aborted_transaction entry{
      model::producer_id(base::load_big_endian<std::int64_t>(bytes + producer_at)),
      model::offset(base::load_big_endian<std::int64_t>(bytes + first_at)),
      model::offset(base::load_big_endian<std::int64_t>(bytes + last_at)),
      model::offset(base::load_big_endian<std::int64_t>(bytes + stable_at))};
  constexpr model::offset beyond_all(std::numeric_limits<std::int64_t>::max());
  const bool is_sound = base::load_big_endian<std::int16_t>(bytes) == 0 &&
                        entry.first_offset >= model::offset(0) && entry.last_offset > entry.first_offset &&
                        entry.last_offset < beyond_all && entry.last_stable_offset <= entry.last_offset + 1;
  return is_sound ? std::optional(entry) : std::nullopt;
}

}  // namespace

std::vector<std::byte> encode_transaction_index(std::span<const aborted_transaction> entries) {
  std::vector<std::byte> bytes(entries.size() * transaction_index_entry_bytes);
  auto* at = bytes.data();
  for (const auto& each : entries) {
    base::store_big_endian(at, std::int16_t{0});
    base::store_big_endian(at + producer_at, each.producer.value());
    base::store_big_endian(at + first_at, each.first_offset.value());
    base::store_big_endian(at + last_at, each.last_offset.value());
    base::store_big_endian(at + stable_at, each.last_stable_offset.value());
    at += transaction_index_entry_bytes;
  }
  return bytes;
}

std::vector<aborted_transaction> sound_transactions(base::byte_view content) {
  std::vector<aborted_transaction> entries;
  entries.reserve(content.size() / transaction_index_entry_bytes);
  while (content.size() >= transaction_index_entry_bytes) {
    const auto entry = decode(content.data());
    if (entry && (entries.empty() || entry->last_offset > entries.back().last_offset))
      entries.push_back(*entry);
    content = content.subspan(transaction_index_entry_bytes);
  }
  return entries;
}

base::result<std::vector<aborted_transaction>> decode_transaction_index(base::byte_view content,
                                                                        std::string_view name) {
  auto entries = sound_transactions(content);
  const std::size_t sound_bytes = entries.size() * transaction_index_entry_bytes;
  if (sound_bytes == content.size()) return entries;
  return base::fail(errc::corrupt_index, "{}: {} of {} bytes are no transactions that were rolled back", name,
                    content.size() - sound_bytes, content.size());
}

}  // namespace tidelog::storage
