#include "transaction_index.hpp"

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::tools {
namespace {

constexpr std::size_t entry_bytes = 34;
constexpr std::size_t producer_at = 2;
constexpr std::size_t first_at = 10;
constexpr std::size_t last_at = 18;
constexpr std::size_t stable_at = 26;

}  // namespace

base::result<std::vector<aborted_transaction>> decode_transaction_index(base::byte_view content,
                                                                        const std::string& name) {
  if (content.size() % entry_bytes != 0) {
    return base::fail(storage::errc::corrupt_index, "{}: {} bytes are no whole number of entries", name,
                      content.size());
  }
  std::vector<aborted_transaction> entries;
  for (std::size_t at = 0; at < content.size(); at += entry_bytes) {
    const auto* const bytes = content.data() + at;
    const auto version = base::load_big_endian<std::int16_t>(bytes);
    const aborted_transaction entry{
        model::producer_id(base::load_big_endian<std::int64_t>(bytes + producer_at)),
        model::offset(base::load_big_endian<std::int64_t>(bytes + first_at)),
        model::offset(base::load_big_endian<std::int64_t>(bytes + last_at)),
        model::offset(base::load_big_endian<std::int64_t>(bytes + stable_at))};
    const bool rises = entries.empty() || entries.back().last_offset < entry.last_offset;
    if (version != 0 || entry.first_offset < model::offset(0) || entry.last_offset < entry.first_offset ||
        !rises) {
      return base::fail(storage::errc::corrupt_index,
                        "{} at position {}: no transaction that was rolled back", name, at);
    }
    entries.push_back(entry);
  }
  return entries;
}

std::string encode_transaction_index(const std::vector<aborted_transaction>& entries) {
  std::vector<std::byte> bytes(entries.size() * entry_bytes);
  auto* at = bytes.data();
  for (const auto& each : entries) {
    base::store_big_endian(at, std::int16_t{0});
    base::store_big_endian(at + producer_at, each.producer.value());
    base::store_big_endian(at + first_at, each.first_offset.value());
    base::store_big_endian(at + last_at, each.last_offset.value());
    base::store_big_endian(at + stable_at, each.last_stable_offset.value());
    at += entry_bytes;
  }
  return std::string(base::as_text(bytes));
}

}  // namespace tidelog::tools
