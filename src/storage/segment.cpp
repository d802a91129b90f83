#include "segment.hpp"

#include "sound_walker.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>
#include <tuple>

namespace tidelog::storage {
std::string segment_file_name(model::offset base, std::string_view suffix) {
  return fmt::format("{:020}{}", base.value(), suffix);
}

segment::file_parts::file_parts(const segment& of)
    : data(of.home_.environment.open_files, of.home_.environment.files, of.name_of_kind(data_suffix)),
      offsets(of.home_.environment.open_files, of.home_.environment.files,
              of.name_of_kind(offset_index_entry::file_suffix), of.base_,
              of.offset_entries_.load(std::memory_order_relaxed)),
      times(of.home_.environment.open_files, of.home_.environment.files,
            of.name_of_kind(time_index_entry::file_suffix), of.base_,
            of.time_entries_.load(std::memory_order_relaxed)),
      aborted(of.home_.environment.open_files, of.home_.environment.files,
              of.name_of_kind(transaction_index_suffix)) {}

/// With parts_mutex_ held.
io::path segment::name_of_kind(std::string_view kind) const {
  return home_.directory / (segment_file_name(base_, kind) + name_suffix_);
}

segment::segment(segment_home& home, model::offset base, const char* name_suffix)
    : home_(home), base_(base), name_suffix_(name_suffix) {}

std::shared_ptr<segment::file_parts> segment::parts() {
  const std::lock_guard guard(parts_mutex_);
  parts_used_ = true;
  if (!parts_) {
    parts_ = std::make_shared<file_parts>(*this);
    home_.has_parts.store(true);
  }
  return parts_;
}

base::result<std::uint64_t> segment::size(io::patience reader) {
  const std::uint64_t known = size_.load(std::memory_order_acquire);
  if (known != unknown_size) return known;
  if (reader == io::patience::never_waits)
    return base::fail_errno(EAGAIN, "nobody has asked for the size of segment {}", base_.value());
  TIDELOG_DO(learn_facts());
  return size_.load();
}

base::result<base::unix_ms> segment::written_ms() {
  if (written_ms_.load(std::memory_order_relaxed) == unknown_time) TIDELOG_DO(learn_facts());
  return written_ms_.load(std::memory_order_relaxed);
}

base::status segment::set_written_ms(base::unix_ms then_ms) {
  note_written_ms(then_ms);
  return home_.environment.files.set_modified(data_name(), then_ms);
}

base::status segment::learn_facts() {
  // Asking for those of many segments is not to push the files in use out of the cache.
  const io::path name = data_name();
  auto facts = home_.environment.files.facts_of(name);
  // A rename or a removal may have come between; then the name may have been another file's by the time it was asked for.
  if (data_name() != name) return learn_facts();
  if (is_removed()) return base::fail_errno(ENOENT, "{}: removed", name.native());
  if (!facts) return base::forward_error(facts);
  std::uint64_t expected_size = unknown_size;
  size_.compare_exchange_strong(expected_size, facts->size_bytes);
  base::unix_ms expected_time = unknown_time;
  written_ms_.compare_exchange_strong(expected_time, std::max<base::unix_ms>(facts->modified_ms, 0));
  return {};
}

base::result<std::shared_ptr<io::file>> segment::create_data() {
  TIDELOG_TRY(auto file, parts()->data.get_or_create());
  // A file of this name can only be what a failed roll left behind.
  TIDELOG_DO(file->truncate(0));
  begin_empty();
  return file;
}

void segment::begin_empty() {
  const std::lock_guard guard(change_mutex_);
  forget_growth();
  growth_.first_known = true;
  size_.store(0, std::memory_order_release);
  indexes_checked_.store(true, std::memory_order_release);
}

void segment::forget_growth() {
  growth_ = {};
  offset_entries_.store(0, std::memory_order_relaxed);
  time_entries_.store(0, std::memory_order_relaxed);
}

void segment::note_batch(const model::record_batch_header& batch, std::int64_t interval) {
  const std::lock_guard guard(change_mutex_);
  const std::uint64_t position = size_.load(std::memory_order_relaxed);
  grow(batch, position, interval);
  size_.store(position + batch.size_bytes(), std::memory_order_release);
  note_own(position, position + batch.size_bytes());
  if (growth_.bytes_since_entry == batch.size_bytes()) write_index_entries_locked();
}

void segment::grow(const model::record_batch_header& batch, std::uint64_t position, std::int64_t interval) {
  if (growth_.bytes_since_entry > static_cast<std::uint64_t>(std::max<std::int64_t>(interval, 0))) {
    parts()->offsets.add({batch.last_offset(), static_cast<std::uint32_t>(position)});
    offset_entries_.fetch_add(1, std::memory_order_relaxed);
    add_time_entry();
    growth_.bytes_since_entry = 0;
  }
  growth_.bytes_since_entry += batch.size_bytes();
  const model::timestamp largest = indexed_timestamp(batch);
  if (largest > growth_.largest.timestamp) growth_.largest = {largest, batch.last_offset()};
  if (position == 0) {
    growth_.first_known = true;
    growth_.first = largest.value() >= 0 ? std::optional(largest) : std::nullopt;
  }
}

void segment::add_time_entry() {
  if (growth_.largest.timestamp <= growth_.last_time_entry) return;
  parts()->times.add({growth_.largest.timestamp, growth_.largest.last_offset});
  time_entries_.fetch_add(1, std::memory_order_relaxed);
  growth_.last_time_entry = growth_.largest.timestamp;
}

void segment::write_index_entries_locked() {
  if (!parts()->offsets.wants_write()) return;
  auto written = parts()->offsets.write_pending();
  if (written) written = parts()->times.write_pending();
  if (!written) base::say_warning("index entries stay in memory for now: {}", written.error().describe());
}

void segment::complete_indexes() {
  const std::lock_guard guard(change_mutex_);
  complete_indexes_locked();
}

void segment::complete_indexes_locked() {
  add_time_entry();
  auto written = parts()->offsets.complete();
  if (written) written = parts()->times.complete();
  if (!written) base::say_warning("index is incomplete on disk: {}", written.error().describe());
  indexes_dirty_.store(true, std::memory_order_release);
}

base::status segment::create_missing_files() {
  TIDELOG_DO(parts()->data.get_or_create());
  TIDELOG_DO(parts()->offsets.file().get_or_create());
  TIDELOG_DO(parts()->times.file().get_or_create());
  return {};
}

bool segment::index_is_full(std::int64_t index_bytes) const {
  const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(index_bytes, 0));
  // One place in the time index is kept for the closing entry.
  return offset_entries_.load(std::memory_order_relaxed) >= bytes / offset_index_entry::size_bytes ||
         time_entries_.load(std::memory_order_relaxed) + 1 >= bytes / time_index_entry::size_bytes;
}

