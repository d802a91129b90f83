#pragma once
// An index file of fixed entries in rising order: the stored part in the file, the newest entries in memory until
// there are enough of them for a write. See offset_index.hpp and time_index.hpp for the two formats.
//
// Threads: lookups from anywhere. Changes come from one thread at a time, which the segment sees to; they take the lock
// of the lookups only to move entries, never while a file is written.

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/small_mutex.hpp"
#include "tidelog/storage/offset_index.hpp"
#include "tidelog/storage/open_file_cache.hpp"
#include "tidelog/storage/storage_error.hpp"
#include "tidelog/storage/time_index.hpp"

#include <algorithm>
#include <optional>

namespace tidelog::storage {

template <class Entry>
class sparse_index {
 public:
  /// `stored`: how many entries of the file are known to be good; load() looks at it anew.
  sparse_index(open_file_cache& open_files, io::file_system& files, const io::path& name, model::offset base,
               std::size_t stored)
      : file_(open_files, files, name), base_(base), stored_(stored) {}

  enum class file_state { whole, missing, ragged };
  /// Takes the file as it is; ragged when it does not consist of whole entries.
  [[nodiscard]] base::result<file_state> load();
  // Lookups in a file that cannot be read fail with errc::corrupt_index: it can be made again.

  /// The entries of the file up to the first that does not follow the one before: a file that was laid out with zeros
  /// ends there.
  [[nodiscard]] base::result<std::vector<Entry>> read_rising();

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] base::result<std::optional<Entry>> last() {
    return last_where([](const Entry&) { return true; });
  }
  /// The last entry of those at the front for which `wanted` holds; it holds for no entry after the first for which it
  /// does not. Without patience it fails with EAGAIN where the disk would have to be waited for.
  template <class Predicate>
  [[nodiscard]] base::result<std::optional<Entry>> last_where(
      Predicate wanted, io::patience reader = io::patience::waits_for_disk);

  void add(const Entry& entry);
  /// True when so many entries wait in memory that they are worth a write.
  [[nodiscard]] bool wants_write() const;
  /// Puts the entries in memory into the file; they stay in memory when that fails.
  [[nodiscard]] base::status write_pending();
  /// Everything in the file and the file no longer than that.
  [[nodiscard]] base::status complete();
  [[nodiscard]] base::status sync();
  /// Forgets all entries but the first for which `wanted` holds, in the file too.
  template <class Predicate>
  [[nodiscard]] base::status keep_where(Predicate wanted);
  /// Forgets all entries but the first `count` of the file, in the file too.
  [[nodiscard]] base::status keep_first(std::size_t count);
  /// These entries and no others. They stay in memory when the file cannot be written.
  void replace(std::vector<Entry> entries);

  [[nodiscard]] bool has_pending() const;
  [[nodiscard]] cached_file& file() { return file_; }

 private:
  static constexpr std::size_t block_bytes = 4096;
  static constexpr std::size_t block_entries = block_bytes / Entry::size_bytes;

  [[nodiscard]] base::result<std::size_t> read_block(const io::file& file, std::size_t first,
                                                     std::span<Entry> into, io::patience reader) const;
  template <class Predicate>
  [[nodiscard]] base::result<std::size_t> stored_where(std::size_t stored, Predicate wanted,
                                                       io::patience reader, std::optional<Entry>& found);

  cached_file file_;
  const model::offset base_;
  mutable base::small_mutex mutex_;
  std::size_t stored_;
  std::vector<Entry> pending_;
};

using offset_index = sparse_index<offset_index_entry>;
using time_index = sparse_index<time_index_entry>;

template <class Entry>
auto sparse_index<Entry>::load() -> base::result<file_state> {
  auto opened = file_.get();
  if (!opened) {
    if (opened.error().code == std::errc::no_such_file_or_directory) return file_state::missing;
    return base::forward_error(opened);
  }
  TIDELOG_TRY(const std::uint64_t size, (*opened)->size());
  const std::lock_guard guard(mutex_);
  pending_.clear();
  stored_ = static_cast<std::size_t>(size / Entry::size_bytes);
  return size % Entry::size_bytes == 0 ? file_state::whole : file_state::ragged;
}

template <class Entry>
base::result<std::size_t> sparse_index<Entry>::read_block(const io::file& file, std::size_t first,
                                                          std::span<Entry> into, io::patience reader) const {
  std::array<std::byte, block_bytes> buffer;
  const base::byte_span bytes(buffer.data(), into.size() * Entry::size_bytes);
  auto got = io::read_at(file, bytes, std::uint64_t{first} * Entry::size_bytes, reader);
  if (!got && got.error().code == std::errc::io_error)
    return base::fail(errc::corrupt_index, "{}", got.error().describe());
  if (!got) return base::forward_error(got);
  const std::size_t entries = *got / Entry::size_bytes;
  for (std::size_t at = 0; at < entries; ++at)
    into[at] = Entry::decode(bytes.data() + at * Entry::size_bytes, base_);
  return entries;
}

template <class Entry>
base::result<std::vector<Entry>> sparse_index<Entry>::read_rising() {
  std::vector<Entry> rising;
  TIDELOG_TRY(const auto file, file_.get());
  std::array<Entry, block_entries> block;
  while (true) {
    TIDELOG_TRY(const std::size_t got, read_block(*file, rising.size(), block, io::patience::waits_for_disk));
    for (std::size_t at = 0; at < got; ++at) {
      if (!rising.empty() && !block[at].follows(rising.back())) return rising;
      if (block[at].last_offset < base_) return rising;
      rising.push_back(block[at]);
    }
    if (got < block.size()) return rising;
  }
}

