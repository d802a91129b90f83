// Compaction as seen from outside: what is dirty, and the call that cleans it.
#include "cleaner_run.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>

namespace tidelog::storage {

base::status log::core::check_not_aborted(std::uint64_t seen) const {
  if (cleaning_aborts.load() == seen && compacted.load()) return {};
  return base::fail(errc::cleaning_aborted, "{}", directory.native());
}

base::status log::core::sync_closed_part(const log_tail& now, std::uint64_t aborts_seen) {
  const model::offset base = now.segments->active().base_offset();
  if (recovery_point.load() >= base.value()) return {};
  const std::lock_guard guard(commit_mutex);
  // After a truncation there may be less than was seen.
  TIDELOG_DO(check_not_aborted(aborts_seen));
  auto synced = sync_files(*now.segments, {base, base, 0, 0});
  if (!synced) {
    base::say_error("{}: what was appended may be lost: {}", directory.native(), synced.error().describe());
    mark_failed_sync();
    go_offline(synced.error());
  }
  return synced;
}

/// Whole segments below everything that may still change or vanish.
compaction_need log::core::cleanable_part(const log_tail& now) {
  compaction_need part;
  part.first_dirty = model::offset(std::max(cleaned_end.load(), log_start.load()));
  model::offset limit = now.committed.offset;
  if (const auto first = first_unstable_transaction()) limit = std::min(limit, *first);
  const auto& all = now.segments->all;
  std::size_t count = 0;
  while (count + 1 < all.size() && all[count + 1]->base_offset() <= limit) ++count;
  part.first_uncleanable = all[count]->base_offset();
  return part;
}

base::status log::core::respect_min_lag(const log_tail& now, const log_config& by, base::unix_ms now_ms,
                                        compaction_need& part) {
  if (by.min_compaction_lag_ms <= 0) return {};
  const auto& all = now.segments->all;
  for (std::size_t at = now.segments->floor(part.first_dirty);
       all[at]->base_offset() < part.first_uncleanable; ++at) {
    TIDELOG_TRY(const auto largest, all[at]->largest_timestamp(index_interval_bytes.load()));
    base::unix_ms newest = largest.timestamp.value();
    if (newest < 0) {
      TIDELOG_TRY(newest, all[at]->written_ms());
    }
    if (newest > now_ms - by.min_compaction_lag_ms) part.first_uncleanable = all[at]->base_offset();
  }
  return {};
}

base::status log::core::weigh(const log_tail& now, const log_config& by, base::unix_ms now_ms,
                              compaction_need& part) {
  const auto& all = now.segments->all;
  for (std::size_t at = 0; all[at]->base_offset() < part.first_uncleanable; ++at) {
    segment& each = *all[at];
    TIDELOG_TRY(const std::uint64_t size, each.size());
    if (all[at + 1]->base_offset() <= part.first_dirty) {
      part.clean_bytes += size;
      continue;
    }
    part.dirty_bytes += size;
    TIDELOG_TRY(const auto first, each.first_timestamp());
    if (first && now_ms - first->value() > by.max_compaction_lag_ms) {
      part.urgency = compaction_need::urgency::overdue;
    }
  }
  return {};
}

base::result<std::optional<compaction_need>> log::core::find_need(const log_tail& now, const log_config& by,
                                                                  base::unix_ms now_ms) {
  compaction_need part = cleanable_part(now);
  TIDELOG_DO(respect_min_lag(now, by, now_ms, part));
  if (part.first_dirty >= part.first_uncleanable) return std::nullopt;
  TIDELOG_DO(weigh(now, by, now_ms, part));
  const bool is_needed =
      part.dirty_ratio() > by.min_cleanable_dirty_ratio || part.urgency == compaction_need::urgency::overdue;
  return part.dirty_bytes > 0 && is_needed ? std::optional(part) : std::nullopt;
}

bool log::core::has_lost_oldest_of(const log_tail& seen) const {
  return tail().segments->all.front()->base_offset() > seen.segments->all.front()->base_offset();
}

base::result<std::optional<compaction_need>> log::needs_compaction(base::unix_ms now_ms) {
  core& c = *core_;
  if (!c.compacted.load()) return std::nullopt;
  const log_tail now = c.tail();
  if (now.segments->active().base_offset().value() <= c.cleaned_end.load()) return std::nullopt;
  TIDELOG_DO(c.check_online());
  auto need = c.find_need(now, config(), now_ms);
  // What has been removed meanwhile cannot be looked at, and need not be: the next time shows the rest.
  if (!need && c.has_lost_oldest_of(now)) return std::nullopt;
  return need;
}

base::result<cleaning_report> log::clean(const cleaning_resources& with) {
  base::result<cleaning_report> outcome;
  {
    const std::lock_guard one_at_a_time(core_->cleaning_mutex);
    core::cleaning cleaning(*core_, with);
    outcome = cleaning.perform();
    if (!outcome && cleaning.has_lost_segments()) {
      outcome = base::fail(errc::cleaning_aborted, "segments have been removed meanwhile: {}",
                           outcome.error().describe());
    }
  }
  if (!outcome && core_->offline.load()) core_->announce_offline();
  return outcome;
}

void log::abort_cleaning() {
  core_->cleaning_aborts.fetch_add(1);
}

model::offset log::cleaned_end() const {
  return model::offset(core_->cleaned_end.load());
}

}  // namespace tidelog::storage