base::result<std::optional<model::timestamp>> segment::first_timestamp() {
  {
    const std::lock_guard guard(change_mutex_);
    if (growth_.first_known) return growth_.first;
  }
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, size());
  sound_walker walker(*this, *file, 0, end);
  TIDELOG_TRY(const auto first, walker.next());
  const std::lock_guard guard(change_mutex_);
  growth_.first_known = true;
  if (first && indexed_timestamp(*first).value() >= 0) growth_.first = indexed_timestamp(*first);
  return growth_.first;
}

void segment::mark_dirty(const std::shared_ptr<io::file>& file) {
  // A sync that has begun before this write takes the mark away first, so the write is never forgotten.
  if (!dirty_.exchange(true, std::memory_order_acq_rel)) parts()->data.pin(file);
}

base::status segment::sync(const written_mark* written) {
  TIDELOG_DO(sync_if_dirty(dirty_, &file_parts::data, written));
  TIDELOG_DO(sync_if_dirty(aborted_dirty_, &file_parts::aborted, written));
  const bool indexes_are_dirty = is_sealed() && indexes_dirty_.exchange(false, std::memory_order_acq_rel);
  if (indexes_are_dirty && (written == nullptr || !written->is_on_disk())) {
    auto synced = parts()->offsets.sync();
    if (synced) synced = parts()->times.sync();
    if (!synced && !is_removed())
      base::say_warning("index may have to be made again: {}", synced.error().describe());
  }
  return {};
}

base::status segment::sync_if_dirty(std::atomic<bool>& dirty, cached_file file_parts::*file,
                                    const written_mark* written) {
  if (!dirty.exchange(false, std::memory_order_acq_rel)) return {};
  const auto mine = parts();
  // The mark is asked afterwards: whoever writes now either has noted it before, or marks the file anew.
  if (written == nullptr || !written->is_on_disk()) {
    auto synced = [&]() -> base::status {
      TIDELOG_TRY(const auto open, ((*mine).*file).get());
      return open->sync_data();
    }();
    // Whoever syncs may still know a segment that has been removed meanwhile, and of that nothing has to be on disk. After
    // another failure the pin stays: the descriptor must not be closed as if all were well.
    if (!synced && !is_removed()) return synced;
  }
  ((*mine).*file).unpin();
  return {};
}

