// A log comes to life: taken at its word after a clean stop, checked and cut after another.
#include "aborted_replay.hpp"
#include "log_core.hpp"
#include "partition_files.hpp"
#include "sound_walker.hpp"
#include "transaction_markers.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::storage {

base::status log::core::open(start_kind start) {
  // Also for the segment that is there: after a start, too, partitions are not to roll all at once.
  draw_roll_jitter();
  auto found = tidy_partition_directory(environment.files, directory, findings);
  const bool there = found || found.error().code != std::errc::no_such_file_or_directory;
  if (!there) {
    TIDELOG_DO(environment.files.make_directories(directory));
    parent_dirty.store(true);
    note_new_name();
    found = partition_files{};
  }
  if (!found) return base::forward_error(found);
  active_since_ms = environment.clock.now_ms();
  segment_list segments;
  segments.all.reserve(std::max<std::size_t>(found->bases.size(), 1));
  for (const model::offset base : found->bases) {
    segments.all.push_back(std::make_shared<segment>(*this, base));
    segments.all.back()->mark_sealed();
    if (std::ranges::binary_search(found->transaction_indexes, base))
      segments.all.back()->note_aborted_index();
  }
  // Who made the directory or its first segment may have died before their names were on disk.
  if (there && ((start != start_kind::clean && !names_are_on_disk) || found->has_failed_sync_marker)) {
    note_new_name();
    parent_dirty.store(true);
  }
  if (found->has_epochs) load_epochs();

  if (segments.all.empty()) {
    touched = true;
    // Where segments have been lost, their offsets have been seen: no other records may have them.
    const model::offset first(std::max(log_start.load(), recovery_point.load()));
    if (recovery_point.load() > log_start.load()) report_lost_end(model::offset(log_start.load()), first);
    segments.all.push_back(std::make_shared<segment>(*this, first));
    TIDELOG_DO(segments.all.back()->create_data());
    segments.all.back()->note_written_ms(active_since_ms);
    note_new_name();
    if (there) TIDELOG_DO(sync_names());
    TIDELOG_DO(restore_producers_and_epochs(segments, first, std::move(found->snapshots)));
    return adopt(std::move(segments), first);
  }
  if (found->has_failed_sync_marker) {
    TIDELOG_DO(believe_failed_sync_marker());
    start = start_kind::unclean;
  }
  if (start == start_kind::clean) {
    auto end = segments.active().load_active(index_interval_bytes.load());
    const model::offset was_on_disk(recovery_point.load());
    if (end && *end < was_on_disk) {
      end = base::fail(errc::corrupt_segment, "{} ends at offset {} instead of {}", directory.native(),
                       end->value(), was_on_disk.value());
    }
    if (end) {
      TIDELOG_DO(restore_producers_and_epochs(segments, *end, std::move(found->snapshots)));
      return adopt(std::move(segments), *end);
    }
    if (end.error().code != errc::corrupt_segment) return base::forward_error(end);
    base::say_error("{}, although the stop was clean; the segment is checked", end.error().describe());
    // All had been synced, so nothing that can be kept is cut.
    return recover(segments, {.begin = segments.active().base_offset(),
                              .trusted_below = model::offset(std::numeric_limits<std::int64_t>::max()),
                              .indexes_trusted_below = {},
                              .was_on_disk = was_on_disk});
  }
  const model::offset point(recovery_point.load());
  const model::offset indexes_end = end_of_synced_indexes(segments, found->snapshots, point);
  TIDELOG_DO(write_again(segments, point, indexes_end));
  TIDELOG_DO(sync_names());
  if (found->has_failed_sync_marker) TIDELOG_DO(remove_failed_sync_marker(environment.files, directory));
  return recover(segments, {point, point, indexes_end, point});
}

void log::core::load_epochs() {
  const auto file = epochs.load(environment.files, directory);
  has_epoch_checkpoint = file && *file == leader_epoch_cache::file_state::loaded;
  if (file) return;
  base::say_warning("epochs are taken from the batches: {}", file.error().describe());
  findings.add({.what = recovery_outcome::damaged_epoch_checkpoint,
                .file = directory / leader_epoch_cache::file_name});
}

