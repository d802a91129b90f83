// Appending: from a validated batch in somebody's buffer to bytes in the active segment.
#include "commit_journal.hpp"
#include "log_core.hpp"
#include "write_back_stretch.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <limits>
#include <random>

namespace tidelog::storage {
namespace {

/// Positions in the offset index have 31 bits.
[[nodiscard]] std::uint64_t most_segment_bytes(const log_config& config) {
  return static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(config.segment_bytes, 0, std::numeric_limits<std::int32_t>::max()));
}

[[nodiscard]] std::int64_t random_part_of(std::int64_t most) {
  if (most <= 0) return 0;
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_int_distribution<std::int64_t>(0, most)(random);
}

}  // namespace

base::result<appended> log::append(base::byte_span batch, const append_options& options) {
  core& c = *core_;
  std::uint64_t newly_readable = 0;
  base::result<appended> outcome;
  while (true) {
    {
      const std::lock_guard guard(c.append_mutex);
      outcome = c.append_locked(batch, options, newly_readable);
    }
    if (outcome || !io::would_wait(outcome.error()) || options.patience == io::patience::never_waits) break;
    TIDELOG_DO(c.refill_producer(batch));
  }
  if (!outcome) {
    if (outcome.error().code == errc::log_offline) c.announce_offline();
    return outcome;
  }
  if (newly_readable > 0) c.announce(newly_readable);
  return outcome;
}

base::result<appended> log::core::append_locked(base::byte_span bytes, const append_options& options,
                                                std::uint64_t& newly_readable) {
  TIDELOG_DO(check_takes_appends());
  TIDELOG_TRY(const auto batch, model::parse_only_record_batch(bytes));
  const model::offset base(log_end.load(std::memory_order_relaxed));
  model::set_base_offset(bytes, base);
  model::set_partition_leader_epoch(bytes, options.leader_epoch);
  if (batch.last_offset_delta() < 0 || batch.next_offset() <= base) {
    return base::fail(errc::invalid_batch, "last offset delta {}", batch.last_offset_delta());
  }
  if (bytes.size() > most_segment_bytes(*config)) {
    return base::fail(errc::batch_too_large, "{} bytes, a segment has {}", bytes.size(),
                      most_segment_bytes(*config));
  }

  appended result;
  result.log_start_offset = model::offset(log_start.load(std::memory_order_relaxed));
  const bool stamped_here = batch.timestamp_type() == model::timestamp_type::log_append_time;
  const auto of_producer = producer_batch_of(batch);
  if (of_producer) {
    TIDELOG_TRY(const auto original, admit(*of_producer, options));
    if (original) {
      result.outcome = append_outcome::duplicate;
      result.base_offset = original->base_offset;
      result.last_offset = original->last_offset;
      if (stamped_here) result.log_append_time = original->timestamp;
      return result;
    }
  }

  TIDELOG_TRY(const log_mark end, store_locked(bytes, of_producer));
  newly_readable = publish_end(end);
  result.base_offset = base;
  result.last_offset = batch.last_offset();
  if (stamped_here) result.log_append_time = batch.max_timestamp();

  if (durable.load(std::memory_order_relaxed)) {
    make_durable(bytes, base, end);
  } else if (has_too_many_unsynced(end.offset)) {
    want_sync(sync_scope::everything);
  }
  return result;
}

base::status log::core::check_takes_appends() const {
  TIDELOG_DO(check_online());
  if (closed) return base::fail(errc::closed, "{}", directory.native());
  if (seat.journal && seat.journal->is_refusing() && durable.load(std::memory_order_relaxed)) {
    return base::fail(errc::journal_failed, "{}", directory.native());
  }
  return {};
}

base::result<log_mark> log::core::store_locked(base::byte_view bytes,
                                               const std::optional<producer_batch>& of_producer) {
  TIDELOG_TRY(const auto batch, model::parse_only_record_batch(bytes));
  log_tail now = tail();
  TIDELOG_TRY(const bool roll_first, must_roll(now.segments->active(), now.end, batch));
  if (roll_first) {
    TIDELOG_DO(roll_locked());
    now = tail();
  }
  segment& active = now.segments->active();
  const auto rolled_back = of_producer ? aborted_by(*of_producer) : std::nullopt;
  auto written = rolled_back ? write_aborted(active, *rolled_back) : base::status();
  if (written) written = write_batch(active, now.end, bytes);
  if (!written && rolled_back) written = take_back(active, *rolled_back, written.error());
  if (!written) return base::forward_error(written);
  active.note_batch(batch, index_interval_bytes.load(std::memory_order_relaxed));
  const base::unix_ms now_ms = environment.clock.now_ms();
  active.note_written_ms(now_ms);
  touched = true;
  if (of_producer) record_producer(*of_producer, now_ms);
  if (const auto epoch = batch.partition_leader_epoch(); epoch != current_epoch) {
    const std::lock_guard guard(epochs_mutex);
    epochs.assign(epoch, batch.base_offset());
    current_epoch = epoch;
  }
  const auto stretch = static_cast<std::uint64_t>(std::max<std::int64_t>(config->snapshot_stretch_bytes, 1));
  const std::uint64_t stretches_before = now.end.position / stretch;
  now.end.offset = batch.next_offset();
  now.end.position += bytes.size();
  if (now.end.position / stretch > stretches_before) take_snapshot(now);
  now.end.total_bytes += bytes.size();
  return now.end;
}

