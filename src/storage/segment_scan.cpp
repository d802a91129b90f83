// The active segment at start: after a clean stop from its last index entry, after an unclean one batch by batch.
#include "batch_search.hpp"
#include "batch_walker.hpp"
#include "segment.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

[[nodiscard]] base::result<scan_verdict> verdict_on(const base::error& error, batch_checker& checker,
                                                    std::uint64_t position) {
  if (error.code == model::batch_errc::truncated_header || error.code == model::batch_errc::truncated_body) {
    return scan_verdict::torn_tail;
  }
  if (error.code == model::batch_errc::zero_filled) {
    TIDELOG_TRY(const bool zeros, checker.only_zeros_from(position));
    if (zeros) return scan_verdict::zero_filled_tail;
  }
  return scan_verdict::damaged_batch;
}

}  // namespace

std::string_view name_of(scan_verdict verdict) {
  switch (verdict) {
    case scan_verdict::complete:
      return "complete";
    case scan_verdict::torn_tail:
      return "torn tail";
    case scan_verdict::zero_filled_tail:
      return "zero-filled tail";
    case scan_verdict::damaged_batch:
      return "damaged batch";
  }
  return "unknown";
}

base::result<model::offset> segment::load_active(std::int64_t interval) {
  TIDELOG_TRY(const std::uint64_t end, size());
  if (end == 0) {
    // What its index files may hold is not looked at, and written over: a partition that nobody writes to costs no open
    // file, and little memory.
    begin_empty();
    return base_;
  }
  const std::lock_guard guard(change_mutex_);
  TIDELOG_TRY(const auto fault, fault_in_indexes(end));
  if (fault) {
    report_index(*fault);
    TIDELOG_DO(rebuild_indexes_locked(interval));
  }
  TIDELOG_TRY(const model::offset next_offset, resume_growth(interval));
  indexes_checked_.store(true, std::memory_order_release);
  return next_offset;
}

base::result<model::offset> segment::resume_growth(std::int64_t interval) {
  const auto mine = parts();
  forget_growth();
  offset_entries_.store(mine->offsets.count(), std::memory_order_relaxed);
  time_entries_.store(mine->times.count(), std::memory_order_relaxed);
  TIDELOG_TRY(const auto entry, mine->offsets.last());
  TIDELOG_TRY(const auto last_time, mine->times.last());
  if (last_time) {
    growth_.largest = {last_time->timestamp, last_time->last_offset};
    growth_.last_time_entry = last_time->timestamp;
  }
  const std::uint64_t end = size_.load();
  model::offset next_offset = base_;
  TIDELOG_TRY(const auto file, data());
  const std::uint64_t start = entry ? entry->position : 0;
  batch_walker walker(*file, start, end);
  while (true) {
    auto batch = walker.next();
    if (!batch && batch.error().code.category() == model::batch_category()) {
      return base::fail(errc::corrupt_segment, "{}", batch.error().describe());
    }
    if (!batch) return base::forward_error(batch);
    if (!*batch) return next_offset;
    if (!may_follow(**batch, next_offset, base_)) {
      return base::fail(errc::corrupt_segment, "{}: no sound header at position {}", file->name(),
                        walker.position());
    }
    grow(**batch, walker.position(), interval);
    next_offset = (*batch)->next_offset();
  }
}

base::result<std::optional<trusted_start>> segment::find_trusted_start(model::offset trusted_below,
                                                                       const scan_interrupt& interrupt) {
  if (trusted_below <= base_) return std::nullopt;
  auto found = trusted_start_by_index(trusted_below, interrupt);
  if (!found && found.error().code == errc::corrupt_index) return std::nullopt;
  return found;
}

base::result<std::optional<trusted_start>> segment::trusted_start_by_index(model::offset trusted_below,
                                                                           const scan_interrupt& interrupt) {
  // What had not been synced may be anything, so each file is taken as far as it rises only.
  const auto mine = parts();
  TIDELOG_TRY(const auto offset_file, mine->offsets.load());
  TIDELOG_TRY(const auto time_file, mine->times.load());
  if (offset_file == offset_index::file_state::missing || time_file == time_index::file_state::missing)
    return std::nullopt;
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  TIDELOG_TRY(auto offsets, mine->offsets.read_rising());
  const auto may_be_kept = [&](const auto& each) {
    return each.last_offset < trusted_below && each.position < end;
  };
  while (!offsets.empty() && !may_be_kept(offsets.back())) offsets.pop_back();
  if (offsets.empty()) return std::nullopt;
  batch_checker checker(*file, end, interrupt);
  const auto batch = checker.check(offsets.back().position);
  if (!batch && batch.error().code.category() != model::batch_category())
    return tl::unexpected(batch.error());
  if (!batch || batch->last_offset() != offsets.back().last_offset) return std::nullopt;
  const batch_place place{offsets.back().position, offsets.back().position + batch->size_bytes(),
                          batch->base_offset(), batch->next_offset()};

  TIDELOG_TRY(auto times, mine->times.read_rising());
  while (!times.empty() && times.back().last_offset >= place.base_offset) times.pop_back();
  if (times.empty()) return std::nullopt;
  TIDELOG_TRY(const auto fault, fault_in_last_time(times.back(), place.position));
  if (fault) return std::nullopt;
  return trusted_start{place, offsets.size(), times.size(), times.back()};
}

