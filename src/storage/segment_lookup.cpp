// Finding batches in a segment, and seeing on the way that its indexes tell the truth.
#include "batch_walker.hpp"
#include "segment.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

/// An index that leaves out this many entries in a row has lost some.
constexpr std::uint64_t intervals_without_entry = 2;

/// What is wrong with a batch in the middle of a segment is wrong with the segment; an errno stays what it is.
[[nodiscard]] tl::unexpected<base::error> as_damage(base::error&& error) {
  if (error.code.category() != model::batch_category()) return tl::unexpected<base::error>(std::move(error));
  return base::fail(errc::corrupt_segment, "{}", error.describe());
}

[[nodiscard]] batch_place place_of(const batch_walker& walker, const model::record_batch_header& batch) {
  return {walker.position(), walker.end_position(), batch.base_offset(), batch.next_offset()};
}

}  // namespace

base::result<batch_place> segment::batch_at(std::uint64_t position, std::uint64_t end) {
  TIDELOG_TRY(const auto file, data());
  batch_walker walker(*file, position, end);
  auto batch = walker.next();
  if (!batch) return as_damage(std::move(batch.error()));
  if (!*batch) return base::fail(errc::corrupt_segment, "{} ends at {}", file->name().native(), position);
  return place_of(walker, **batch);
}

base::result<std::optional<batch_place>> segment::find(model::offset target, std::uint64_t end,
                                                       std::int64_t interval) {
  TIDELOG_DO(check_indexes(interval));
  bool index_is_short = false;
  auto found = find_once(target, end, interval, index_is_short);
  const bool index_is_wrong = !found && found.error().code == errc::corrupt_index;
  if (!index_is_wrong && (!index_is_short || indexes_rebuilt_.load())) return found;
  base::say_warning("the index of {} {}; it is made again", parts().data.name().native(),
                    index_is_wrong ? "does not fit its batches" : "lacks entries");
  TIDELOG_DO(rebuild_indexes(interval));
  found = find_once(target, end, interval, index_is_short);
  if (!found && found.error().code == errc::corrupt_index) {
    return base::fail(errc::corrupt_segment, "{}", found.error().context);
  }
  return found;
}

base::result<std::optional<batch_place>> segment::find_once(model::offset target, std::uint64_t end,
                                                            std::int64_t interval, bool& index_is_short) {
  // Entries of batches that were appended since `end` was looked at are not meant.
  TIDELOG_TRY(const auto entry, parts().offsets.last_where([&](const auto& each) {
    return each.last_offset <= target && each.position < end;
  }));
  const std::uint64_t start = entry ? entry->position : 0;
  const std::uint64_t longest_walk =
      intervals_without_entry * static_cast<std::uint64_t>(std::max<std::int64_t>(interval, 4096));
  TIDELOG_TRY(const auto file, data());
  batch_walker walker(*file, start, end);
  index_is_short = false;
  while (true) {
    auto batch = walker.next();
    const bool at_entry = entry && walker.position() == start;
    if (at_entry && (!batch || !*batch || (*batch)->last_offset() != entry->last_offset)) {
      if (!batch && batch.error().code.category() == std::system_category())
        return base::forward_error(batch);
      return base::fail(errc::corrupt_index, "{}: no batch with last offset {} at position {}",
                        file->name().native(), entry->last_offset.value(), start);
    }
    if (!batch) return as_damage(std::move(batch.error()));
    if (!*batch) return std::nullopt;
    if ((*batch)->last_offset() >= target) return place_of(walker, **batch);
    if (walker.position() > start + longest_walk) index_is_short = true;
  }
}

base::result<batch_boundary> segment::last_boundary(std::uint64_t from, std::uint64_t limit,
                                                    std::uint64_t end) {
  const std::uint64_t bound = std::min(limit, end);
  TIDELOG_TRY(const auto file, data());
  // The index saves the walk over what lies between; it is taken only where it names a batch that is there.
  TIDELOG_TRY(const auto entry,
              parts().offsets.last_where([&](const auto& each) { return each.position <= bound; }));
  batch_boundary reached{from, {}};
  std::uint64_t start = from;
  if (entry && entry->position > from && entry->position < end) {
    batch_walker probe(*file, entry->position, end);
    const auto batch = probe.next();
    if (batch && *batch && (*batch)->last_offset() == entry->last_offset) {
      start = entry->position;
      reached = {start, (*batch)->base_offset()};
    }
  }
  batch_walker walker(*file, start, end);
  while (true) {
    auto batch = walker.next();
    if (!batch) return as_damage(std::move(batch.error()));
    if (!*batch || walker.end_position() > bound) return reached;
    reached = {walker.end_position(), (*batch)->next_offset()};
  }
}