base::status log::core::check_wanted() const {
  if (given_up == nullptr || !given_up->load(std::memory_order_relaxed)) return {};
  return base::fail(errc::opening_given_up, "{}", directory.native());
}

base::status log::core::restore_producers_and_epochs(const segment_list& segments, model::offset end,
                                                     std::vector<model::offset> snapshots) {
  const base::unix_ms now_ms = environment.clock.now_ms();
  // What lies below the log start in its segment is gone for readers, but not its sequences.
  const model::offset first = segments.all.front()->base_offset();
  producers.clear();
  std::vector<model::offset> damaged_snapshots;
  TIDELOG_TRY(
      const model::offset replay_from,
      load_newest_producer_snapshot(environment.files, directory, {std::move(snapshots), first, end, now_ms},
                                    producers, damaged_snapshots));
  for (const model::offset at : damaged_snapshots) {
    findings.add({.what = recovery_outcome::damaged_snapshot,
                  .file = directory / producer_snapshot_name(at),
                  .first_offset = at});
  }
  epochs.truncate_from_end(end);
  TIDELOG_TRY(const bool is_complete,
              epochs_reach_back(segments, std::max(first, model::offset(log_start.load()))));
  if (!has_epoch_checkpoint || !is_complete) TIDELOG_DO(rebuild_epochs(segments));
  for (std::size_t at = segments.floor(replay_from); at < segments.all.size(); ++at) {
    // Also where there is nothing to be read, entries may be left of what was cut off.
    if (replay_from < end || segments.all[at]->has_aborted())
      TIDELOG_DO(replay_segment(*segments.all[at], replay_from, end, now_ms));
  }
  publish_open_transaction({});
  if (const auto latest = epochs.latest_epoch()) current_epoch = *latest;
  return {};
}

/// The epochs' file may have followed a log start that a crash took back.
base::result<bool> log::core::epochs_reach_back(const segment_list& segments, model::offset first) {
  if (epochs.entries().empty() || epochs.entries().front().start_offset <= first) return true;
  const model::offset known_from = epochs.entries().front().start_offset;
  for (std::size_t at = segments.floor(first); at < segments.all.size(); ++at) {
    segment& each = *segments.all[at];
    TIDELOG_TRY(const std::uint64_t end, each.size());
    auto place =
        each.find(first, end, index_interval_bytes.load(), io::patience::waits_for_disk, still_wanted());
    if (!place && place.error().code != errc::corrupt_segment) return base::forward_error(place);
    if (place && *place) return (*place)->base_offset >= known_from;
  }
  return true;
}

/// Epochs never go down, so a segment is walked only where the next one begins with another.
base::status log::core::rebuild_epochs(const segment_list& segments) {
  model::leader_epoch next_epoch = model::no_leader_epoch;
  std::vector<epoch_entry> found;
  for (auto each = segments.all.rbegin(); each != segments.all.rend(); ++each) {
    TIDELOG_TRY(const std::uint64_t end, (*each)->size());
    // Where nothing has ever been written, no file is to be opened for it.
    if (end == 0) continue;
    TIDELOG_TRY(const auto file, (*each)->data());
    sound_walker walker(**each, *file, 0, end, io::patience::waits_for_disk, still_wanted());
    std::vector<epoch_entry> of_segment;
    while (true) {
      TIDELOG_TRY(const auto batch, walker.next());
      if (!batch) break;
      const model::leader_epoch epoch = batch->partition_leader_epoch();
      if (of_segment.empty() || of_segment.back().epoch != epoch) {
        of_segment.push_back({epoch, batch->base_offset()});
      }
      if (epoch == next_epoch) break;
    }
    if (!of_segment.empty()) next_epoch = of_segment.front().epoch;
    found.insert(found.end(), of_segment.rbegin(), of_segment.rend());
  }
  for (auto each = found.rbegin(); each != found.rend(); ++each)
    epochs.assign(each->epoch, each->start_offset);
  has_epoch_checkpoint = true;
  return {};
}

