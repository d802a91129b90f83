// Finding batches in a segment, and seeing on the way that its indexes tell the truth.
#include "batch_walker.hpp"
#include "segment.hpp"
#include "sound_walker.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>

namespace tidelog::storage {
namespace {

/// An index that leaves out this many entries in a row has lost some.
constexpr std::uint64_t intervals_without_entry = 2;
/// How much is walked behind the last entry of a time index to see that none is missing.
constexpr std::uint64_t longest_time_check_bytes = 4 * 1024 * 1024;
/// Batches that are looked at beyond that.
constexpr std::size_t time_probes = 256;

/// What is wrong with a batch in the middle of a segment is wrong with the segment; an errno stays what it is.
[[nodiscard]] tl::unexpected<base::error> as_damage(base::error&& error) {
  if (error.code.category() != model::batch_category()) return tl::unexpected<base::error>(std::move(error));
  return base::fail(errc::corrupt_segment, "{}", error.describe());
}

/// An entry names its batch by the last offset. Those of Kafka before 4.1 may name the position of an earlier one, with
/// which it was appended.
[[nodiscard]] base::result<bool> leads_to_batch_of(const offset_index_entry& entry, batch_walker& from) {
  while (true) {
    auto batch = from.next();
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    if (!batch || !*batch || (*batch)->last_offset() > entry.last_offset) return false;
    if ((*batch)->last_offset() == entry.last_offset) return true;
  }
}

[[nodiscard]] batch_place place_of(const sound_walker& walker, const model::record_batch_header& batch) {
  return {walker.position(), walker.end_position(), batch.base_offset(), batch.next_offset()};
}

}  // namespace

base::result<batch_place> segment::batch_at(std::uint64_t position, std::uint64_t end, io::patience reader) {
  TIDELOG_TRY(const auto file, data(reader));
  batch_walker walker(*file, position, end, reader);
  auto batch = walker.next();
  if (!batch) return as_damage(std::move(batch.error()));
  if (!*batch) return base::fail(errc::corrupt_segment, "{} ends at {}", file->name(), position);
  return batch_place{position, walker.end_position(), (*batch)->base_offset(), (*batch)->next_offset()};
}

base::result<std::optional<batch_place>> segment::find(model::offset target, std::uint64_t end,
                                                       std::int64_t interval, io::patience reader,
                                                       const scan_interrupt& interrupt) {
  const bool waits = reader == io::patience::waits_for_disk;
  if (waits) TIDELOG_DO(check_indexes(interval, interrupt));
  if (!indexes_checked_.load(std::memory_order_acquire))
    return base::fail_errno(EAGAIN, "the indexes of {} have not been looked at", home_.directory.native());
  bool index_is_short = false;
  auto found = find_once(target, end, interval, reader, interrupt, index_is_short);
  const bool index_is_wrong = !found && found.error().code == errc::corrupt_index;
  if (!index_is_wrong && (!index_is_short || indexes_rebuilt_.load())) return found;
  if (!waits)
    return base::fail_errno(EAGAIN, "an index of {} has to be made again", home_.directory.native());
  report_index(index_is_wrong ? recovery_outcome::index_wrong : recovery_outcome::index_short);
  TIDELOG_DO(rebuild_indexes(interval, interrupt));
  found = find_once(target, end, interval, reader, interrupt, index_is_short);
  if (!found && found.error().code == errc::corrupt_index) {
    return base::fail(errc::corrupt_segment, "{}", found.error().context);
  }
  return found;
}

base::result<std::optional<batch_place>> segment::find_once(model::offset target, std::uint64_t end,
                                                            std::int64_t interval, io::patience reader,
                                                            const scan_interrupt& interrupt,
                                                            bool& index_is_short) {
  // Entries of batches that were appended since `end` was looked at are not meant.
  TIDELOG_TRY(
      const auto entry,
      parts()->offsets.last_where(
          [&](const auto& each) { return each.last_offset <= target && each.position < end; }, reader));
  const std::uint64_t start = entry ? entry->position : 0;
  const std::uint64_t longest_walk =
      intervals_without_entry * static_cast<std::uint64_t>(std::max<std::int64_t>(interval, 4096));
  TIDELOG_TRY(const auto file, data(reader));
  batch_walker probe(*file, start, end, reader);
  if (entry) {
    TIDELOG_TRY(const bool leads_to_its_batch, leads_to_batch_of(*entry, probe));
    if (!leads_to_its_batch) {
      return base::fail(errc::corrupt_index, "{}: position {} does not lead to the batch with last offset {}",
                        file->name(), start, entry->last_offset.value());
    }
    probe.go_on_at(start);
  }
  sound_walker walker(*this, probe, reader, interrupt);
  index_is_short = false;
  // Where there is damage the index has no entries.
  std::uint64_t walked = 0;
  while (true) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch) return std::nullopt;
    if (batch->last_offset() >= target) return place_of(walker, *batch);
    walked += batch->size_bytes();
    if (walked > longest_walk + batch->size_bytes()) index_is_short = true;
  }
}