base::status segment::sync_indexes_so_far() {
  {
    const std::lock_guard guard(change_mutex_);
    const auto mine = parts();
    TIDELOG_DO(mine->offsets.write_pending());
    TIDELOG_DO(mine->times.write_pending());
  }
  TIDELOG_DO(parts()->offsets.sync());
  return parts()->times.sync();
}

base::status segment::sync_index_files() {
  const auto mine = parts();
  for (cached_file* const each : {&mine->offsets.file(), &mine->times.file()}) {
    auto file = each->get();
    if (!file && file.error().code == std::errc::no_such_file_or_directory) continue;
    if (!file) return base::forward_error(file);
    TIDELOG_DO((*file)->sync_data());
  }
  return {};
}

void segment::let_go_if_on_disk(const written_mark& written) {
  const auto let_go = [&](std::atomic<bool>& dirty, cached_file file_parts::*file) {
    if (!written.is_on_disk() || !dirty.exchange(false, std::memory_order_acq_rel)) return;
    // Written to meanwhile: it stays dirty, with one pin for it.
    if (!written.is_on_disk() && !dirty.exchange(true, std::memory_order_acq_rel)) return;
    ((*parts()).*file).unpin();
  };
  let_go(dirty_, &file_parts::data);
  let_go(aborted_dirty_, &file_parts::aborted);
}

io::path segment::data_name() {
  const std::lock_guard guard(parts_mutex_);
  if (parts_) return parts_->data.name();
  return name_of_kind(data_suffix);
}

void segment::forget_files() {
  const std::lock_guard changes(change_mutex_);
  const std::lock_guard guard(parts_mutex_);
  forget_parts_if_free();
}

void segment::forget_parts_if_free() {
  // Who has them would not hear of new names; and a sync in progress is of what was written through this descriptor.
  if (!parts_ || parts_.use_count() > 1 || dirty_.load() || parts_->data.is_pinned()) return;
  if (aborted_dirty_.load() || parts_->aborted.is_pinned()) return;
  if (parts_->data.is_removed() || parts_->offsets.has_pending() || parts_->times.has_pending()) return;
  offset_entries_.store(parts_->offsets.count(), std::memory_order_relaxed);
  time_entries_.store(parts_->times.count(), std::memory_order_relaxed);
  parts_.reset();
}

bool segment::rest_if_unused() {
  {
    const std::lock_guard guard(parts_mutex_);
    if (!parts_) return true;
    if (std::exchange(parts_used_, false)) return false;
  }
  const std::lock_guard changes(change_mutex_);
  // On a full disk they stay in memory, and whoever looks the next time tries again: nothing to tell anybody.
  if (!write_waiting_entries()) return false;
  const std::lock_guard guard(parts_mutex_);
  if (!parts_used_) forget_parts_if_free();
  return !parts_;
}

base::status segment::write_waiting_entries() {
  std::shared_ptr<file_parts> mine;
  {
    const std::lock_guard guard(parts_mutex_);
    mine = parts_;
  }
  if (!mine) return {};
  if (mine->offsets.has_pending()) TIDELOG_DO(mine->offsets.write_pending());
  if (mine->times.has_pending()) TIDELOG_DO(mine->times.write_pending());
  return {};
}

bool segment::is_removed() {
  const std::lock_guard guard(parts_mutex_);
  return parts_ && parts_->data.is_removed();
}

base::status segment::rename_to_suffix(const char* suffix) {
  const auto mine = parts();
  const auto name_with = [&](std::string_view kind) {
    return home_.directory / (segment_file_name(base_, kind) + suffix);
  };
  TIDELOG_DO(mine->data.rename_to(name_with(data_suffix)));
  TIDELOG_DO(mine->offsets.file().rename_if_there(name_with(offset_index_entry::file_suffix)));
  TIDELOG_DO(mine->times.file().rename_if_there(name_with(time_index_entry::file_suffix)));
  TIDELOG_DO(mine->aborted.rename_if_there(name_with(transaction_index_suffix)));
  const std::lock_guard guard(parts_mutex_);
  name_suffix_ = suffix;
  return {};
}

base::status segment::remove_files() {
  const auto mine = parts();
  for (cached_file* file : {&mine->data, &mine->offsets.file(), &mine->times.file(), &mine->aborted})
    TIDELOG_DO(file->remove());
  return {};
}

void segment::close_files() {
  const auto mine = parts();
  for (cached_file* file : {&mine->data, &mine->offsets.file(), &mine->times.file(), &mine->aborted})
    file->close();
}

}  // namespace tidelog::storage
