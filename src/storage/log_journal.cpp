// A log and the commit journal: what the journal has left of it, and appends that are acknowledged by it.
#include "commit_journal.hpp"
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>

namespace tidelog::storage {

base::status log::core::take_seat(const journal_seat& given) {
  TIDELOG_TRY(const auto leftovers, given.journal->leftovers_of(given.id));
  if (!leftovers.batches.empty()) {
    TIDELOG_TRY(const std::uint64_t replayed, replay(leftovers));
    given.journal->count_replayed(replayed);
  }
  given.journal->given_back(given.id);
  if (!given.journal->is_on()) return {};
  seat = given;
  const auto is_in_log = [end = log_end.load()](const auto& each) { return each.last_offset.value() < end; };
  if (leftovers.from == journal_leftovers::origin::earlier_run ||
      std::ranges::all_of(leftovers.batches, is_in_log))
    return {};
  // What did not continue the log must not come back when the log has grown to where it begins.
  {
    const std::lock_guard appends(append_mutex);
    sit_down();
  }
  return seat.journal->truncate(account, model::offset(log_end.load()));
}

void log::core::sit_down() {
  if (account || !seat.journal) return;
  auto mine = seat.journal->seat(seat.id, *this, model::offset(recovery_point.load()));
  const std::lock_guard guard(tail_mutex);
  account = std::move(mine);
}

void log::core::stand_up() {
  if (!account || !seat.journal->leave_if_free(*account)) return;
  const std::lock_guard guard(tail_mutex);
  account.reset();
}

journal_account_ptr log::core::account_if_any() const {
  const std::lock_guard guard(tail_mutex);
  return account;
}

base::result<std::uint64_t> log::core::replay(const journal_leftovers& from) {
  std::uint64_t replayed = 0;
  const model::offset end_before(log_end.load());
  {
    const std::lock_guard appends(append_mutex);
    for (const auto& each : from.batches) {
      const model::offset end(log_end.load());
      if (each.base_offset < end) continue;
      if (each.base_offset > end || each.leader_epoch < current_epoch) {
        // Behind a gap nothing was acknowledged, unless the disk has lost what it had confirmed. And a log that went on
        // under somebody else, who ignores the journal, has a later epoch.
        base::say_warning(
            "{}: the commit journal's batches from offset {} on (epoch {}) do not continue the log, "
            "which ends at {} (epoch {}); they are left out",
            directory.native(), each.base_offset.value(), each.leader_epoch.value(), end.value(),
            current_epoch.value());
        break;
      }
      auto bytes = from.read(each);
      if (!bytes && bytes.error().code == errc::corrupt_journal) {
        base::say_error("{}; what was acknowledged from offset {} on is lost", bytes.error().describe(),
                        end.value());
        break;
      }
      if (!bytes) return base::forward_error(bytes);
      TIDELOG_TRY(const auto header, model::parse_only_record_batch(*bytes));
      TIDELOG_TRY(const log_mark stored, store_locked(*bytes, producer_batch_of(header)));
      static_cast<void>(publish_end(stored));
      ++replayed;
    }
  }
  if (replayed == 0) return replayed;
  const model::offset end(log_end.load());
  findings.add(
      {.what = recovery_outcome::replayed_from_journal, .first_offset = end_before, .next_offset = end});
  base::say_info("{}: offsets {} to {} come from the commit journal", directory.native(), end_before.value(),
                 end.value() - 1);
  std::uint64_t newly_readable = 0;
  const std::lock_guard commits(commit_mutex);
  TIDELOG_DO(sync_now(sync_scope::everything, newly_readable));
  return replayed;
}

void log::core::make_durable(base::byte_view batch, model::offset base, const log_mark& end) {
  sit_down();
  if (!account) return want_sync(sync_scope::everything);
  // The generation changes only under the lock that appends hold.
  const auto run_start = seat.journal->offer(account, {batch, base, end, tail_state.generation});
  // Not only what was not taken: what lies before the run has to be on disk by a sync before the run counts.
  if (!run_start || run_start->value() > recovery_point.load()) want_sync(sync_scope::everything);
}

void log::core::journal_has(const journal_promise& upto) {
  std::uint64_t newly_readable = 0;
  {
    const std::lock_guard guard(tail_mutex);
    if (upto.generation != tail_state.generation) return;
    if (upto.end.offset > tail_state.journaled.end.offset) tail_state.journaled = upto;
    // Whoever moves the recovery point looks for this promise afterwards.
    if (upto.run_start.value() > recovery_point.load()) return;
    newly_readable = move_committed(upto.end);
  }
  if (newly_readable > 0) announce(newly_readable);
}

void log::core::sync_for_journal(std::optional<model::offset> on_disk) {
  // All of it, also where the topic is not durable any more.
  if (!on_disk || !last_write.believes_whole_syncs()) return want_sync(sync_scope::everything);
  whole_sync_end.store(on_disk->value());
  environment.commits.request(*this);
}

base::status log::core::truncate_journal(model::offset end) {
  // Also where this log has offered nothing: what it had there before it was opened may be in any group.
  sit_down();
  if (!account) return {};
  // The journal lets go of what it has of the log, so all of it is on disk before.
  const log_tail now = tail();
  TIDELOG_DO(sync_files(*now.segments, now.end));
  return seat.journal->truncate(account, end);
}

}  // namespace tidelog::storage
