// Reading: from an offset to a slice of a segment's file.
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>

namespace tidelog::storage {

std::optional<read_positions::place> read_positions::find(model::offset at, std::uint64_t layout) const {
  const std::lock_guard guard(mutex_);
  for (const auto& each : entries_) {
    if (each.at == at && each.layout == layout) return each.where;
  }
  return std::nullopt;
}

void read_positions::remember(model::offset at, const place& where, std::uint64_t layout) {
  const std::lock_guard guard(mutex_);
  for (auto& each : entries_) {
    if (each.at != at) continue;
    each = {at, where, layout};
    return;
  }
  if (entries_.size() < most_entries) {
    entries_.push_back({at, where, layout});
    return;
  }
  entries_[next_] = {at, where, layout};
  next_ = static_cast<std::uint32_t>((next_ + 1) % most_entries);
}

void read_positions::forget() {
  const std::lock_guard guard(mutex_);
  entries_ = std::vector<entry>();
  next_ = 0;
}

base::result<read_slice> log::read(model::offset from, const read_limit& limit, read_bound bound,
                                   io::patience reader) {
  core& c = *core_;
  const log_tail now = c.tail();
  log_mark upto = bound.kind_ == read_bound::kind::log_end ? now.end : now.committed;
  if (from < log_start_offset() || from > now.end.offset) {
    return base::fail(errc::offset_out_of_range, "{}: offset {} of {} to {}", c.directory.native(),
                      from.value(), log_start_offset().value(), now.end.offset.value());
  }
  if (from >= upto.offset) {
    // Who waits at the end comes back for exactly this place.
    if (from == upto.offset) c.positions.remember(from, {upto.segment_base, upto.position}, now.layout);
    return read_slice{{}, from};
  }
  std::optional<model::offset> below;
  if (bound.kind_ == read_bound::kind::given && bound.offset_ < upto.offset) {
    if (from >= bound.offset_) return read_slice{{}, from};
    below = bound.offset_;
  }
  auto slice = c.read({from, below, limit, upto, reader}, now);
  // The cleaner may have replaced its segment since we looked, and the old one be gone.
  if (!slice && slice.error().code == std::errc::no_such_file_or_directory && c.tail().layout != now.layout) {
    return read(from, limit, bound, reader);
  }
  // Its segment may have been deleted since we looked.
  if (!slice && from < log_start_offset()) {
    return base::fail(errc::offset_out_of_range, "{}: offset {} is below {}", c.directory.native(),
                      from.value(), log_start_offset().value());
  }
  if (!slice && slice.error().code == std::errc::io_error && !c.unreadable_told.exchange(true)) {
    base::say_error("{}: there are records that the disk does not give, and their readers get an error: {}",
                    c.directory.native(), slice.error().describe());
  }
  return slice;
}

/// Where the batches of a segment end for a reader that may see up to `bound`.
base::result<batch_boundary> log::core::visible_end(const segment_list& segments, std::size_t at,
                                                    const log_mark& bound, io::patience reader) {
  segment& each = *segments.all[at];
  if (each.base_offset() >= bound.offset) return batch_boundary{0, each.base_offset()};
  if (each.base_offset() == bound.segment_base) return batch_boundary{bound.position, bound.offset};
  TIDELOG_TRY(const std::uint64_t size, each.size(reader));
  const bool is_last = at + 1 == segments.all.size();
  return batch_boundary{size, is_last ? bound.offset : segments.all[at + 1]->base_offset()};
}

base::result<log::core::read_start> log::core::find_start(const read_wish& wish, const log_tail& now) {
  const auto& [from, below, limit, bound, reader] = wish;
  const segment_list& segments = *now.segments;
  const std::int64_t interval = index_interval_bytes.load(std::memory_order_relaxed);
  std::size_t at = segments.floor(from);
  std::uint64_t position = 0;
  const auto known = positions.find(from, now.layout);
  const std::size_t known_at = known ? segments.floor(known->segment_base) : 0;
  // A segment that somebody ended in may have been deleted since.
  if (known && segments.all[known_at]->base_offset() == known->segment_base) {
    at = known_at;
    position = known->position;
  } else if (from > segments.all[at]->base_offset()) {
    TIDELOG_TRY(const auto visible, visible_end(segments, at, bound, reader));
    TIDELOG_TRY(const auto place, segments.all[at]->find(from, visible.position, interval, reader));
    position = place ? place->position : visible.position;
  }
  while (true) {
    TIDELOG_TRY(const auto end, visible_end(segments, at, bound, reader));
    const bool is_bound = segments.all[at]->base_offset() == bound.segment_base;
    if (position < end.position || is_bound || at + 1 == segments.all.size())
      return read_start{at, position, end};
    ++at;
    position = 0;
  }
}

base::result<read_slice> log::core::read(const read_wish& wish, const log_tail& now) {
  const auto& [from, below, limit, bound, reader] = wish;
  const std::int64_t interval = index_interval_bytes.load(std::memory_order_relaxed);
  TIDELOG_TRY(read_start start, find_start(wish, now));
  while (true) {
    segment& source = *now.segments->all[start.segment_index];
    batch_boundary end = start.end;
    if (below && *below < end.next_offset) {
      TIDELOG_TRY(const auto first_hidden, source.find(*below, end.position, interval, reader));
      if (first_hidden) end = {first_hidden->position, first_hidden->base_offset};
    }
    if (end.position <= start.position) return read_slice{{}, from};
    TIDELOG_TRY(const auto stretch, source.readable_from(start.position, end, limit.max_bytes, reader));
    const std::uint64_t bytes = stretch.end.position - stretch.position;
    if (bytes == 0) {
      // All that is left of the segment is damaged: who reads on, reads on in the next one.
      const bool is_last = start.segment_index + 1 == now.segments->all.size();
      if (end.position < start.end.position || source.base_offset() == bound.segment_base || is_last)
        return read_slice{{}, from};
      ++start.segment_index;
      start.position = 0;
      TIDELOG_TRY(start.end, visible_end(*now.segments, start.segment_index, bound, reader));
      continue;
    }
    if (bytes > limit.max_bytes && limit.oversized == read_limit::oversized_first_batch::leave_out) {
      return read_slice{{}, from};
    }
    TIDELOG_TRY(auto file, source.data(reader));
    positions.remember(stretch.end.next_offset, {source.base_offset(), stretch.end.position}, now.layout);
    return read_slice{{std::move(file), stretch.position, bytes}, stretch.end.next_offset};
  }
}

}  // namespace tidelog::storage