base::result<timed_batch> segment::largest_timestamp(std::int64_t interval) {
  TIDELOG_DO(check_indexes(interval));
  const std::lock_guard guard(change_mutex_);
  if (!is_sealed()) return growth_.largest;
  // Of a sealed segment it is asked again and again, by retention and lookups, and never changes.
  if (!sealed_largest_) {
    TIDELOG_TRY(const auto last, parts().times.last());
    sealed_largest_ = last ? timed_batch{last->timestamp, last->last_offset} : timed_batch{};
  }
  return *sealed_largest_;
}

base::result<model::offset> segment::time_floor(model::timestamp at, std::int64_t interval) {
  TIDELOG_DO(check_indexes(interval));
  TIDELOG_TRY(const auto entry,
              parts().times.last_where([&](const auto& each) { return each.timestamp <= at; }));
  return entry ? entry->last_offset : base_;
}

base::status segment::check_indexes(std::int64_t interval) {
  if (indexes_checked_.load(std::memory_order_acquire)) return {};
  const std::lock_guard guard(change_mutex_);
  if (indexes_checked_.load(std::memory_order_acquire)) return {};
  TIDELOG_TRY(const std::uint64_t end, size());
  TIDELOG_TRY(const bool right, indexes_look_right(end));
  if (!right) {
    base::say_warning("the indexes of {} are made again", parts().data.name().native());
    TIDELOG_DO(rebuild_indexes_locked(interval));
  }
  indexes_checked_.store(true, std::memory_order_release);
  return {};
}

base::result<bool> segment::indexes_look_right(std::uint64_t size) {
  using offset_state = offset_index::file_state;
  using time_state = time_index::file_state;
  file_parts& mine = parts();
  TIDELOG_TRY(const auto offset_file, mine.offsets.load());
  TIDELOG_TRY(const auto time_file, mine.times.load());
  if (offset_file != offset_state::whole || time_file != time_state::whole) return false;
  TIDELOG_TRY(const auto last_offset, mine.offsets.last());
  TIDELOG_TRY(const auto last_time, mine.times.last());
  if (size == 0) return !last_offset && !last_time;
  TIDELOG_TRY(const auto file, data());
  if (last_offset) {
    if (last_offset->position >= size) return false;
    batch_walker walker(*file, last_offset->position, size);
    const auto batch = walker.next();
    if (!batch || !*batch || (*batch)->last_offset() != last_offset->last_offset) return false;
  }
  if (last_time) return last_time_entry_is_right(*last_time, size);
  batch_walker walker(*file, 0, size);
  const auto first = walker.next();
  // A segment with timestamps has at least its closing entry.
  return first && *first && indexed_timestamp(**first).value() < 0;
}

base::result<bool> segment::last_time_entry_is_right(const time_index_entry& last, std::uint64_t size) {
  file_parts& mine = parts();
  TIDELOG_TRY(const auto near, mine.offsets.last_where(
                                   [&](const auto& each) { return each.last_offset <= last.last_offset; }));
  TIDELOG_TRY(const auto end, mine.offsets.last());
  TIDELOG_TRY(const auto file, data());
  // It names a batch with just that timestamp, …
  batch_walker walker(*file, near ? near->position : 0, size);
  while (true) {
    const auto batch = walker.next();
    if (!batch || !*batch) return false;
    if ((*batch)->last_offset() < last.last_offset) continue;
    if ((*batch)->last_offset() != last.last_offset || (*batch)->max_timestamp() != last.timestamp)
      return false;
    break;
  }
  // … and nothing later comes in the segment's last stretch, as it would where the closing entry has been lost.
  batch_walker rest(*file, end ? end->position : 0, size);
  while (true) {
    const auto batch = rest.next();
    if (!batch) return false;
    if (!*batch) return true;
    if (indexed_timestamp(**batch) > last.timestamp) return false;
  }
}

base::status segment::rebuild_indexes(std::int64_t interval) {
  const std::lock_guard guard(change_mutex_);
  return rebuild_indexes_locked(interval);
}

base::status segment::rebuild_indexes_locked(std::int64_t interval) {
  file_parts& mine = parts();
  TIDELOG_TRY(const std::uint64_t end, size());
  TIDELOG_TRY(const auto file, data());
  forget_growth();
  sealed_largest_.reset();
  mine.offsets.replace({});
  mine.times.replace({});
  batch_walker walker(*file, 0, end);
  while (true) {
    auto batch = walker.next();
    if (!batch) {
      // What comes before the damage can still be found.
      base::say_error("{}", batch.error().describe());
      break;
    }
    if (!*batch) break;
    grow(**batch, walker.position(), interval);
    write_index_entries_locked();
  }
  if (is_sealed()) complete_indexes_locked();
  indexes_rebuilt_.store(true);
  return {};
}

}  // namespace tidelog::storage