void log::core::take_snapshot(const log_tail& now) {
  // Of those inside a segment the newest is enough.
  auto& snapshots = to_be_done().snapshots;
  if (!snapshots.empty() && snapshots.back().at > now.end.segment_base) snapshots.pop_back();
  snapshots.push_back({now.end.offset, producers.snapshot()});
}

std::uint64_t log::core::publish_end(const log_mark& end) {
  const std::lock_guard guard(tail_mutex);
  tail_state.end = end;
  log_end.store(end.offset.value(), std::memory_order_release);
  if (has_too_many_unsynced(end.offset) || tail_state.committed.offset >= end.offset) return 0;
  const std::uint64_t newly_readable = end.total_bytes - tail_state.committed.total_bytes;
  tail_state.committed = end;
  committed_end.store(end.offset.value(), std::memory_order_release);
  forget_ended(model::offset(0), end.offset);
  return newly_readable;
}

bool log::core::has_too_many_unsynced(model::offset end) const {
  const std::int64_t most = flush_messages.load(std::memory_order_relaxed);
  return durable.load(std::memory_order_relaxed) ||
         (most != never_flush && end.value() - recovery_point.load() >= most);
}

void log::core::note_written(segment& where, const std::shared_ptr<io::file>& file) {
  last_write.note();
  where.mark_dirty(file);
}

base::status log::core::write_batch(segment& active, const log_mark& end, base::byte_view batch) {
  TIDELOG_TRY(const auto file, active.data());
  auto written = file->write_at(batch, end.position);
  if (written) {
    note_written(active, file);
    // What is durable is synced soon enough.
    if (!durable.load(std::memory_order_relaxed))
      begin_write_back_of_stretches(*file, end.position, end.position + batch.size());
    return {};
  }
  // Whatever part of the batch is there now must not come between this end and the next batch.
  const auto cut = file->truncate(end.position);
  note_written(active, file);
  if (cut && io::is_out_of_space(written.error().code)) return written;
  if (!cut) {
    base::say_error("{}: after a failed write ({}) the segment could not be cut back: {}", directory.native(),
                    written.error().describe(), cut.error().describe());
  }
  go_offline(written.error());
  return check_online();
}

base::result<bool> log::core::must_roll(segment& active, const log_mark& end,
                                        const model::record_batch_header& batch) {
  if (end.position == 0) return false;
  if (end.position + batch.size_bytes() > most_segment_bytes(*config)) return true;
  if (batch.last_offset() - active.base_offset() > std::numeric_limits<std::int32_t>::max()) return true;
  if (active.index_is_full(config->segment_index_bytes)) return true;
  // The active segment is never cleaned, so it may not hold a record for longer than that either.
  const std::int64_t segment_ms = config->cleanup.compact
                                      ? std::min(config->segment_ms, config->max_compaction_lag_ms)
                                      : config->segment_ms;
  const std::int64_t age_limit = segment_ms - std::min(roll_jitter_ms, segment_ms);
  TIDELOG_TRY(const auto first, active.first_timestamp());
  if (first) return batch.max_timestamp() - *first > age_limit;
  return environment.clock.now_ms() - active_since_ms > age_limit;
}

base::status log::core::roll_locked() {
  const log_tail now = tail();
  if (now.end.position == 0) return {};
  segment& old = now.segments->active();
  TIDELOG_DO(mark_cut_dirty(old));
  auto next = std::make_shared<segment>(*this, now.end.offset);
  if (auto made = next->create_data(); !made) return undo_roll(*next, made.error());
  const base::unix_ms now_ms = environment.clock.now_ms();
  note_new_name();
  next->note_written_ms(now_ms);
  active_since_ms = now_ms;
  old.complete_indexes();
  last_write.note();
  old.mark_sealed();
  to_be_done().snapshots.push_back({now.end.offset, producers.snapshot()});
  draw_roll_jitter();
  touched = true;

  auto segments = std::make_shared<segment_list>(*now.segments);
  const model::offset base = next->base_offset();
  segments->all.push_back(std::move(next));
  {
    const std::lock_guard guard(tail_mutex);
    tail_state.segments = std::move(segments);
    tail_state.end.segment_base = base;
    tail_state.end.position = 0;
    if (tail_state.committed.offset == base) tail_state.committed = tail_state.end;
  }
  if (durable.load()) want_sync(sync_scope::everything);
  if (roll_listener) roll_listener();
  return {};
}

base::status log::core::mark_cut_dirty(segment& active) {
  if (!active_may_have_been_cut) return {};
  TIDELOG_TRY(const auto file, active.data());
  note_written(active, file);
  active_may_have_been_cut = false;
  return {};
}

void log::core::draw_roll_jitter() {
  roll_jitter_ms = random_part_of(config->segment_jitter_ms);
}

base::status log::core::undo_roll(segment& begun, const base::error& reason) {
  // The active segment goes on, and no file may say that it ends here, also not after a power cut.
  auto removed = begun.remove_files();
  if (removed) removed = environment.files.sync_directory(directory);
  if (removed) return tl::unexpected(reason);
  base::say_error("{}: a segment could neither be begun ({}) nor removed: {}", directory.native(),
                  reason.describe(), removed.error().describe());
  go_offline(reason);
  return check_online();
}

base::status log::roll() {
  const std::lock_guard guard(core_->append_mutex);
  TIDELOG_DO(core_->check_online());
  return core_->roll_locked();
}

base::status log::core::check_online() const {
  if (!offline.load(std::memory_order_acquire)) return {};
  const std::lock_guard guard(offline_mutex);
  return base::fail(errc::log_offline, "{}", offline_reason->describe());
}

}  // namespace tidelog::storage
