// After a stop that was not clean: what lies past the recovery point is checked, and the log ends where the first batch
// does not check. What stands behind that is set aside, never served and never dropped.
#include "batch_search.hpp"
#include "log_core.hpp"
#include "set_aside.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

[[nodiscard]] recovery_outcome outcome_of(const scan_outcome& scan) {
  if (scan.ends_in_what_was_synced) return recovery_outcome::damaged_end;
  switch (scan.verdict) {
    case scan_verdict::torn_tail:
      return recovery_outcome::torn_tail;
    case scan_verdict::zero_filled_tail:
      return recovery_outcome::zero_filled_tail;
    case scan_verdict::complete:
    case scan_verdict::damaged_batch:
      break;
  }
  return recovery_outcome::damaged_batch;
}

/// They can be made again, so a failure is no more than reported.
void sync_indexes_of(segment& of) {
  if (auto synced = of.sync_index_files(); !synced)
    base::say_warning("index may have to be made again: {}", synced.error().describe());
}

/// For a message: where the bytes went.
[[nodiscard]] std::string fate_of(const recovery_event& event) {
  return event.set_aside.empty() ? std::string("are cut off; no batch is among them")
                                 : fmt::format("are set aside in {}", event.set_aside.native());
}

}  // namespace

base::status log::core::recover(segment_list& segments, const recovery_plan& plan) {
  touched = true;
  active_may_have_been_cut = true;
  TIDELOG_TRY(const model::offset end, recover_segments(segments, plan));
  TIDELOG_TRY(auto snapshots, list_producer_snapshots(environment.files, directory));
  TIDELOG_DO(restore_producers_and_epochs(segments, end, std::move(snapshots)));
  return adopt(std::move(segments), end);
}

base::result<model::offset> log::core::recover_segments(segment_list& segments, const recovery_plan& plan) {
  const std::size_t first = segments.floor(plan.begin);
  const std::size_t last_synced =
      segments.floor(model::offset(std::max<std::int64_t>(plan.begin.value() - 1, 0)));
  // Its data was on disk to the end before the indexes were completed.
  if (last_synced < first) sync_indexes_of(*segments.all[last_synced]);
  recovery_progress progress{segments.all[first]->base_offset()};
  for (std::size_t at = first; at < segments.all.size() && !progress.ended; ++at) {
    const model::offset base = segments.all[at]->base_offset();
    if (at > first && base < progress.end) {
      TIDELOG_TRY(const bool dropped, drop_if_never_begun(segments, at));
      if (dropped) {
        --at;
        continue;
      }
    }
    // A gap between two segments is a lost end, unless compaction has made it: Kafka's may take the last records of a
    // segment.
    const bool gap = base > progress.end && progress.end.value() >= cleaned_end.load() &&
                     !progress.previous_has_been_compacted;
    if (at > first && (gap || base < progress.end)) {
      progress.why = gap ? recovery_outcome::missing_segment : recovery_outcome::overlapping_segments;
      TIDELOG_DO(set_aside_after(segments, at, progress));
      break;
    }
    TIDELOG_DO(check_wanted());
    // Only behind what has been compacted may offsets be missing between two segments.
    const bool tells_of_compaction =
        at + 1 < segments.all.size() && (compacted.load() || cleaned_end.load() > 0);
    TIDELOG_DO(recover_segment(*segments.all[at], plan,
                               tells_of_compaction ? model::offset(0) : plan.indexes_trusted_below,
                               progress));
    if (progress.ended) TIDELOG_DO(set_aside_after(segments, at + 1, progress));
  }
  TIDELOG_DO(go_on_behind(segments, plan, progress));
  for (std::size_t at = first; at + 1 < segments.all.size(); ++at) segments.all[at]->complete_indexes();
  if (progress.changed) {
    if (auto synced = sync_recovered(segments, first); !synced) {
      mark_failed_sync();
      return base::forward_error(synced);
    }
  }
  return progress.end;
}

model::offset log::core::end_of_synced_indexes(const segment_list& segments,
                                               std::span<const model::offset> snapshots,
                                               model::offset recovery_point) {
  const auto after = std::ranges::upper_bound(snapshots, recovery_point);
  if (after == snapshots.begin()) return model::offset(0);
  const model::offset newest = *std::prev(after);
  return newest > segments.all[segments.floor(recovery_point)]->base_offset() ? newest : model::offset(0);
}

