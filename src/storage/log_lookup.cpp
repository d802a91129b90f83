// Finding records by their timestamps.
#include "log_core.hpp"
#include "sound_walker.hpp"
#include "timestamp_scan.hpp"

#include "tidelog/codec/compression.hpp"

#include <algorithm>
#include <array>

namespace tidelog::storage {
namespace {

[[nodiscard]] base::result<std::vector<std::byte>> read_whole(const io::file& file, std::uint64_t position,
                                                              std::uint64_t end_position) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(end_position - position));
  TIDELOG_TRY(const std::size_t got, file.read_at(bytes, position));
  bytes.resize(got);
  return bytes;
}

}  // namespace

base::result<std::optional<timestamped_offset>> log::core::first_at_or_after(const log_tail& now,
                                                                             std::size_t at,
                                                                             model::timestamp wanted) {
  segment& where = *now.segments->all[at];
  const std::int64_t interval = index_interval_bytes.load();
  const model::offset start(log_start.load());
  TIDELOG_TRY(const auto visible, visible_end(*now.segments, at, now.committed));
  TIDELOG_TRY(const model::offset floor, where.time_floor(wanted, interval));
  TIDELOG_TRY(const auto place, where.find(std::max(floor, start), visible.position, interval));
  if (!place) return std::nullopt;
  TIDELOG_TRY(const auto file, where.data());
  sound_walker walker(where, *file, place->position, visible.position);
  while (true) {
    TIDELOG_TRY(const auto header, walker.next());
    if (!header) return std::nullopt;
    if (header->max_timestamp() < wanted || header->last_offset() < start) continue;
    TIDELOG_TRY(const auto bytes, read_whole(*file, walker.position(), walker.end_position()));
    TIDELOG_TRY(const auto batch, model::parse_record_batch(bytes));
    if (!model::verify_crc(batch)) {
      where.note_damaged_batch(
          {walker.position(), walker.end_position(), batch.base_offset(), batch.next_offset()});
      continue;
    }
    TIDELOG_TRY(const auto found, first_record_at_or_after(batch, wanted, start));
    // The header's largest timestamp may be that of a record that compaction has removed.
    if (found) return timestamped_offset{found->offset, found->timestamp, batch.partition_leader_epoch()};
  }
}

base::result<timed_batch> log::core::largest_visible(const log_tail& now, std::size_t at) {
  segment& where = *now.segments->all[at];
  const std::int64_t interval = index_interval_bytes.load();
  TIDELOG_TRY(const auto largest, where.largest_timestamp(interval));
  if (largest.last_offset < now.committed.offset) return largest;
  // The largest one may not be seen yet, so what comes before the high watermark is looked through.
  TIDELOG_TRY(const auto visible, visible_end(*now.segments, at, now.committed));
  TIDELOG_TRY(const auto file, where.data());
  sound_walker walker(where, *file, 0, visible.position);
  timed_batch best;
  while (true) {
    TIDELOG_TRY(const auto header, walker.next());
    if (!header) return best;
    if (indexed_timestamp(*header) > best.timestamp)
      best = {indexed_timestamp(*header), header->last_offset()};
  }
}

base::result<std::optional<timestamped_offset>> log::offset_for_timestamp(model::timestamp at) {
  core& c = *core_;
  const log_tail now = c.tail();
  for (std::size_t each = now.segments->floor(log_start_offset()); each < now.segments->all.size(); ++each) {
    segment& candidate = *now.segments->all[each];
    if (candidate.base_offset() >= now.committed.offset) break;
    TIDELOG_TRY(const auto largest, candidate.largest_timestamp(c.index_interval_bytes.load()));
    if (largest.timestamp < at) continue;
    TIDELOG_TRY(const auto found, c.first_at_or_after(now, each, at));
    if (found) return found;
  }
  return std::nullopt;
}

base::result<std::optional<timestamped_offset>> log::max_timestamp_offset() {
  core& c = *core_;
  const log_tail now = c.tail();
  timed_batch best;
  std::size_t best_at = 0;
  for (std::size_t each = now.segments->floor(log_start_offset()); each < now.segments->all.size(); ++each) {
    if (now.segments->all[each]->base_offset() >= now.committed.offset) break;
    TIDELOG_TRY(const auto largest, c.largest_visible(now, each));
    if (largest.timestamp <= best.timestamp) continue;
    best = largest;
    best_at = each;
  }
  if (best.timestamp.value() < 0) return std::nullopt;
  return c.first_at_or_after(now, best_at, best.timestamp);
}

}  // namespace tidelog::storage