base::result<batch_boundary> segment::last_boundary(std::uint64_t from, std::uint64_t limit,
                                                    std::uint64_t end, io::patience reader) {
  const std::uint64_t bound = std::min(limit, end);
  TIDELOG_TRY(const auto file, data(reader));
  // The index saves the walk over what lies between; it is taken only where it names a batch that is there.
  auto entry = parts()->offsets.last_where([&](const auto& each) { return each.position <= bound; }, reader);
  if (!entry && entry.error().code == errc::corrupt_index) entry = std::nullopt;
  if (!entry) return base::forward_error(entry);
  batch_boundary reached{from, {}};
  std::uint64_t start = from;
  batch_walker probe(*file, from, end, reader);
  if (*entry && (*entry)->position > from && (*entry)->position < end) {
    probe.go_on_at((*entry)->position);
    auto batch = probe.next();
    if (!batch && io::would_wait(batch.error())) return base::forward_error(batch);
    if (batch && *batch && (*batch)->last_offset() == (*entry)->last_offset) {
      start = (*entry)->position;
      reached = {start, (*batch)->base_offset()};
    }
  }
  probe.go_on_at(start);
  sound_walker walker(*this, probe, reader);
  while (true) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch || walker.end_position() > bound) return reached;
    reached = {walker.end_position(), batch->next_offset()};
  }
}

base::result<timed_batch> segment::largest_timestamp(std::int64_t interval) {
  TIDELOG_DO(check_indexes(interval));
  const std::lock_guard guard(change_mutex_);
  if (!is_sealed()) return growth_.largest;
  // Of a sealed segment it is asked again and again, by retention and lookups, and never changes.
  if (!sealed_largest_) {
    TIDELOG_TRY(const auto last, last_time_locked(interval));
    sealed_largest_ = last ? timed_batch{last->timestamp, last->last_offset} : timed_batch{};
  }
  return *sealed_largest_;
}

base::result<std::optional<time_index_entry>> segment::last_time_locked(std::int64_t interval) {
  auto last = parts()->times.last();
  if (last || last.error().code != errc::corrupt_index || indexes_rebuilt_.load()) return last;
  report_index(recovery_outcome::index_wrong);
  TIDELOG_DO(rebuild_indexes_locked(interval));
  return parts()->times.last();
}

base::result<model::offset> segment::time_floor(model::timestamp at, std::int64_t interval) {
  TIDELOG_DO(check_indexes(interval));
  const auto floor_once = [&]() -> base::result<std::optional<time_index_entry>> {
    return parts()->times.last_where([&](const auto& each) { return each.timestamp <= at; });
  };
  auto entry = floor_once();
  if (!entry && entry.error().code != errc::corrupt_index) return base::forward_error(entry);
  if (entry) {
    if (!*entry) return base_;
    TIDELOG_TRY(const bool right, names_its_batch(**entry, interval));
    if (right) return (*entry)->last_offset;
  }
  // What it says is not so: believed, it would hide records.
  if (indexes_rebuilt_.load()) return base_;
  report_index(recovery_outcome::index_wrong);
  TIDELOG_DO(rebuild_indexes(interval));
  TIDELOG_TRY(const auto made_again, floor_once());
  return made_again ? made_again->last_offset : base_;
}

base::result<bool> segment::names_its_batch(const time_index_entry& entry, std::int64_t interval) {
  if (entry.last_offset < base_) return false;
  TIDELOG_TRY(const std::uint64_t end, size());
  TIDELOG_TRY(const auto place, find(entry.last_offset, end, interval));
  if (!place || place->next_offset != entry.last_offset + 1) return false;
  TIDELOG_TRY(const auto file, data());
  batch_walker walker(*file, place->position, end);
  const auto batch = walker.next();
  return batch && *batch && (*batch)->max_timestamp() == entry.timestamp;
}

void segment::report_index(recovery_outcome what) {
  const auto& name = parts()->data.name();
  base::say_warning("{}: {}; its indexes are made again", name.native(), name_of(what));
  home_.findings.add({.what = what, .file = name, .first_offset = base_});
}

base::status segment::check_indexes(std::int64_t interval, const scan_interrupt& interrupt) {
  if (indexes_checked_.load(std::memory_order_acquire)) return {};
  const std::lock_guard guard(change_mutex_);
  if (indexes_checked_.load(std::memory_order_acquire)) return {};
  TIDELOG_TRY(const std::uint64_t end, size());
  TIDELOG_TRY(const auto fault, fault_in_indexes(end));
  if (fault) {
    report_index(*fault);
    TIDELOG_DO(rebuild_indexes_locked(interval, interrupt));
  }
  indexes_checked_.store(true, std::memory_order_release);
  return {};
}

base::result<std::optional<recovery_outcome>> segment::fault_in_indexes(std::uint64_t size) {
  auto fault = look_for_fault(size);
  if (!fault && fault.error().code == errc::corrupt_index) return recovery_outcome::index_wrong;
  return fault;
}

