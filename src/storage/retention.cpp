// Retention: which of the oldest segments may go, by Kafka's rules.
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

/// A reader of the list of segments gets a copy, so the list is not changed for each of them.
constexpr std::size_t removed_at_once = 64;

}  // namespace

/// How many segments from the front may go at all: every record of them is below the high watermark. An empty active
/// segment is not counted.
std::size_t log::core::committed_segments(const log_tail& now) {
  const auto& all = now.segments->all;
  std::size_t count = 0;
  while (count + 1 < all.size() && all[count + 1]->base_offset() <= now.committed.offset) ++count;
  if (count + 1 == all.size() && now.end.position > 0 && now.committed.offset >= now.end.offset) ++count;
  return count;
}

base::result<base::unix_ms> log::core::newest_write(segment& of, base::unix_ms now_ms) {
  // Timestamps are the clients' word. One from the future would keep its segment for ever, and one that is missing says
  // nothing; then the segment is as old as the last write to it.
  TIDELOG_TRY(const auto largest, of.largest_timestamp(index_interval_bytes.load()));
  const base::unix_ms told = largest.timestamp.value();
  if (told >= 0 && told <= now_ms) return told;
  return of.written_ms();
}

base::result<std::size_t> log::core::expired_segments(const log_tail& now, const log_config& by,
                                                      base::unix_ms now_ms) {
  if (by.retention_ms < 0) return std::size_t{0};
  const std::size_t most = committed_segments(now);
  std::size_t count = 0;
  while (count < most) {
    TIDELOG_TRY(const base::unix_ms newest, newest_write(*now.segments->all[count], now_ms));
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
  while (true) {
    std::vector<std::shared_ptr<segment>> oldest;
    {
      const std::lock_guard guard(append_mutex);
      TIDELOG_DO(check_online());
      const log_tail now = tail();
      const auto& all = now.segments->all;
      while (oldest.size() < removed_at_once && oldest.size() + 1 < all.size() &&
             all[oldest.size() + 1]->base_offset() <= boundary) {
        oldest.push_back(all[oldest.size()]);
      }
      const bool active_goes = all.size() == 1 && active == active_segment::may_go && now.end.position > 0 &&
                               now.end.offset <= boundary;
      if (active_goes) {
        touched = true;
        // There is always an active segment; offsets go on in a new one.
        TIDELOG_DO(roll_locked());
        oldest.push_back(all.front());
      }
      // Told before they go: nobody is to have been promised what a crash may take from here on.
      if (!oldest.empty()) {
        const model::offset first = tail().segments->all[oldest.size()]->base_offset();
        if (first.value() > log_start.load()) log_start.store(first.value());
      }
    }
    if (oldest.empty()) break;
    std::size_t renamed = 0;
    auto outcome = rename_oldest(oldest, renamed);
    forget_oldest(std::span(oldest).first(renamed));
    removed += renamed;
    TIDELOG_DO(std::move(outcome));
  }
  if (removed == 0) return removed;
  TIDELOG_DO(remove_stale_snapshots());
  return removed;
}

/// Appends need not wait for that, and readers are not disturbed.
base::status log::core::rename_oldest(std::span<const std::shared_ptr<segment>> oldest,
                                      std::size_t& renamed) {
  // The names that stay are on disk before others go: a power cut must not leave a later segment, or none at all. So is
  // what the last removal left, if its sync failed.
  if (has_unsynced_names() || removal_unsynced) {
    TIDELOG_DO(sync_own_directory());
    removal_unsynced = false;
  }
  for (const auto& each : oldest) {
    // Where the name stays, the segment does: the next would leave a hole behind it. It may have gone in part.
    removal_unsynced = true;
    TIDELOG_DO(each->rename_deleted());
    ++renamed;
    base::say_info("{}: deleting the segment at offset {}", directory.native(), each->base_offset().value());
    // One after the other also on disk: a power cut must not take a later segment and leave an earlier one, since the hole
    // would end the log there.
    TIDELOG_DO(environment.files.sync_directory(directory));
    removal_unsynced = false;
  }
  return {};
}

void log::core::forget_oldest(std::span<const std::shared_ptr<segment>> gone) {
  if (gone.empty()) return;
  const base::unix_ms now_ms = environment.clock.now_ms();
  const std::lock_guard guard(append_mutex);
  touched = true;
  const log_tail now = tail();
  auto kept = std::make_shared<segment_list>();
  kept->all.assign(now.segments->all.begin() + static_cast<std::ptrdiff_t>(gone.size()),
                   now.segments->all.end());
  {
    const std::lock_guard held(tail_mutex);
    tail_state.segments = std::move(kept);
  }
  {
    const std::lock_guard held(epochs_mutex);
    epochs.truncate_from_start(model::offset(log_start.load()));
  }
  for (const auto& each : gone) to_be_done().deleted.push_back({each, now_ms});
}

}  // namespace tidelog::storage
