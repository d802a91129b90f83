// Taking records away: from the end (truncation) and from the beginning (DeleteRecords).
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::storage {
namespace {

constexpr model::offset everything(std::numeric_limits<std::int64_t>::max());

}  // namespace

base::status log::truncate_to(model::offset end) {
  core& c = *core_;
  abort_cleaning();
  base::status outcome;
  {
    const std::lock_guard structure(c.structure_mutex);
    const std::lock_guard commits(c.commit_mutex);
    const std::lock_guard appends(c.append_mutex);
    TIDELOG_DO(c.check_online());
    if (end >= log_end_offset()) return {};
    outcome = c.truncate_journal(end);
    if (outcome) {
      outcome = end < c.tail().segments->all.front()->base_offset() ? c.start_over_locked(end)
                                                                    : c.truncate_locked(end);
    }
    if (!outcome) {
      c.mark_failed_sync();
      c.go_offline(outcome.error());
    }
  }
  if (outcome) {
    c.fail_waiters_above(log_end_offset());
  } else {
    c.announce_offline();
  }
  return outcome;
}

base::status log::truncate_fully_and_start_at(model::offset start) {
  core& c = *core_;
  abort_cleaning();
  base::status outcome;
  {
    const std::lock_guard structure(c.structure_mutex);
    const std::lock_guard commits(c.commit_mutex);
    const std::lock_guard appends(c.append_mutex);
    TIDELOG_DO(c.check_online());
    outcome = c.truncate_journal(start);
    if (outcome) outcome = c.start_over_locked(start);
    if (!outcome) {
      c.mark_failed_sync();
      c.go_offline(outcome.error());
    }
  }
  if (outcome) {
    c.fail_waiters_above(start);
  } else {
    c.announce_offline();
  }
  return outcome;
}

base::status log::core::truncate_locked(model::offset wanted_end) {
  touched = true;
  const log_tail now = tail();
  auto kept = std::make_shared<segment_list>(*now.segments);
  const std::size_t count = kept->floor(wanted_end) + 1;
  const std::vector<std::shared_ptr<segment>> gone(kept->all.begin() + static_cast<std::ptrdiff_t>(count),
                                                   kept->all.end());
  kept->all.resize(count);
  segment& last = kept->active();
  TIDELOG_TRY(const std::uint64_t size, last.size());
  TIDELOG_TRY(const auto place, last.find(wanted_end, size, index_interval_bytes.load()));
  // A batch stays or goes as a whole.
  const batch_boundary cut =
      place ? batch_boundary{place->position, place->base_offset} : batch_boundary{size, wanted_end};
  const model::offset end = std::min(cut.next_offset, wanted_end);

  TIDELOG_DO(remove_segments(gone));
  TIDELOG_TRY(const auto file, last.data());
  TIDELOG_DO(file->truncate(cut.position));
  note_written(last, file);
  TIDELOG_DO(last.cut(cut.position, end, index_interval_bytes.load()));
  TIDELOG_DO(last.sync());
  TIDELOG_DO(environment.files.sync_directory(directory));
  {
    const std::lock_guard guard(tail_mutex);
    log_mark mark{end, last.base_offset(), cut.position, tail_state.end.total_bytes};
    tail_state.segments = kept;
    tail_state.end = mark;
    tail_state.journaled = {};
    // Bytes that were counted and are gone leave no trace in the count of what became readable.
    if (tail_state.committed.offset > end) {
      tail_state.committed = mark;
    } else {
      tail_state.end.total_bytes = std::max(mark.total_bytes, tail_state.committed.total_bytes);
    }
    ++tail_state.generation;
    ++tail_state.layout;
    cleaned_end.store(std::min(cleaned_end.load(), end.value()));
    log_end.store(end.value());
    committed_end.store(tail_state.committed.offset.value());
    recovery_point.store(std::min(recovery_point.load(), end.value()));
    whole_sync_end.store(model::no_offset.value());
  }
  if (end.value() < log_start.load()) log_start.store(end.value());
  if (to_do != nullptr) std::erase_if(to_do->snapshots, [&](const auto& each) { return each.at > end; });
  TIDELOG_DO(truncate_history(*kept, end));
  // Only now, when they are among the open ones again.
  const std::lock_guard guard(tail_mutex);
  forget_ended(end, everything);
  return {};
}

base::status log::core::truncate_history(const segment_list& kept, model::offset end) {
  const std::lock_guard guard(epochs_mutex);
  epochs.truncate_from_end(end);
  current_epoch = epochs.latest_epoch().value_or(model::no_leader_epoch);
  // An open cuts the file to the end of the log too, so on a full disk an old one does no harm.
  if (auto flushed = epochs.flush(environment.files, directory);
      !flushed && !io::is_out_of_space(flushed.error().code)) {
    return flushed;
  }
  TIDELOG_TRY(auto snapshots, list_producer_snapshots(environment.files, directory));
  return restore_producers_and_epochs(kept, end, std::move(snapshots));
}

base::status log::core::remove_segments(std::span<const std::shared_ptr<segment>> gone) {
  const base::unix_ms now_ms = environment.clock.now_ms();
  // The last one first: whenever this is interrupted, what is left has no hole.
  for (auto each = gone.rbegin(); each != gone.rend(); ++each) {
    TIDELOG_DO((*each)->rename_deleted());
    to_be_done().deleted.push_back({*each, now_ms});
  }
  return {};
}

base::status log::core::start_over_locked(model::offset start) {
  touched = true;
  const log_tail now = tail();
  auto fresh = std::make_shared<segment_list>();
  TIDELOG_DO(remove_segments(now.segments->all));
  fresh->all.push_back(std::make_shared<segment>(*this, start));
  TIDELOG_DO(fresh->active().create_data());
  fresh->active().note_written_ms(environment.clock.now_ms());
  TIDELOG_DO(environment.files.sync_directory(directory));
  {
    const std::lock_guard guard(tail_mutex);
    const log_mark mark{start, start, 0, tail_state.end.total_bytes};
    tail_state = {std::move(fresh), mark, mark, {}, tail_state.generation + 1, tail_state.layout + 1};
    cleaned_end.store(std::min(cleaned_end.load(), start.value()));
    log_start.store(start.value());
    log_end.store(start.value());
    committed_end.store(start.value());
    recovery_point.store(start.value());
    whole_sync_end.store(model::no_offset.value());
  }
  if (to_do != nullptr) to_do->snapshots.clear();
  producers.clear();
  publish_open_transaction({});
  {
    const std::lock_guard guard(tail_mutex);
    forget_ended(model::offset(0), everything);
  }
  TIDELOG_DO(remove_producer_snapshots_above(environment.files, directory, model::no_offset));
  const std::lock_guard guard(epochs_mutex);
  epochs.clear();
  current_epoch = model::no_leader_epoch;
  return epochs.flush(environment.files, directory);
}

base::status log::advance_log_start(model::offset start) {
  core& c = *core_;
  // What only the journal has would not join a log that a crash lets begin at `start`. The high watermark is asked before:
  // what the journal makes of it later has not been flushed.
  const model::offset readable = high_watermark();
  if (c.account_if_any() && start > recovery_point() && start <= readable) TIDELOG_DO(flush());
  const std::lock_guard structure(c.structure_mutex);
  {
    const std::lock_guard appends(c.append_mutex);
    TIDELOG_DO(c.check_online());
    if (start <= log_start_offset()) return {};
    if (start > readable) {
      return base::fail(errc::offset_out_of_range, "{}: {} is above the high watermark {}",
                        c.directory.native(), start.value(), readable.value());
    }
    c.touched = true;
    c.log_start.store(start.value());
    const std::lock_guard guard(c.epochs_mutex);
    c.epochs.truncate_from_start(start);
  }
  auto removed = c.remove_segments_below(start, core::active_segment::stays);
  if (!removed) return base::forward_error(removed);
  return {};
}

base::result<std::size_t> log::remove_deleted_files(base::unix_ms now_ms, std::size_t most) {
  core& c = *core_;
  const std::lock_guard structure(c.structure_mutex);
  std::vector<core::deleted_segment> due;
  {
    const std::lock_guard guard(c.append_mutex);
    if (c.to_do == nullptr) return 0;
    auto& deleted = c.to_do->deleted;
    auto first_kept = std::ranges::find_if(
        deleted, [&](const auto& each) { return now_ms - each.since_ms < c.config->file_delete_delay_ms; });
    const auto count = static_cast<std::size_t>(first_kept - deleted.begin());
    first_kept = deleted.begin() + static_cast<std::ptrdiff_t>(std::min(count, most));
    due.assign(std::make_move_iterator(deleted.begin()), std::make_move_iterator(first_kept));
    deleted.erase(deleted.begin(), first_kept);
  }
  base::status outcome;
  std::erase_if(due, [&](const auto& each) {
    auto removed = each.files->remove_files();
    const bool is_gone = removed.has_value();
    if (!is_gone && outcome) outcome = std::move(removed);
    return is_gone;
  });
  const std::lock_guard guard(c.append_mutex);
  // What could not be removed is tried again.
  auto& deleted = c.to_be_done().deleted;
  deleted.insert(deleted.begin(), due.begin(), due.end());
  TIDELOG_DO(std::move(outcome));
  return deleted.size();
}

}  // namespace tidelog::storage