/// A roll that failed halfway may have left a file in the middle of the segment that went on.
base::result<bool> log::core::drop_if_never_begun(segment_list& segments, std::size_t at) {
  segment& each = *segments.all[at];
  TIDELOG_TRY(const std::uint64_t size, each.size());
  if (size > 0 || at + 1 == segments.all.size()) return false;
  TIDELOG_DO(each.remove_files());
  segments.all.erase(segments.all.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

base::status log::core::recover_segment(segment& each, const recovery_plan& plan,
                                        model::offset indexes_trusted_below, recovery_progress& progress) {
  TIDELOG_TRY(const auto file, each.data());
  TIDELOG_TRY(const std::uint64_t size, file->size());
  TIDELOG_TRY(const auto start, each.find_trusted_start(indexes_trusted_below, still_wanted()));
  if (!start && plan.indexes_trusted_below > each.base_offset()) {
    // The indexes are made again, and what a snapshot inside the segment says of them no longer holds.
    TIDELOG_DO(remove_producer_snapshots_above(environment.files, directory, each.base_offset()));
    TIDELOG_DO(environment.files.sync_directory(directory));
  }
  TIDELOG_TRY(const auto scan,
              each.scan(start, plan.trusted_below, index_interval_bytes.load(), still_wanted()));
  progress.end = std::max(scan.next_offset, each.base_offset());
  progress.previous_has_been_compacted = scan.has_been_compacted;
  progress.damaged_end = scan.ends_in_what_was_synced;
  progress.ended = scan.verdict != scan_verdict::complete;
  if (size > scan.end_position) {
    recovery_event event{.what = outcome_of(scan),
                         .file = file->name(),
                         .first_offset = progress.end,
                         .position = scan.end_position,
                         .bytes = size - scan.end_position};
    progress.why = event.what;
    if (scan.behind || scan.ends_in_what_was_synced) {
      TIDELOG_TRY(event.set_aside,
                  set_tail_aside(environment.files, {directory, each.base_offset(), progress.end}, *file,
                                 scan.end_position, still_wanted()));
    }
    base::say_warning("{}: {} at position {}: the log ends at offset {}; the {} bytes from there on {}",
                      event.file.native(), name_of(event.what), event.position, progress.end.value(),
                      event.bytes, fate_of(event));
    findings.add(std::move(event));
    TIDELOG_DO(file->truncate(scan.end_position));
  }
  if (size > scan.end_position || progress.end > plan.begin) {
    note_written(each, file);
    progress.changed = true;
  }
  return {};
}

base::status log::core::go_on_behind(segment_list& segments, const recovery_plan& plan,
                                     recovery_progress& progress) {
  if (progress.end >= plan.was_on_disk) {
    if (plan.was_on_disk == plan.trusted_below && progress.end > plan.was_on_disk && !progress.ended) {
      findings.add({.what = recovery_outcome::stale_checkpoint,
                    .first_offset = plan.was_on_disk,
                    .next_offset = progress.end});
    }
    return {};
  }
  if (!progress.damaged_end) report_lost_end(progress.end, plan.was_on_disk);
  // Consumers have seen these offsets: no other records may ever have them.
  auto next = std::make_shared<segment>(*this, plan.was_on_disk);
  TIDELOG_DO(next->create_data());
  next->note_written_ms(environment.clock.now_ms());
  segments.all.push_back(std::move(next));
  progress.end = plan.was_on_disk;
  progress.changed = true;
  return {};
}

void log::core::report_lost_end(model::offset end, model::offset was_on_disk) {
  base::say_error("{}: the log ends at offset {}; up to {} it was known to be on disk, and goes on there",
                  directory.native(), end.value(), was_on_disk.value());
  findings.add({.what = recovery_outcome::newer_checkpoint, .first_offset = end, .next_offset = was_on_disk});
}

base::status log::core::set_aside_after(segment_list& segments, std::size_t count,
                                        recovery_progress& progress) {
  if (segments.all.size() <= count) return {};
  progress.ended = true;
  progress.changed = true;
  // The last one first: whenever this is interrupted, what is left has no hole.
  while (segments.all.size() > count) {
    segment& last = *segments.all.back();
    TIDELOG_TRY(const auto file, last.data());
    TIDELOG_TRY(const std::uint64_t bytes, file->size());
    batch_checker checker(*file, bytes, still_wanted());
    const auto first = checker.check(0);
    // What cannot be read is not to be taken for nothing.
    if (!first && first.error().code.category() != model::batch_category())
      return tl::unexpected(first.error());
    bool has_batches = first.has_value();
    if (!has_batches && bytes > 0) {
      TIDELOG_TRY(const auto found, batch_search(checker, last.base_offset())
                                        .batch_behind({.damaged_at = 0, .expected = model::offset(0)}));
      has_batches = found.has_value();
    }
    recovery_event event{
        .what = progress.why, .file = file->name(), .first_offset = last.base_offset(), .bytes = bytes};
    if (has_batches) {
      TIDELOG_TRY(event.set_aside,
                  set_segment_aside(environment.files, {directory, last.base_offset(), progress.end}));
    }
    if (bytes > 0) {
      base::say_warning(
          "{}: {}: the log ends at offset {}, before this segment at offset {}, whose {} bytes {}",
          event.file.native(), name_of(event.what), progress.end.value(), last.base_offset().value(), bytes,
          fate_of(event));
    }
    // Where the data file has got its other name, what goes here are the indexes.
    TIDELOG_DO(last.remove_files());
    findings.add(std::move(event));
    segments.all.pop_back();
  }
  return environment.files.sync_directory(directory);
}

/// What was recovered is going to be served, so it must not be taken back by the next power cut.
base::status log::core::sync_recovered(const segment_list& segments, std::size_t from) {
  for (std::size_t at = from; at < segments.all.size(); ++at) {
    TIDELOG_DO(segments.all[at]->sync());
    // Else a power cut could bring back entries of before, which were of other batches.
    sync_indexes_of(*segments.all[at]);
  }
  note_new_name();
  return sync_names();
}

}  // namespace tidelog::storage