base::result<std::optional<recovery_outcome>> segment::look_for_fault(std::uint64_t size) {
  using offset_state = offset_index::file_state;
  using time_state = time_index::file_state;
  const auto mine = parts();
  TIDELOG_TRY(const auto offset_file, mine->offsets.load());
  TIDELOG_TRY(const auto time_file, mine->times.load());
  if (offset_file == offset_state::missing || time_file == time_state::missing)
    return recovery_outcome::index_missing;
  if (offset_file != offset_state::whole || time_file != time_state::whole)
    return recovery_outcome::index_wrong;
  TIDELOG_TRY(const auto last_offset, mine->offsets.last());
  TIDELOG_TRY(const auto last_time, mine->times.last());
  if (size == 0) {
    if (last_offset || last_time) return recovery_outcome::index_long;
    return std::nullopt;
  }
  TIDELOG_TRY(const auto file, data());
  if (last_offset) {
    if (last_offset->position >= size) return recovery_outcome::index_long;
    batch_walker walker(*file, last_offset->position, size);
    const auto batch = walker.next();
    if (!batch || !*batch || (*batch)->last_offset() != last_offset->last_offset)
      return recovery_outcome::index_wrong;
  }
  if (last_time) return fault_in_last_time(*last_time, size);
  // A segment with timestamps has at least its closing entry. Batches that compaction has emptied have none.
  batch_walker walker(*file, 0, size);
  while (true) {
    const auto batch = walker.next();
    if (!batch) return recovery_outcome::index_short;
    if (!*batch) return std::nullopt;
    if ((*batch)->record_count() == 0) continue;
    if (indexed_timestamp(**batch).value() < 0) return std::nullopt;
    return recovery_outcome::index_short;
  }
}

base::result<std::optional<recovery_outcome>> segment::fault_in_last_time(const time_index_entry& last,
                                                                          std::uint64_t size) {
  const auto mine = parts();
  TIDELOG_TRY(const auto near, mine->offsets.last_where(
                                   [&](const auto& each) { return each.last_offset <= last.last_offset; }));
  TIDELOG_TRY(const auto file, data());
  // It names a batch with just that timestamp, …
  batch_walker walker(*file, near ? near->position : 0, size);
  while (true) {
    const auto batch = walker.next();
    if (!batch) return recovery_outcome::index_wrong;
    if (!*batch) return recovery_outcome::index_long;
    if ((*batch)->last_offset() < last.last_offset) continue;
    if ((*batch)->last_offset() != last.last_offset || (*batch)->max_timestamp() != last.timestamp)
      return recovery_outcome::index_wrong;
    break;
  }
  // … and nothing later comes behind it, as it would where entries have been lost.
  TIDELOG_TRY(const bool later, comes_later(*file, walker.end_position(), size, last));
  if (later) return recovery_outcome::index_short;
  return std::nullopt;
}

base::result<bool> segment::comes_later(const io::file& file, std::uint64_t position, std::uint64_t size,
                                        const time_index_entry& last) {
  // Where timestamps do not rise, the last entry may be far from the end: then every so many batches one is looked at,
  // and all of the last stretch.
  if (size - position > longest_time_check_bytes) {
    TIDELOG_TRY(const auto entries, parts()->offsets.read_rising());
    const std::size_t step = entries.size() / time_probes + 1;
    for (std::size_t at = 0; at < entries.size(); at += step) {
      if (entries[at].position < position) continue;
      batch_walker probe(file, entries[at].position, size);
      const auto batch = probe.next();
      if (!batch || !*batch || indexed_timestamp(**batch) > last.timestamp) return true;
    }
    if (!entries.empty()) position = std::max<std::uint64_t>(position, entries.back().position);
  }
  batch_walker rest(file, position, size);
  while (true) {
    const auto batch = rest.next();
    if (!batch) return true;
    if (!*batch) return false;
    if (indexed_timestamp(**batch) > last.timestamp) return true;
  }
}

base::status segment::rebuild_indexes(std::int64_t interval, const scan_interrupt& interrupt) {
  const std::lock_guard guard(change_mutex_);
  return rebuild_indexes_locked(interval, interrupt);
}

base::status segment::rebuild_indexes_locked(std::int64_t interval, const scan_interrupt& interrupt) {
  const auto mine = parts();
  TIDELOG_TRY(const std::uint64_t end, size());
  TIDELOG_TRY(const auto file, data());
  forget_growth();
  sealed_largest_.reset();
  mine->offsets.replace({});
  mine->times.replace({});
  sound_walker walker(*this, *file, 0, end, io::patience::waits_for_disk, interrupt);
  while (true) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch) break;
    grow(*batch, walker.position(), interval);
    write_index_entries_locked();
  }
  if (is_sealed()) complete_indexes_locked();
  indexes_rebuilt_.store(true);
  return {};
}

}  // namespace tidelog::storage
