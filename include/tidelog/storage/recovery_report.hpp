#pragma once
// What was found when a log was opened, and later when it was read: each state of the files has its own name. The table
// in docs/on-disk-format.md ("Recovery") tells what is done about each.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tidelog::storage {

enum class recovery_outcome {
  clean,             ///< nothing to report
  stale_checkpoint,  ///< batches lay above the recovery point; all were checked and are good
  newer_checkpoint,  ///< the log ends below the recovery point: what was on disk is gone, it goes on there
  torn_tail,         ///< the last segment ended inside a batch, nothing good behind it; cut off
  zero_filled_tail,  ///< the last segment ended in zeros; cut off
  damaged_batch,     ///< past the recovery point a batch did not check; the log ends before it
  missing_segment,   ///< past the recovery point a segment begins behind the end of the one before
  overlapping_segments,  ///< past the recovery point a segment begins before the end of the one before
  damaged_range,         ///< bit rot in what had been synced: passed over by readers, what follows is served
  damaged_end,           ///< the same up to the end of what had been synced: the log goes on behind it
  index_missing,
  index_short,  ///< entries are missing at its end, or between
  index_long,   ///< entries reach behind the segment's end
  index_wrong,  ///< entries name batches that are not there
  damaged_epoch_checkpoint,
  damaged_snapshot,
  leftover_deleted,       ///< NAME.deleted, removed
  leftover_cleaned,       ///< NAME.cleaned, removed
  leftover_swap,          ///< NAME.swap took the place of what it covers
  leftover_swap_dropped,  ///< NAME.swap of a cleaning that had not come that far, removed
  orphaned_index,         ///< an index without its segment, removed
  set_aside_before,       ///< a file that an earlier recovery has set aside is still there
  replayed_from_journal,  ///< batches that only the commit journal had; appended
};
inline constexpr std::size_t recovery_outcome_count =
    static_cast<std::size_t>(recovery_outcome::replayed_from_journal) + 1;
/// In words, for messages and metrics.
[[nodiscard]] std::string_view name_of(recovery_outcome outcome);

struct recovery_event {
  recovery_outcome what = recovery_outcome::clean;
  io::path file{};
  /// The offsets that are concerned, from `first_offset` to before `next_offset`; no_offset where they are not known.
  model::offset first_offset = model::no_offset;
  model::offset next_offset = model::no_offset;
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;
  /// Where the bytes have been set aside; empty when nothing was.
  io::path set_aside{};
};

/// Of one log, in the order of finding. Only the first few events are kept, all are counted.
struct recovery_report {
  std::vector<recovery_event> events;
  std::uint64_t events_counted = 0;
  std::uint64_t files_set_aside = 0;
  std::uint64_t bytes_set_aside = 0;
  std::uint64_t damaged_ranges = 0;
  std::uint64_t indexes_rebuilt = 0;

  /// The first event of that name, or nullptr.
  [[nodiscard]] const recovery_event* find(recovery_outcome what) const;
  [[nodiscard]] bool has(recovery_outcome what) const { return find(what) != nullptr; }
  /// What the open amounts to: the first event that tells of lost or damaged records, else the first of all, else clean.
  [[nodiscard]] recovery_outcome outcome() const;
};

}  // namespace tidelog::storage