template <class Entry>
std::size_t sparse_index<Entry>::count() const {
  const std::lock_guard guard(mutex_);
  return stored_ + pending_.size();
}

template <class Entry>
template <class Predicate>
base::result<std::size_t> sparse_index<Entry>::stored_where(std::size_t stored, Predicate wanted,
                                                            io::patience reader,
                                                            std::optional<Entry>& found) {
  found.reset();
  if (stored == 0) return std::size_t{0};
  TIDELOG_TRY(const auto file, file_.get(reader));
  std::size_t low = 0;
  std::size_t high = stored;
  std::array<Entry, block_entries> block;
  while (high - low > block.size()) {
    const std::size_t middle = low + (high - low) / 2;
    TIDELOG_TRY(const std::size_t got, read_block(*file, middle, std::span(block).first(1), reader));
    if (got == 1 && wanted(block[0])) {
      low = middle;
    } else {
      high = middle;
    }
  }
  TIDELOG_TRY(const std::size_t got, read_block(*file, low, std::span(block).first(high - low), reader));
  const auto end =
      std::partition_point(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got), wanted);
  const auto satisfied = static_cast<std::size_t>(end - block.begin());
  if (satisfied > 0) found = block[satisfied - 1];
  return low + satisfied;
}

template <class Entry>
template <class Predicate>
base::result<std::optional<Entry>> sparse_index<Entry>::last_where(Predicate wanted, io::patience reader) {
  std::size_t stored = 0;
  {
    const std::lock_guard guard(mutex_);
    const auto end = std::partition_point(pending_.begin(), pending_.end(), wanted);
    if (end != pending_.begin()) return std::optional(*std::prev(end));
    stored = stored_;
  }
  std::optional<Entry> found;
  TIDELOG_DO(stored_where(stored, wanted, reader, found));
  return found;
}

template <class Entry>
void sparse_index<Entry>::add(const Entry& entry) {
  const std::lock_guard guard(mutex_);
  pending_.push_back(entry);
}

template <class Entry>
bool sparse_index<Entry>::wants_write() const {
  const std::lock_guard guard(mutex_);
  // After a write that failed (a full disk) not every single entry tries again.
  return !pending_.empty() && pending_.size() % block_entries == 0;
}

template <class Entry>
base::status sparse_index<Entry>::write_pending() {
  // Only the changing thread, this one, touches the two members; it may read them without the lock.
  TIDELOG_TRY(const auto file, file_.get_or_create());
  if (pending_.empty()) return {};
  std::vector<std::byte> bytes(pending_.size() * Entry::size_bytes);
  for (std::size_t at = 0; at < pending_.size(); ++at)
    pending_[at].encode(bytes.data() + at * Entry::size_bytes, base_);
  TIDELOG_DO(file->write_at(bytes, std::uint64_t{stored_} * Entry::size_bytes));
  const std::lock_guard guard(mutex_);
  stored_ += pending_.size();
  pending_.clear();
  return {};
}

template <class Entry>
base::status sparse_index<Entry>::complete() {
  TIDELOG_DO(write_pending());
  TIDELOG_TRY(const auto file, file_.get_or_create());
  TIDELOG_TRY(const std::uint64_t size, file->size());
  const std::uint64_t wanted = std::uint64_t{stored_} * Entry::size_bytes;
  if (size == wanted) return {};
  return file->truncate(wanted);
}

template <class Entry>
base::status sparse_index<Entry>::sync() {
  TIDELOG_TRY(const auto file, file_.get_or_create());
  return file->sync_data();
}

template <class Entry>
template <class Predicate>
base::status sparse_index<Entry>::keep_where(Predicate wanted) {
  std::optional<Entry> found;
  TIDELOG_TRY(const std::size_t kept, stored_where(stored_, wanted, io::patience::waits_for_disk, found));
  {
    const std::lock_guard guard(mutex_);
    if (kept < stored_) pending_.clear();
    pending_.erase(std::partition_point(pending_.begin(), pending_.end(), wanted), pending_.end());
    stored_ = kept;
  }
  TIDELOG_TRY(const auto file, file_.get_or_create());
  return file->truncate(std::uint64_t{kept} * Entry::size_bytes);
}

template <class Entry>
base::status sparse_index<Entry>::keep_first(std::size_t count) {
  {
    const std::lock_guard guard(mutex_);
    pending_.clear();
    stored_ = count;
  }
  TIDELOG_TRY(const auto file, file_.get());
  return file->truncate(std::uint64_t{count} * Entry::size_bytes);
}

template <class Entry>
bool sparse_index<Entry>::has_pending() const {
  const std::lock_guard guard(mutex_);
  return !pending_.empty();
}

template <class Entry>
void sparse_index<Entry>::replace(std::vector<Entry> entries) {
  {
    const std::lock_guard guard(mutex_);
    stored_ = 0;
    pending_ = std::move(entries);
  }
  auto written = write_pending();
  if (written) written = complete();
  if (!written) base::say_warning("index stays in memory for now: {}", written.error().describe());
}

}  // namespace tidelog::storage