base::status log::core::replay_segment(segment& from, model::offset replay_from, model::offset end,
                                       base::unix_ms now_ms) {
  TIDELOG_TRY(auto known, from.aborted_from(replay_from));
  aborted_replay rolled_back(std::move(known));
  if (replay_from < end) TIDELOG_DO(replay_batches(from, replay_from, now_ms, rolled_back));
  const auto entries = rolled_back.finish(end);
  if (!from.has_aborted() && entries.empty()) return {};
  if (!from.has_aborted()) note_new_name();
  TIDELOG_DO(from.replace_aborted(replay_from, entries, last_write));
  // The recovery point is past it already.
  auto synced = from.sync();
  if (synced) synced = sync_names();
  if (!synced) mark_failed_sync();
  return synced;
}

base::status log::core::replay_batches(segment& from, model::offset replay_from, base::unix_ms now_ms,
                                       aborted_replay& rolled_back) {
  TIDELOG_TRY(const std::uint64_t end, from.size());
  std::uint64_t position = 0;
  if (replay_from > from.base_offset()) {
    auto place = from.find(replay_from, end, index_interval_bytes.load(), io::patience::waits_for_disk,
                           still_wanted());
    // Damage in the middle of what was confirmed is met by who reads there; the log opens.
    if (!place && place.error().code == errc::corrupt_segment) {
      base::say_error("{}", place.error().describe());
      return {};
    }
    if (!place) return base::forward_error(place);
    if (!*place) return {};
    position = (*place)->position;
  }
  TIDELOG_TRY(const auto file, from.data());
  sound_walker walker(from, *file, position, end, io::patience::waits_for_disk, still_wanted());
  while (true) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch) return {};
    epochs.assign(batch->partition_leader_epoch(), batch->base_offset());
    rolled_back.pass(*batch);
    auto of_producer = producer_batch_of(*batch);
    if (!of_producer) continue;
    TIDELOG_TRY(const auto marker, marker_at(*file, walker.position(), *batch));
    if (marker) of_producer->take(*marker);
    if (of_producer->outcome == model::transaction_outcome::aborted)
      rolled_back.take(aborted_by(*of_producer));
    producers.record_replayed(*of_producer, now_ms);
  }
}

base::status log::core::adopt(segment_list&& segments, model::offset end) {
  const model::offset first = std::max(segments.all.front()->base_offset(), model::offset(log_start.load()));
  TIDELOG_TRY(const std::uint64_t size, segments.active().size());
  auto shared = std::make_shared<segment_list>(std::move(segments));
  // Sealed is all but the last; cut() wants to know what may still be appended to.
  shared->active().mark_active();
  shared->active().forget_files();
  const log_mark mark{end, shared->active().base_offset(), size, 0};
  {
    const std::lock_guard guard(tail_mutex);
    tail_state = {std::move(shared), mark, mark, {}, tail_state.generation, tail_state.layout};
  }
  epochs.truncate_from_start(first);
  log_start.store(first.value());
  log_end.store(end.value());
  committed_end.store(end.value());
  recovery_point.store(end.value());
  cleaned_end.store(std::min(cleaned_end.load(), end.value()));
  if (first <= end) return {};
  // Records were deleted that the log has lost by other ways since: it goes on where readers expect it to.
  base::say_warning("{}: the log ends at offset {}, below its start {}; it goes on there", directory.native(),
                    end.value(), first.value());
  const std::lock_guard commits(commit_mutex);
  const std::lock_guard appends(append_mutex);
  return start_over_locked(first);
}

base::result<std::unique_ptr<log>> log::open(const log_environment& environment, const io::path& directory,
                                             log_config_ptr config, const log_open_options& options) {
  auto parts = std::make_unique<core>(environment, directory, std::move(config), options);
  TIDELOG_DO(parts->open(options.start));
  // From here on somebody may be at work for the log, which a failure has to wait for.
  std::unique_ptr<log> opened(new log(std::move(parts)));
  if (options.journal) TIDELOG_DO(opened->core_->take_seat(*options.journal));
  return opened;
}

}  // namespace tidelog::storage
