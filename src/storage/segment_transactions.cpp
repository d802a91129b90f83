// A segment's index of the transactions that were rolled back. Every entry goes to the file at once: there are few, and one
// that is missing shows records to readers that are not to have them.
#include "segment.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <array>

namespace tidelog::storage {
namespace {

constexpr std::size_t entry_bytes = transaction_index_entry_bytes;
constexpr std::size_t entries_read_at_once = 120;
constexpr std::uint64_t most_index_bytes = 64 * 1024 * 1024;

/// Reads `into`, whole entries, and returns those that are there.
[[nodiscard]] base::result<base::byte_view> read_entries(const io::file& file, std::size_t first,
                                                         base::byte_span into, io::patience reader) {
  TIDELOG_TRY(const std::size_t got, io::read_at(file, into, std::uint64_t{first} * entry_bytes, reader));
  return base::byte_view(into.first(got - got % entry_bytes));
}

/// The number of the first, of `count`, whose last offset is not below `from`; 0 where something is no entry.
[[nodiscard]] base::result<std::size_t> first_not_below(model::offset from, const io::file& file,
                                                        std::size_t count, io::patience reader) {
  std::size_t low = 0;
  std::size_t high = count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    std::array<std::byte, entry_bytes> bytes;
    TIDELOG_TRY(const auto got, read_entries(file, middle, bytes, reader));
    const auto entry = sound_transactions(got);
    if (entry.empty()) return std::size_t{0};
    if (entry.front().last_offset < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

base::result<bool> segment::find_aborted(model::offset from, model::offset end,
                                         std::vector<aborted_transaction>& found, io::patience reader) {
  if (!has_aborted()) return false;
  TIDELOG_TRY(const auto file, parts()->aborted.get(reader));
  TIDELOG_TRY(const std::uint64_t size, file->size());
  const auto count = static_cast<std::size_t>(size / entry_bytes);
  TIDELOG_TRY(std::size_t at, first_not_below(from, *file, count, reader));
  std::array<std::byte, entries_read_at_once * entry_bytes> buffer;
  while (at < count) {
    const base::byte_span wanted(buffer.data(), std::min(count - at, entries_read_at_once) * entry_bytes);
    TIDELOG_TRY(const auto piece, read_entries(*file, at, wanted, reader));
    // It has been cut since: what was there is no more.
    if (piece.empty()) return false;
    const auto entries = sound_transactions(piece);
    if (entries.size() * entry_bytes < piece.size()) report_damaged_aborted();
    for (const auto& each : entries) {
      if (each.last_offset >= from && each.first_offset < end) found.push_back(each);
      if (each.last_stable_offset >= end) return true;
    }
    at += piece.size() / entry_bytes;
  }
  return false;
}

base::result<std::vector<std::byte>> segment::aborted_bytes() {
  if (!has_aborted()) return std::vector<std::byte>();
  TIDELOG_TRY(const auto file, parts()->aborted.get());
  TIDELOG_TRY(const std::uint64_t size, file->size());
  std::vector<std::byte> content(static_cast<std::size_t>(std::min(size, most_index_bytes)));
  TIDELOG_TRY(const std::size_t got, file->read_at(content, 0));
  content.resize(got);
  return content;
}

base::result<std::vector<aborted_transaction>> segment::aborted_from(model::offset from) {
  TIDELOG_TRY(const auto content, aborted_bytes());
  auto entries = sound_transactions(content);
  std::erase_if(entries, [&](const auto& each) { return each.last_offset < from; });
  return entries;
}

base::result<std::vector<aborted_transaction>> segment::all_aborted() {
  TIDELOG_TRY(const auto content, aborted_bytes());
  auto entries = sound_transactions(content);
  if (entries.size() * entry_bytes < content.size()) report_damaged_aborted();
  return entries;
}

void segment::report_damaged_aborted() {
  if (aborted_.exchange(aborted_index::damaged) == aborted_index::damaged) return;
  const auto name = parts()->aborted.name();
  base::say_error("{} is damaged: records of transactions that were rolled back may be read as committed",
                  name.native());
  home_.findings.add({.what = recovery_outcome::index_wrong, .file = name, .first_offset = base_});
}

base::status segment::put_aborted(std::size_t at, std::span<const aborted_transaction> entries,
                                  written_mark& mark) {
  const auto mine = parts();
  TIDELOG_TRY(const auto file, mine->aborted.get_or_create());
  aborted_.store(aborted_index::there);
  const std::uint64_t end = std::uint64_t{at + entries.size()} * entry_bytes;
  base::status written;
  if (!entries.empty())
    written = file->write_at(encode_transaction_index(entries), std::uint64_t{at} * entry_bytes);
  if (written) {
    TIDELOG_TRY(const std::uint64_t size, file->size());
    if (size > end) written = file->truncate(end);
  }
  mark.note();
  if (!aborted_dirty_.exchange(true, std::memory_order_acq_rel)) mine->aborted.pin(file);
  return written;
}

base::status segment::add_aborted(const aborted_transaction& entry, written_mark& mark) {
  TIDELOG_TRY(const auto file, parts()->aborted.get_or_create());
  TIDELOG_TRY(const std::uint64_t size, file->size());
  return put_aborted(static_cast<std::size_t>(size / entry_bytes), std::span(&entry, 1), mark);
}

base::status segment::replace_aborted(model::offset from, std::span<const aborted_transaction> by,
                                      written_mark& mark) {
  TIDELOG_TRY(const auto content, aborted_bytes());
  // What is at the end and no entry may be one that was being written.
  auto kept = sound_transactions(content);
  kept.erase(std::ranges::lower_bound(kept, from, {}, &aborted_transaction::last_offset), kept.end());
  if (by.empty() && content.size() == kept.size() * entry_bytes) return {};
  const auto unchanged = sound_transactions(base::byte_view(content).first(kept.size() * entry_bytes));
  if (unchanged == kept) return put_aborted(kept.size(), by, mark);
  kept.insert(kept.end(), by.begin(), by.end());
  return put_aborted(0, kept, mark);
}

}  // namespace tidelog::storage
