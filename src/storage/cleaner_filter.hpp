#pragma once
// What becomes of one batch in a cleaning:
//
// - A record stays when it is the newest of its key, or lies beyond what the offset map covers. A record without a key
//   has no place in a compacted log and goes.
// - A tombstone (no value) stays until the delete horizon of its batch: the time of the cleaning that first met it plus
//   delete.retention.ms. The horizon stands in the batch: attribute bit 6 says that baseTimestamp is the horizon; the
//   records' timestamp deltas are from it then.
// - Records of a transaction that was rolled back go. The marker of a transaction whose batches have all gone gets a
//   delete horizon too, and goes after it.
// - A batch keeps its base offset, last offset delta, producer and sequence whatever goes from it. One that loses nothing
//   stays byte for byte; another is written anew in its own compression. One that loses everything goes, unless
//   it is the last of an active producer, whose sequence it carries, or the last of a segment, whose end it marks: then
//   its header stays.

#include "cleaner_offset_map.hpp"
#include "cleaner_transactions.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/storage/producer_snapshot.hpp"

#include <unordered_set>

namespace tidelog::storage {

struct filter_rules {
  /// The map holds the newest records of everything below.
  model::offset mapped_end{};
  base::unix_ms now_ms = 0;
  std::int64_t delete_retention_ms = 0;
};

struct filtered_batch {
  enum class fate { unchanged, rebuilt, dropped };
  fate what = fate::unchanged;
  std::vector<std::byte> rebuilt{};  ///< the batch, when it was
  std::int64_t records_kept = 0;
  std::int64_t records_without_key = 0;
};

/// Is given the batches of a log in the order of their offsets, whole segments. Not thread safe.
class batch_filter {
 public:
  /// The references outlive the filter. `producers` as the log knows them.
  batch_filter(const offset_map& newest, const transaction_outcomes& transactions, const filter_rules& rules,
               std::span<const producer_snapshot_entry> producers);

  enum class position { inside, last_of_segment };
  /// Fails with a batch_errc or compression_errc where the records cannot be read.
  [[nodiscard]] base::result<filtered_batch> apply(const model::record_batch_view& batch, position where);

  /// Markers of rolled-back transactions that were dropped, by their offsets, since this was last called.
  [[nodiscard]] std::unordered_set<std::int64_t> take_dropped_markers() {
    return std::move(dropped_markers_);
  }

 private:
  struct producer_end {
    model::offset last_offset;
    model::producer_epoch epoch;
  };
  /// What the first look at the records has found.
  struct survey {
    std::vector<bool> kept;
    std::int64_t kept_count = 0;
    std::size_t kept_bytes = 0;
    std::int64_t without_key = 0;
    bool has_tombstone = false;
    model::timestamp largest = model::no_timestamp;
  };

  [[nodiscard]] bool is_last_of_producer(const model::record_batch_header& batch) const;
  [[nodiscard]] base::result<filtered_batch> apply_to_control(const model::record_batch_view& batch,
                                                              position where);
  [[nodiscard]] base::result<survey> look_at(const model::record_batch_view& batch) const;
  [[nodiscard]] bool stays(const model::record_batch_view& batch, const model::record_view& record) const;
  [[nodiscard]] base::result<std::vector<std::byte>> rebuild(const model::record_batch_view& batch,
                                                             const survey& seen,
                                                             std::optional<base::unix_ms> horizon) const;
  [[nodiscard]] base::unix_ms new_horizon() const;

  const offset_map& newest_;
  const transaction_outcomes& transactions_;
  const filter_rules rules_;
  std::unordered_map<model::producer_id, producer_end> producers_;
  /// Producers with batches in the log since their last marker.
  std::unordered_set<model::producer_id> in_transaction_;
  std::unordered_set<std::int64_t> dropped_markers_;
};

}  // namespace tidelog::storage