base::result<scan_outcome> segment::begin_scan(const std::optional<trusted_start>& start) {
  const auto mine = parts();
  forget_growth();
  scan_outcome begun;
  begun.next_offset = base_;
  if (!start) {
    mine->offsets.replace({});
    mine->times.replace({});
    return begun;
  }
  TIDELOG_DO(mine->offsets.keep_first(start->offset_entries));
  TIDELOG_DO(mine->times.keep_first(start->time_entries));
  begun.end_position = start->at.position;
  begun.next_offset = start->at.base_offset;
  offset_entries_.store(start->offset_entries, std::memory_order_relaxed);
  time_entries_.store(start->time_entries, std::memory_order_relaxed);
  growth_.largest = {start->last_time.timestamp, start->last_time.last_offset};
  growth_.last_time_entry = start->last_time.timestamp;
  return begun;
}

template <class Take>
base::result<bool> segment::walk_trusted(const io::file& file, batch_checker& checker,
                                         model::offset trusted_below, scan_outcome& outcome, Take take) {
  batch_walker walker(file, outcome.end_position, checker.end());
  while (outcome.next_offset < trusted_below) {
    auto batch = walker.next();
    if (batch && !*batch) return true;
    if (batch && may_follow(**batch, outcome.next_offset, base_)) {
      TIDELOG_DO(take(**batch));
      continue;
    }
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    TIDELOG_TRY(const auto behind,
                batch_search(checker, base_)
                    .chain_behind({outcome.end_position, outcome.next_offset, trusted_below, trusted_below}));
    if (!behind) {
      outcome.ends_in_what_was_synced = true;
      return false;
    }
    report_damage({outcome.end_position, behind->position, outcome.next_offset, behind->base_offset});
    outcome.end_position = behind->position;
    outcome.next_offset = behind->base_offset;
    walker.go_on_at(behind->position);
  }
  return true;
}

base::result<scan_outcome> segment::scan(const std::optional<trusted_start>& from,
                                         model::offset trusted_below, std::int64_t interval,
                                         const scan_interrupt& interrupt) {
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  const std::lock_guard guard(change_mutex_);
  TIDELOG_TRY(scan_outcome outcome, begin_scan(from));
  const auto take = [&](const model::record_batch_header& batch) {
    grow(batch, outcome.end_position, interval);
    write_index_entries_locked();
    if (batch.base_offset() > outcome.next_offset || batch.record_count() <= batch.last_offset_delta()) {
      outcome.has_been_compacted = true;
    }
    outcome.end_position += batch.size_bytes();
    outcome.next_offset = batch.next_offset();
    return interrupt();
  };

  batch_checker checker(*file, end, interrupt);
  TIDELOG_TRY(bool goes_on, walk_trusted(*file, checker, trusted_below, outcome, take));
  const std::uint64_t checked_from = outcome.end_position;
  while (goes_on && outcome.end_position < end) {
    auto batch = checker.check(outcome.end_position);
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    goes_on = batch && may_follow(*batch, outcome.next_offset, base_);
    if (goes_on) TIDELOG_DO(take(*batch));
  }
  if (!goes_on) {
    TIDELOG_TRY(const auto behind,
                batch_search(checker, base_)
                    .batch_behind({.damaged_at = outcome.end_position, .expected = outcome.next_offset}));
    if (behind) outcome.behind = behind->base_offset;
    const auto broken = checker.check(outcome.end_position);
    if (!broken && broken.error().code.category() != model::batch_category())
      return tl::unexpected(broken.error());
    outcome.verdict = scan_verdict::damaged_batch;
    if (!behind && !broken) {
      TIDELOG_TRY(outcome.verdict, verdict_on(broken.error(), checker, outcome.end_position));
    }
  }
  size_.store(outcome.end_position, std::memory_order_release);
  // Others may have met what is cut off now; appends will be there.
  forget_damage_from(outcome.end_position);
  note_own(checked_from, outcome.end_position);
  indexes_checked_.store(true, std::memory_order_release);
  return outcome;
}

base::status segment::cut(std::uint64_t size, model::offset next_offset, std::int64_t interval) {
  const std::lock_guard guard(change_mutex_);
  const auto mine = parts();
  size_.store(size, std::memory_order_release);
  auto kept = mine->offsets.keep_where(
      [&](const auto& each) { return each.last_offset < next_offset && each.position < size; });
  if (kept) kept = mine->times.keep_where([&](const auto& each) { return each.last_offset < next_offset; });
  if (!kept) {
    base::say_warning("{}", kept.error().describe());
    TIDELOG_DO(rebuild_indexes_locked(interval));
  }
  // Appends go on here even if it had been closed.
  sealed_.store(false, std::memory_order_release);
  sealed_largest_.reset();
  forget_damage_from(size);
  TIDELOG_DO(resume_growth(interval));
  return {};
}

}  // namespace tidelog::storage
