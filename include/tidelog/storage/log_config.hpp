#pragma once
// What a topic's configuration says to its logs, in Kafka's terms. The names are those of the topic configs with dots
// for underscores; defaults are Kafka's but for flush_messages.

#include <cstdint>
#include <limits>
#include <memory>

namespace tidelog::storage {

/// Stands for "never" in the flush settings.
inline constexpr std::int64_t never_flush = std::numeric_limits<std::int64_t>::max();

/// cleanup.policy: what happens to old records. Both may hold.
struct cleanup_policies {
  bool remove = true;    ///< "delete": by retention_ms and retention_bytes
  bool compact = false;  ///< "compact": only the latest record of a key is kept
  friend bool operator==(const cleanup_policies&, const cleanup_policies&) = default;
};

struct log_config {
  /// A segment that would grow beyond this is closed and a new one begun.
  std::int64_t segment_bytes = 1'073'741'824;
  /// A segment is also closed when a batch is this much later than the segment's first.
  std::int64_t segment_ms = 604'800'000;
  /// segment_ms is shortened by a random part of this, so that partitions do not all roll at once.
  std::int64_t segment_jitter_ms = 0;
  /// The most bytes of one index file; a segment whose index is full is closed.
  std::int64_t segment_index_bytes = 10'485'760;
  /// About one index entry for so many bytes of batches.
  std::int64_t index_interval_bytes = 4'096;
  /// Segments whose newest record is older are deleted; -1: never.
  std::int64_t retention_ms = 604'800'000;
  /// The oldest segments are deleted while the log is larger than this by at least one of them; -1: never.
  std::int64_t retention_bytes = -1;
  cleanup_policies cleanup;
  /// A compacted log is cleaned when this part of it is new, 0 to 1.
  double min_cleanable_dirty_ratio = 0.5;
  /// Records younger than this are not cleaned.
  std::int64_t min_compaction_lag_ms = 0;
  /// Records older than this are cleaned however small their part is.
  std::int64_t max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();
  /// Tombstones stay for so long after a cleaning has first met them.
  std::int64_t delete_retention_ms = 86'400'000;
  /// 1: an append counts when it is on disk, and the high watermark waits for that. N: fewer than N records count that are
  /// not on disk, those beyond wait for a sync. never_flush: left to the kernel, and the high watermark is the log's end.
  std::int64_t flush_messages = 1;
  /// Unsynced records are synced after this time; never_flush: no time.
  std::int64_t flush_ms = never_flush;
  /// In a segment that has grown by so much another snapshot of the producers is written, and its indexes are put on disk: a
  /// recovery begins there and not where the segment does. Kafka has nothing like it.
  std::int64_t snapshot_stretch_bytes = 67'108'864;
  /// Files of deleted segments stay for so long under another name.
  std::int64_t file_delete_delay_ms = 60'000;

  /// An acknowledgement means on disk.
  [[nodiscard]] bool is_durable() const { return flush_messages <= 1; }
  friend bool operator==(const log_config&, const log_config&) = default;
};
/// Never null. Shared by logs that are configured alike.
using log_config_ptr = std::shared_ptr<const log_config>;

}  // namespace tidelog::storage
