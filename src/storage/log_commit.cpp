// Making appends durable, and telling those who wait for it.
#include "commit_journal.hpp"
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidelog::storage {

void log::core::commit() {
  std::uint64_t newly_readable = 0;
  base::status synced;
  {
    const std::lock_guard guard(commit_mutex);
    synced = sync_wanted(newly_readable);
  }
  if (!synced) return announce_offline();
  // Nobody who waits for an acknowledgement waits for what only shortens a recovery.
  if (newly_readable > 0) announce(newly_readable);
  const std::lock_guard guard(commit_mutex);
  write_pending_snapshots();
}

void log::core::want_sync(sync_scope scope) {
  auto& wanted = scope == sync_scope::everything ? everything_wanted : closed_segments_wanted;
  wanted.store(true);
  environment.commits.request(*this);
}

base::status log::core::sync_wanted(std::uint64_t& newly_readable) {
  believe_whole_sync(newly_readable);
  const bool closed_segments = closed_segments_wanted.exchange(false);
  if (everything_wanted.exchange(false)) return sync_now(sync_scope::everything, newly_readable);
  if (closed_segments) return sync_now(sync_scope::closed_segments, newly_readable);
  return {};
}

void log::core::believe_whole_sync(std::uint64_t& newly_readable) {
  const model::offset end(whole_sync_end.exchange(model::no_offset.value()));
  if (end.value() <= recovery_point.load() || offline.load()) return;
  const log_tail now = tail();
  for (std::size_t at = first_unsynced(*now.segments); at < now.segments->all.size(); ++at) {
    now.segments->all[at]->let_go_if_on_disk(last_write);
  }
  recovery_point.store(end.value());
  if (const auto mine = account_if_any()) seat.journal->synced(*mine, end);
  const std::lock_guard guard(tail_mutex);
  const journal_promise& journaled = tail_state.journaled;
  if (journaled.run_start <= end) newly_readable += move_committed(journaled.end);
}

base::status log::core::sync_now(sync_scope scope, std::uint64_t& newly_readable) {
  TIDELOG_DO(check_online());
  const log_tail now = tail();
  const bool all = durable.load() || scope == sync_scope::everything;
  log_mark target = now.end;
  if (!all) {
    // Only closed segments: the active one is left to the kernel.
    const model::offset base = now.segments->active().base_offset();
    target = {base, base, 0, 0};
  }
  auto synced = sync_files(*now.segments, target);
  if (!synced) {
    base::say_error("{}: what was appended may be lost: {}", directory.native(), synced.error().describe());
    mark_failed_sync();
    go_offline(synced.error());
    return synced;
  }
  if (!all) return {};
  newly_readable += advance_committed(target, now.generation);
  if (!durable.load() && has_too_many_unsynced(model::offset(log_end.load())))
    want_sync(sync_scope::everything);
  return {};
}

std::size_t log::core::first_unsynced(const segment_list& segments) const {
  // The segment that ends at the recovery point may have been cut back since, after a write that failed.
  return segments.floor(model::offset(std::max<std::int64_t>(recovery_point.load() - 1, 0)));
}

base::status log::core::sync_files(const segment_list& segments, const log_mark& target) {
  for (std::size_t at = first_unsynced(segments); at < segments.all.size(); ++at) {
    segment& each = *segments.all[at];
    const bool has_target = each.base_offset() == target.segment_base && target.position > 0;
    if (each.base_offset() < target.segment_base || has_target) TIDELOG_DO(each.sync(&last_write));
  }
  TIDELOG_DO(sync_names());
  if (target.offset.value() > recovery_point.load()) recovery_point.store(target.offset.value());
  if (const auto mine = account_if_any()) seat.journal->synced(*mine, model::offset(recovery_point.load()));
  return {};
}

base::status log::core::sync_names() {
  if (has_unsynced_names()) TIDELOG_DO(sync_own_directory());
  if (parent_dirty.exchange(false)) TIDELOG_DO(environment.files.sync_directory(parent_of(directory)));
  return {};
}

base::status log::core::sync_own_directory() {
  const std::uint32_t covered = names_made.load();
  TIDELOG_DO(environment.files.sync_directory(directory));
  // Counted only now: whoever removes a segment relies on the names of those that stay.
  auto synced = names_synced.load();
  while (synced < covered && !names_synced.compare_exchange_weak(synced, covered)) {
  }
  return {};
}

std::uint64_t log::core::advance_committed(const log_mark& synced, std::uint64_t generation) {
  const std::lock_guard guard(tail_mutex);
  if (generation != tail_state.generation) return 0;
  const journal_promise& journaled = tail_state.journaled;
  const bool journal_has_more = journaled.run_start <= synced.offset && synced.offset < journaled.end.offset;
  const std::uint64_t newly_readable = move_committed(journal_has_more ? journaled.end : synced);
  // What was appended during the sync counts too, unless that is so much that another one is due.
  if (has_too_many_unsynced(tail_state.end.offset)) return newly_readable;
  return newly_readable + move_committed(tail_state.end);
}

std::uint64_t log::core::move_committed(const log_mark& target) {
  if (tail_state.committed.offset >= target.offset) return 0;
  const std::uint64_t newly_readable = target.total_bytes - tail_state.committed.total_bytes;
  // The segment may have been closed since; the place is then the beginning of the next.
  tail_state.committed = target.offset == tail_state.end.offset ? tail_state.end : target;
  committed_end.store(target.offset.value(), std::memory_order_release);
  forget_ended(model::offset(0), target.offset);
  return newly_readable;
}

void log::core::announce(std::uint64_t newly_readable) {
  if (listener) listener(progress(newly_readable));
  run_waiters();
}

log_progress log::core::progress(std::uint64_t newly_readable) const {
  const model::offset end(committed_end.load());
  const model::offset stable = std::min(first_unstable_transaction().value_or(end), end);
  return {end, stable, newly_readable, offline.load() ? log_health::offline : log_health::online};
}

void log::core::announce_offline() {
  if (listener) listener(progress(0));
  fail_waiters(errc::log_offline);
}

/// With waiters_mutex held, as the next.
std::size_t log::core::waiters_up_to(model::offset end) const {
  const auto after = std::ranges::upper_bound(waiters, end, {}, &waiter::end);
  return static_cast<std::size_t>(after - waiters.begin());
}

std::vector<log::core::waiter> log::core::take_waiters(std::size_t from, std::size_t count) {
  // All at once is the common case, and leaves no memory behind in a log that nobody writes to any more.
  if (from == 0 && count == waiters.size()) return std::exchange(waiters, {});
  const auto first = waiters.begin() + static_cast<std::ptrdiff_t>(from);
  const auto last = first + static_cast<std::ptrdiff_t>(count);
  std::vector<waiter> taken(std::make_move_iterator(first), std::make_move_iterator(last));
  waiters.erase(first, last);
  return taken;
}

void log::core::run_waiters() {
  std::unique_lock lock(waiters_mutex);
  // Who runs them looks again before it leaves, so nobody is forgotten.
  if (running_waiters) return;
  running_waiters = true;
  while (true) {
    const model::offset reached(committed_end.load());
    auto ready = take_waiters(0, waiters_up_to(reached));
    if (ready.empty()) break;
    lock.unlock();
    for (auto& each : ready) each.done({});
    lock.lock();
  }
  running_waiters = false;
}

void log::core::fail_waiters(errc why) {
  std::vector<waiter> failed;
  {
    const std::lock_guard guard(waiters_mutex);
    failed = take_waiters(0, waiters.size());
  }
  for (auto& each : failed) {
    auto reason = check_online();
    if (reason) reason = base::fail(why, "{}", directory.native());
    each.done(std::move(reason));
  }
}

void log::core::fail_waiters_above(model::offset end) {
  std::vector<waiter> failed;
  {
    const std::lock_guard guard(waiters_mutex);
    const std::size_t kept = waiters_up_to(end);
    failed = take_waiters(kept, waiters.size() - kept);
  }
  for (auto& each : failed) {
    each.done(base::fail(errc::offset_out_of_range, "{}: truncated to {}", directory.native(), end.value()));
  }
}

void log::when_committed(model::offset end, committed_callback done) {
  core& c = *core_;
  base::status outcome;
  {
    const std::lock_guard guard(c.waiters_mutex);
    if (end.value() > c.committed_end.load(std::memory_order_acquire)) {
      // Who takes the log offline, or closes it, looks for waiters after saying so: either this sees it, or they see
      // the waiter.
      if (!c.waiters_closed && !c.offline.load()) {
        const auto after = c.waiters.begin() + static_cast<std::ptrdiff_t>(c.waiters_up_to(end));
        c.waiters.insert(after, {end, std::move(done)});
        return;
      }
      outcome = c.check_online();
      if (outcome) outcome = base::fail(errc::closed, "{}", c.directory.native());
    }
  }
  done(std::move(outcome));
}

void log::core::go_offline(const base::error& reason) {
  const std::lock_guard guard(offline_mutex);
  if (offline.load()) return;
  offline_reason = std::make_unique<const base::error>(reason);
  offline.store(true, std::memory_order_release);
  if (when_offline) when_offline(*offline_reason);
}

void log::core::write_pending_snapshots() {
  std::vector<pending_snapshot> snapshots;
  const model::offset on_disk(recovery_point.load());
  {
    const std::lock_guard guard(append_mutex);
    if (to_do == nullptr) return;
    auto& pending = to_do->snapshots;
    const auto waiting = std::ranges::find_if(pending, [&](const auto& each) { return each.at > on_disk; });
    snapshots.assign(std::make_move_iterator(pending.begin()), std::make_move_iterator(waiting));
    pending.erase(pending.begin(), waiting);
  }
  if (snapshots.empty()) return;
  // Recovery reads batches only from the newest snapshot on, so the epochs before it must be in their file.
  auto written = [this] {
    std::unique_lock lock(epochs_mutex);
    leader_epoch_cache copy = epochs;
    lock.unlock();
    return copy.flush(environment.files, directory);
  }();
  const auto segments = tail().segments;
  for (const auto& each : snapshots) {
    // One inside a segment promises that the indexes before it are on disk.
    segment& holder = *segments->all[segments->floor(each.at)];
    if (written && holder.base_offset() < each.at) written = holder.sync_indexes_so_far();
    if (written) written = write_producer_snapshot(environment.files, directory, each.at, each.entries);
  }
  if (written) written = remove_stale_snapshots();
  if (!written) base::say_warning("recovery may take longer: {}", written.error().describe());
}

base::status log::flush() {
  base::status synced;
  std::uint64_t newly_readable = 0;
  {
    const std::lock_guard guard(core_->commit_mutex);
    synced = core_->sync_now(core::sync_scope::everything, newly_readable);
    if (synced) core_->write_pending_snapshots();
  }
  if (!synced) core_->announce_offline();
  if (newly_readable > 0) core_->announce(newly_readable);
  return synced;
}

void log::sync_closed_segments() {
  core& c = *core_;
  if (c.recovery_point.load() >= c.log_end.load()) return;
  if (c.environment.open_files.is_overfull()) {
    c.want_sync(core::sync_scope::everything);
    return;
  }
  const std::int64_t active_base = c.tail().segments->active().base_offset().value();
  const std::int64_t closed_before = c.closed_before.exchange(active_base);
  if (closed_before > c.recovery_point.load()) c.want_sync(core::sync_scope::closed_segments);
}

void log::flush_if_due(base::unix_ms now_ms) {
  core& c = *core_;
  const std::int64_t flush_ms = c.flush_ms.load();
  if (c.recovery_point.load() >= c.log_end.load() || flush_ms == never_flush) {
    c.unsynced_since_ms.store(0);
    return;
  }
  base::unix_ms none = 0;
  if (c.unsynced_since_ms.compare_exchange_strong(none, now_ms) && flush_ms > 0) return;
  if (now_ms - c.unsynced_since_ms.load() < flush_ms) return;
  c.unsynced_since_ms.store(0);
  c.want_sync(core::sync_scope::everything);
}

}  // namespace tidelog::storage
