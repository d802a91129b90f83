#pragma once
// One cleaning of one log: the newest offset of each key is gathered from the dirty part, then all segments up to the end
// of that part are written anew in groups, oldest first, and each group takes the place of its segments as soon as it is
// whole. docs/compaction.md tells why every state between two of these steps is a good one.

#include "cleaner_batches.hpp"
#include "cleaner_filter.hpp"
#include "log_core.hpp"

#include <unordered_map>

namespace tidelog::storage {

/// A segment that is being written by the cleaner under names that end in ".cleaned". Removes its files again unless
/// finish() has been called.
class cleaned_segment {
 public:
  /// `home` outlives it.
  cleaned_segment(segment_home& home, model::offset base, std::size_t buffer_bytes,
                  std::int64_t index_interval);
  cleaned_segment(const cleaned_segment&) = delete;
  cleaned_segment& operator=(const cleaned_segment&) = delete;
  ~cleaned_segment();

  [[nodiscard]] base::status begin();
  /// One batch, whole.
  [[nodiscard]] base::status add(base::byte_view batch);
  /// Adds what the index of `from` has of rolled-back transactions, but for those whose marker is in `without`.
  [[nodiscard]] base::status add_aborted_transactions(segment& from,
                                                      const std::unordered_set<std::int64_t>& without);
  /// Whether the page cache is to keep what has been written.
  enum class pages { stay, may_go };
  /// Everything is on disk afterwards, under its temporary names.
  [[nodiscard]] base::result<std::shared_ptr<segment>> finish(pages written);
  [[nodiscard]] std::uint64_t size_bytes() const { return position_ + buffer_.size(); }

 private:
  [[nodiscard]] base::status write_out();
  [[nodiscard]] base::status write(base::byte_view bytes);

  const std::shared_ptr<segment> segment_;
  const std::size_t buffer_bytes_;
  const std::int64_t index_interval_;
  std::shared_ptr<io::file> file_;
  std::vector<std::byte> buffer_;
  std::vector<aborted_transaction> aborted_;
  std::uint64_t position_ = 0;
  bool finished_ = false;
};

/// Lives as long as one call of log::clean().
class log::core::cleaning {
 public:
  cleaning(core& of, const cleaning_resources& with);
  [[nodiscard]] base::result<cleaning_report> perform();
  /// Some that are being cleaned have been removed since it began.
  [[nodiscard]] bool has_lost_segments() const { return tail_.segments && core_.has_lost_oldest_of(tail_); }

 private:
  using segment_span = std::span<const std::shared_ptr<segment>>;

  [[nodiscard]] base::status begin();
  [[nodiscard]] base::status go_on(std::uint64_t bytes);

  [[nodiscard]] base::status map_keys();
  enum class mapping { goes_on, is_full };
  [[nodiscard]] base::result<mapping> map_segment(segment& from);
  [[nodiscard]] base::result<mapping> map_batch(const model::record_batch_view& batch);
  [[nodiscard]] base::status survey_transactions();
  [[nodiscard]] base::status find_last_batches_on_disk();

  [[nodiscard]] base::result<std::size_t> group_at(std::size_t first, std::size_t end) const;
  [[nodiscard]] base::status clean_group(segment_span group);
  enum class segment_place { inside, last_of_group };
  /// Returns how many batches changed.
  [[nodiscard]] base::result<std::size_t> clean_segment(segment& from, segment_place place,
                                                        cleaned_segment& to);
  /// All of `batches` has been read.
  void note_origin(const segment& from, const batch_source& batches);

  core& core_;
  const cleaning_resources& with_;
  std::uint64_t aborts_seen_ = 0;
  log_config config_;
  log_tail tail_;
  compaction_need part_;
  std::vector<producer_snapshot_entry> producers_;
  std::optional<offset_map> map_;
  model::offset mapped_end_{};
  transaction_outcomes transactions_;
  bool transactions_known_ = false;
  std::optional<batch_filter> filter_;
  /// Of the segments that have been read, whether most of it came from the disk the first time.
  std::unordered_map<const segment*, bool> was_cold_;
  cleaning_report report_;
};

}  // namespace tidelog::storage
