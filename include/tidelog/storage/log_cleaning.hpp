#pragma once
// What a log is asked and told when it is compacted: log::compaction_need() and log::clean().

#include "tidelog/model/types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace tidelog::storage {

/// How much of a compacted log is new since its last cleaning.
struct compaction_need {
  /// Below, each key has one record at most (and tombstones that wait for their horizon).
  model::offset first_dirty{};
  /// From here on nothing may be cleaned yet: the active segment; what is not committed; what a transaction keeps open;
  /// what is younger than min.compaction.lag.ms.
  model::offset first_uncleanable{};
  std::uint64_t clean_bytes = 0;
  std::uint64_t dirty_bytes = 0;
  /// Overdue: the oldest dirty record is older than max.compaction.lag.ms.
  enum class urgency { by_ratio, overdue } urgency = urgency::by_ratio;

  [[nodiscard]] double dirty_ratio() const {
    const std::uint64_t all = clean_bytes + dirty_bytes;
    return all == 0 ? 0 : static_cast<double>(dirty_bytes) / static_cast<double>(all);
  }
};

/// What one cleaning may take.
struct cleaning_resources {
  /// For the keys; taken while the cleaning lasts, and no more than the log's dirty part can need.
  std::size_t most_map_bytes = 128 * 1024 * 1024;
  /// How full the table of keys may get, 0 to 1.
  double map_load_factor = 0.9;
  /// For reading, and as much for writing.
  std::size_t buffer_bytes = 256 * 1024;
  /// Told of bytes that have been read or are going to be written; returns how long to wait before going on. May be empty.
  std::function<std::chrono::nanoseconds(std::uint64_t bytes)> charge{};
};

/// What a cleaning has done.
struct cleaning_report {
  /// The part that was dirty and is clean now.
  model::offset from{};
  model::offset upto{};
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::int64_t records_before = 0;
  std::int64_t records_after = 0;
  std::int64_t records_without_key = 0;
  std::size_t segments_before = 0;
  std::size_t segments_after = 0;
  /// Memory for the keys ended the dirty part early: another cleaning goes on from there.
  enum class extent { all_that_was_cleanable, as_far_as_memory_went } reach = extent::all_that_was_cleanable;
};

}  // namespace tidelog::storage
