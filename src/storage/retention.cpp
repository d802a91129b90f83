// Retention: which of the oldest segments may go, by Kafka's rules.
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>

namespace tidelog::storage {

/// How many segments from the front may go at all: every record of them is below the high watermark. An empty active
/// segment is not counted.
std::size_t log::core::committed_segments(const log_tail& now) {
  const auto& all = now.segments->all;
  std::size_t count = 0;
  while (count + 1 < all.size() && all[count + 1]->base_offset() <= now.committed.offset) ++count;
  if (count + 1 == all.size() && now.end.position > 0 && now.committed.offset >= now.end.offset) ++count;
  return count;
}

base::result<base::unix_ms> log::core::age_mark(const log_tail& now, std::size_t at, base::unix_ms now_ms) {
  // Timestamps are the clients' word. One from the future would keep its segment for ever, and one that is missing says
  // nothing; then the segment is as old as the next one that tells, since that was written later.
  for (std::size_t each = at; each < now.segments->all.size(); ++each) {
    TIDELOG_TRY(const auto largest, now.segments->all[each]->largest_timestamp(index_interval_bytes.load()));
    if (largest.timestamp.value() >= 0 && largest.timestamp.value() <= now_ms)
      return largest.timestamp.value();
  }
  return now.segments->all[at]->written_ms();
}

base::result<std::size_t> log::core::expired_segments(const log_tail& now, const log_config& by,
                                                      base::unix_ms now_ms) {
  if (by.retention_ms < 0) return std::size_t{0};
  const std::size_t most = committed_segments(now);
  std::size_t count = 0;
  while (count < most) {
    TIDELOG_TRY(const base::unix_ms newest, age_mark(now, count, now_ms));
    if (now_ms - newest <= by.retention_ms) break;
    ++count;
  }
  return count;
}

base::result<std::size_t> log::core::surplus_segments(const log_tail& now, const log_config& by) {
  if (by.retention_bytes < 0) return std::size_t{0};
  std::uint64_t total = 0;
  for (const auto& each : now.segments->all) {
    TIDELOG_TRY(const std::uint64_t size, each->size());
    total += size;
  }
  const std::size_t most = committed_segments(now);
  std::size_t count = 0;
  while (count < most) {
    TIDELOG_TRY(const std::uint64_t size, now.segments->all[count]->size());
    if (total < static_cast<std::uint64_t>(by.retention_bytes) + size) break;
    total -= size;
    ++count;
  }
  return count;
}

base::result<std::size_t> log::delete_old_segments(base::unix_ms now_ms, retention_rules rules) {
  core& c = *core_;
  TIDELOG_DO(c.check_online());
  // What may go is found out without keeping appends waiting: it may take reads of old indexes.
  const log_config by = config();
  const log_tail seen = c.tail();
  const auto& all = seen.segments->all;
  std::size_t count = 0;
  while (count + 1 < all.size() && all[count + 1]->base_offset() <= log_start_offset()) ++count;
  if (by.cleanup.remove) {
    TIDELOG_TRY(const std::size_t surplus, c.surplus_segments(seen, by));
    count = std::max(count, surplus);
    if (rules == retention_rules::age_and_size) {
      TIDELOG_TRY(const std::size_t expired, c.expired_segments(seen, by, now_ms));
      count = std::max(count, expired);
    }
  }
  if (count == 0) return std::size_t{0};
  const model::offset boundary = count < all.size() ? all[count]->base_offset() : seen.end.offset;
  // What only the journal has would not join a log that a crash lets begin at the boundary.
  if (c.account_if_any() && boundary > recovery_point()) TIDELOG_DO(flush());

  const std::lock_guard structure(c.structure_mutex);
  // The log may have changed meanwhile: what goes is still what lies wholly below the boundary.
  if (c.tail().generation != seen.generation) return std::size_t{0};
  return c.remove_segments_below(boundary, core::active_segment::may_go);
}

base::result<std::size_t> log::core::remove_segments_below(model::offset boundary, active_segment active) {
  std::size_t removed = 0;
  for (;; ++removed) {
    {
      const std::lock_guard guard(append_mutex);
      TIDELOG_DO(check_online());
      const log_tail now = tail();
      const auto& all = now.segments->all;
      const bool is_wholly_below = all.size() > 1 ? all[1]->base_offset() <= boundary
                                                  : active == active_segment::may_go &&
                                                        now.end.position > 0 && now.end.offset <= boundary;
      if (!is_wholly_below) break;
      TIDELOG_DO(remove_oldest());
    }
    // One after the other also on disk: a power cut must not take a later segment and leave an earlier one, since the hole
    // would end the log there. Appends need not wait for that.
    TIDELOG_DO(environment.files.sync_directory(directory));
    removal_unsynced = false;
  }
  if (removed == 0) return removed;
  std::vector<model::offset> bases;
  const auto segments = tail().segments;
  for (const auto& each : segments->all) bases.push_back(each->base_offset());
  TIDELOG_DO(remove_stale_producer_snapshots(environment.files, directory, bases));
  return removed;
}

base::status log::core::remove_oldest() {
  touched = true;
  // There is always an active segment; offsets go on in a new one.
  if (tail().segments->all.size() == 1) TIDELOG_DO(roll_locked());
  // The names that stay are on disk before others go: a power cut must not leave a later segment, or none at all. So is
  // what the last removal left, if its sync failed.
  if (has_unsynced_names() || removal_unsynced) {
    TIDELOG_DO(sync_own_directory());
    removal_unsynced = false;
  }
  const log_tail now = tail();
  const auto gone = now.segments->all.front();
  auto kept = std::make_shared<segment_list>();
  kept->all.assign(now.segments->all.begin() + 1, now.segments->all.end());
  const model::offset first = kept->all.front()->base_offset();
  if (first.value() > log_start.load()) log_start.store(first.value());
  // Where the name stays, the segment does: the next would leave a hole behind it. It may have gone in part.
  removal_unsynced = true;
  TIDELOG_DO(gone->rename_deleted());
  {
    const std::lock_guard held(tail_mutex);
    tail_state.segments = std::move(kept);
  }
  {
    const std::lock_guard held(epochs_mutex);
    epochs.truncate_from_start(model::offset(log_start.load()));
  }
  base::say_info("{}: deleting the segment at offset {}", directory.native(), gone->base_offset().value());
  deleted.push_back({gone, environment.clock.now_ms()});
  return {};
}

}  // namespace tidelog::storage
