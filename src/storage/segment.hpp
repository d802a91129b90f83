#pragma once
// One segment of a log: a file of batches and its two indexes. A sealed segment costs almost nothing until it is used:
// its files are opened and its indexes looked at the first time somebody looks something up.
//
// Threads: lookups from anywhere. note_batch(), seal() and everything else that says "writer" are called by whoever
// holds the log's append mutex.

#include "checked_ranges.hpp"
#include "recovery_log.hpp"
#include "scan_interrupt.hpp"
#include "sparse_index.hpp"
#include "whole_sync.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/base/small_mutex.hpp"
#include "tidelog/io/compact_path.hpp"
#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/log.hpp"
#include "tidelog/storage/scrubbing.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace tidelog::storage {

/// "00000000000000001530" and a suffix such as ".log".
[[nodiscard]] std::string segment_file_name(model::offset base, std::string_view suffix);

inline constexpr const char* data_suffix = ".log";
/// After the names of all files of a segment: deleted and waiting for its removal, being written by the cleaner, and
/// written whole by it and about to take the place of what it was made from.
inline constexpr const char* deleted_suffix = ".deleted";
inline constexpr const char* cleaned_suffix = ".cleaned";
inline constexpr const char* swap_suffix = ".swap";

/// Why a scan of a segment ended.
enum class scan_verdict {
  complete,          ///< every batch is good
  torn_tail,         ///< the file ends inside a batch
  zero_filled_tail,  ///< nothing but zeros from here on: laid out, never written
  damaged_batch,     ///< what is here is no good batch
};
[[nodiscard]] std::string_view name_of(scan_verdict verdict);

struct scan_outcome {
  scan_verdict verdict = scan_verdict::complete;
  std::uint64_t end_position = 0;  ///< of the last good batch
  model::offset next_offset{};
  /// Offsets are missing between the batches that were looked at or in them, which only a cleaning does.
  bool has_been_compacted = false;
  /// The end is one of what had been synced: bit rot up to there, with nothing behind it that can be kept.
  bool ends_in_what_was_synced = false;
  /// The first offset of the batches that lie behind the end; nothing when there are none.
  std::optional<model::offset> behind;
};

/// Bytes that are no good batches although they were synced once. Readers pass over them.
struct damaged_range {
  std::uint64_t position = 0;
  std::uint64_t end_position = 0;                ///< where the next good batch begins, or the segment ends
  model::offset first_offset{};                  ///< the offset after the batch before
  model::offset next_offset = model::no_offset;  ///< of the batch behind; no_offset when there is none
};
using damaged_ranges = std::vector<damaged_range>;

struct batch_place {
  std::uint64_t position = 0;
  std::uint64_t end_position = 0;
  model::offset base_offset{};
  model::offset next_offset{};
};

/// Where a scan may begin: before it batches and indexes had been synced.
struct trusted_start {
  batch_place at;              ///< of the last index entry
  std::size_t offset_entries;  ///< which are kept, with that one
  std::size_t time_entries;
  time_index_entry last_time;
};

/// Between two batches: where the next one begins, or will begin.
struct batch_boundary {
  std::uint64_t position = 0;
  model::offset next_offset{};
};

/// What of a segment a reader may get in one piece: from `position`, which lies behind damage that is passed over.
struct sound_stretch {
  std::uint64_t position = 0;
  batch_boundary end{};
};

struct timed_batch {
  model::timestamp timestamp = model::no_timestamp;
  model::offset last_offset = model::no_offset;
};

/// What time lookups go by: nothing in a batch that compaction has emptied, whose header goes on telling it.
[[nodiscard]] inline model::timestamp indexed_timestamp(const model::record_batch_header& batch) {
  return batch.record_count() > 0 ? batch.max_timestamp() : model::no_timestamp;
}

class batch_checker;

/// What the segments of a log share.
struct segment_home {
  const log_environment environment;
  const io::compact_path directory;
  recovery_log findings{};  ///< what is found wrong
  /// Of some segment something is kept in memory for its files.
  std::atomic<bool> has_parts{false};
};

class segment {
 public:
  /// `name_suffix` is a literal: "" or one of those above. `home` outlives it.
  segment(segment_home& home, model::offset base, const char* name_suffix = "");
  segment(const segment&) = delete;
  segment& operator=(const segment&) = delete;

  [[nodiscard]] model::offset base_offset() const { return base_; }
  /// Bytes of batches; asks the file once if nobody knows yet.
  [[nodiscard]] base::result<std::uint64_t> size(io::patience reader = io::patience::waits_for_disk);
  [[nodiscard]] base::result<std::shared_ptr<io::file>> data(
      io::patience reader = io::patience::waits_for_disk) {
    return parts()->data.get(reader);
  }
  [[nodiscard]] base::result<std::shared_ptr<io::file>> create_data();

  // Lookups. `end` is where the batches end that the caller may see; `interval` is index.interval.bytes. They fail
  // with errc::corrupt_segment or an errno. A wrong index is made again from the batches on the way; damage that is met
  // is reported once and passed over. A `reader` without patience gets EAGAIN instead of all that may wait for the disk.
  // An `interrupt`, where there is one, is asked between batches and before each MiB that is read, and its failure is theirs;
  // what an index that was being made again has lost by that shows when it is looked at the next time.

  /// The first batch whose last offset is not below `target`; nothing when there is none before `end`.
  [[nodiscard]] base::result<std::optional<batch_place>> find(
      model::offset target, std::uint64_t end, std::int64_t interval,
      io::patience reader = io::patience::waits_for_disk, const scan_interrupt& interrupt = {});
  /// The last place between two batches that is not beyond `limit`, going on from `from`, which is one; `from` itself
  /// when the next batch is longer.
  [[nodiscard]] base::result<batch_boundary> last_boundary(
      std::uint64_t from, std::uint64_t limit, std::uint64_t end,
      io::patience reader = io::patience::waits_for_disk);
  /// What can be read from `position` on, where a batch begins: whole batches up to the next damage, no more bytes than
  /// `most_bytes` but at least one batch. Its position is the end's when all is damaged. What an earlier run has written is
  /// checked before it is given out the first time, a piece of it for each call; that takes patience.
  [[nodiscard]] base::result<sound_stretch> readable_from(std::uint64_t position, batch_boundary end,
                                                          std::uint64_t most_bytes, io::patience reader);
  /// The damage at `position`, where no good batch begins, from now on known. Fails with corrupt_index when no batch
  /// should begin there.
  [[nodiscard]] base::result<damaged_range> damage_at(std::uint64_t position,
                                                      const scan_interrupt& interrupt = {});
  /// What is known; nullptr when there is none.
  [[nodiscard]] std::shared_ptr<const damaged_ranges> known_damage() const;
  /// A batch whose header is good, but not the rest.
  void note_damaged_batch(const batch_place& where);
  /// Reads what was synced of the segment, up to `end`, past the page cache, and checks every batch; what is noticed comes
  /// into `read` but for what is missing behind the segment. Damage is from then on known. Returns the offset behind the last
  /// batch; nothing where that tells nothing, since it is damaged, or offsets are left out between batches, as compaction
  /// does. Fails with operation_canceled when told to stop, or with an errno.
  [[nodiscard]] base::result<std::optional<model::offset>> scrub(std::uint64_t end, const scrub_pace& go_on,
                                                                 scrubbed_segment& read);
  /// The batch at `position`.
  [[nodiscard]] base::result<batch_place> batch_at(std::uint64_t position, std::uint64_t end,
                                                   io::patience reader = io::patience::waits_for_disk);
  /// The largest timestamp in the segment and the batch that has it first; no_timestamp when there is none.
  [[nodiscard]] base::result<timed_batch> largest_timestamp(std::int64_t interval);
  /// Where to begin to look for a record with a timestamp of at least `at`: no such record is in a batch before the one
  /// returned.
  [[nodiscard]] base::result<model::offset> time_floor(model::timestamp at, std::int64_t interval);

  // Writer: the active segment.

  /// Takes the files at their word, after a clean stop, and returns the offset after the last batch. Fails with
  /// errc::corrupt_segment when the batches after the last index entry are none.
  [[nodiscard]] base::result<model::offset> load_active(std::int64_t interval);
  /// Checks all batches from the one that holds `trusted_below` on, and walks over those before by their headers, passing
  /// over damage that a chain of batches follows: from where `from` says, or from the segment's beginning, with the indexes
  /// made anew. Cuts nothing, but only what is good counts as the segment's size afterwards.
  /// Fails as `interrupt` does, which is asked between batches and before each MiB that is read.
  [[nodiscard]] base::result<scan_outcome> scan(const std::optional<trusted_start>& from,
                                                model::offset trusted_below, std::int64_t interval,
                                                const scan_interrupt& interrupt);
  /// The last entry of those that had been synced; nothing where they are of no use. Before others have the segment.
  [[nodiscard]] base::result<std::optional<trusted_start>> find_trusted_start(
      model::offset trusted_below, const scan_interrupt& interrupt);
  /// A new segment: no files to be looked at.
  void begin_empty();
  /// A batch has been written at the end of the segment. Now and then this writes a block of index entries.
  void note_batch(const model::record_batch_header& batch, std::int64_t interval);
  /// The end of what is valid, after a truncation of the file by the caller. `next_offset` is what comes next there.
  [[nodiscard]] base::status cut(std::uint64_t size, model::offset next_offset, std::int64_t interval);

  /// Adds the closing time entry, completes and trims the index files: nothing is appended any more. An index that
  /// cannot be written is only reported, since it can be made again.
  void complete_indexes();
  /// A segment that is left to others has all its files, be they empty.
  [[nodiscard]] base::status create_missing_files();
  void mark_sealed() { sealed_.store(true, std::memory_order_release); }
  void mark_active() { sealed_.store(false, std::memory_order_release); }
  [[nodiscard]] bool is_sealed() const { return sealed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool index_is_full(std::int64_t index_bytes) const;
  /// What segment.ms counts from: the largest timestamp of the first batch; nothing in an empty segment or where it
  /// has none.
  [[nodiscard]] base::result<std::optional<model::timestamp>> first_timestamp();

  // The index of rolled-back transactions (segment_transactions.cpp).

  /// The segment has such a file, found by who listed the directory. Otherwise nobody looks for one.
  void note_aborted_index() { aborted_.store(aborted_index::there); }
  [[nodiscard]] bool has_aborted() const {
    return aborted_.load(std::memory_order_relaxed) != aborted_index::none;
  }
  /// Adds to `found` those that have ended at `from` or later and begun before `end`. True when no later segment can have
  /// such. What cannot be read of the file is reported once and passed over; fails with an errno.
  [[nodiscard]] base::result<bool> find_aborted(model::offset from, model::offset end,
                                                std::vector<aborted_transaction>& found, io::patience reader);
  /// All; what cannot be read is reported.
  [[nodiscard]] base::result<std::vector<aborted_transaction>> all_aborted();
  /// Those that have ended at `from` or later. What else there is may be the rest of one that was being written.
  [[nodiscard]] base::result<std::vector<aborted_transaction>> aborted_from(model::offset from);
  // Writer. They leave the file to be synced by sync(), and note that in `mark`, the log's. After a failure any part of
  // what was to be written may be there.
  [[nodiscard]] base::status add_aborted(const aborted_transaction& entry, written_mark& mark);
  /// In place of those that have ended at `from` or later.
  [[nodiscard]] base::status replace_aborted(model::offset from, std::span<const aborted_transaction> by,
                                             written_mark& mark);

  // Syncing.

  /// The data file has been written to through `file`; it stays open until a sync has confirmed that.
  void mark_dirty(const std::shared_ptr<io::file>& file);
  /// Syncs what was written before the call: data, the index of rolled-back transactions, and the others of a sealed
  /// segment. Of a segment whose files have been
  /// removed, nothing, which is no failure. What `written` says is on disk is left alone; the mark is of the whole log, and
  /// noted before mark_dirty() and after complete_indexes().
  [[nodiscard]] base::status sync(const written_mark* written = nullptr);
  /// Puts the entries of all batches so far on disk; appends go on meanwhile.
  [[nodiscard]] base::status sync_indexes_so_far();
  /// Puts the index files on disk as they are, where there are any: after a crash nobody knows whether they were.
  [[nodiscard]] base::status sync_index_files();
  /// Lets go of the data file where the mark says that all that was written is on disk. Not while it is being synced.
  void let_go_if_on_disk(const written_mark& written);

  // Deletion and replacement.

  /// Gives the files their names with another suffix, the data file first; who has one open, or opens it later, is not
  /// disturbed.
  [[nodiscard]] base::status rename_to_suffix(const char* suffix);
  [[nodiscard]] base::status rename_deleted() { return rename_to_suffix(deleted_suffix); }
  [[nodiscard]] base::status remove_files();
  /// Lets go of descriptors that nobody uses.
  void close_files();
  /// Also of what is kept in memory for the files, until they are used. Not while somebody uses them, or has written what is
  /// not synced. Nobody appends meanwhile.
  void forget_files();
  /// The same where nobody has used them since the last such call; index entries that wait in memory are written before.
  /// Returns whether nothing is kept. Only one thread calls it.
  [[nodiscard]] bool rest_if_unused();
  /// When the segment was written to last; asks the file once if nobody knows yet. Stands in for the time of records that
  /// have none.
  [[nodiscard]] base::result<base::unix_ms> written_ms();
  void note_written_ms(base::unix_ms now_ms) { written_ms_.store(now_ms, std::memory_order_relaxed); }
  /// The same for who finds the file after a restart.
  [[nodiscard]] base::status set_written_ms(base::unix_ms then_ms);

 private:
  struct file_parts {
    /// With parts_mutex_ held.
    explicit file_parts(const segment& of);
    cached_file data;
    offset_index offsets;
    time_index times;
    cached_file aborted;
  };
  enum class aborted_index : std::uint8_t { none, there, damaged };
  /// What the next index entry depends on.
  struct growth {
    std::uint64_t bytes_since_entry = 0;
    timed_batch largest;
    model::timestamp last_time_entry = model::no_timestamp;
    std::optional<model::timestamp> first;
    bool first_known = false;
  };
  static constexpr std::uint64_t unknown_size = ~std::uint64_t{0};
  static constexpr base::unix_ms unknown_time = -1;

  /// They are not forgotten while somebody has them.
  [[nodiscard]] std::shared_ptr<file_parts> parts();
  /// With change_mutex_ and parts_mutex_ held.
  void forget_parts_if_free();
  [[nodiscard]] base::status write_waiting_entries();
  [[nodiscard]] io::path name_of_kind(std::string_view kind) const;
  /// Asks the file system for what is not known yet of size and time.
  [[nodiscard]] base::status learn_facts();
  /// Where the data file is now; known without making the parts.
  [[nodiscard]] io::path data_name();
  [[nodiscard]] bool is_removed();
  /// Syncs the file where it is marked as dirty, unless that is on disk by now.
  [[nodiscard]] base::status sync_if_dirty(std::atomic<bool>& dirty, cached_file file_parts::*file,
                                           const written_mark* written);
  void report_damaged_aborted();
  [[nodiscard]] base::result<std::vector<std::byte>> aborted_bytes();
  /// From entry `at` on, these and no others.
  [[nodiscard]] base::status put_aborted(std::size_t at, std::span<const aborted_transaction> entries,
                                         written_mark& mark);
  [[nodiscard]] base::status check_indexes(std::int64_t interval, const scan_interrupt& interrupt = {});
  /// Nothing when they are right.
  [[nodiscard]] base::result<std::optional<recovery_outcome>> fault_in_indexes(std::uint64_t size);
  [[nodiscard]] base::result<std::optional<recovery_outcome>> look_for_fault(std::uint64_t size);
  /// With change_mutex_ held.
  [[nodiscard]] base::result<std::optional<time_index_entry>> last_time_locked(std::int64_t interval);
  void report_index(recovery_outcome what);
  [[nodiscard]] base::result<std::optional<recovery_outcome>> fault_in_last_time(const time_index_entry& last,
                                                                                 std::uint64_t size);
  /// True when a batch from `position` on has a later timestamp than the last entry says.
  [[nodiscard]] base::result<bool> comes_later(const io::file& file, std::uint64_t position,
                                               std::uint64_t size, const time_index_entry& last);
  [[nodiscard]] base::result<bool> names_its_batch(const time_index_entry& entry, std::int64_t interval);
  [[nodiscard]] base::status rebuild_indexes(std::int64_t interval, const scan_interrupt& interrupt = {});
  [[nodiscard]] base::status rebuild_indexes_locked(std::int64_t interval,
                                                    const scan_interrupt& interrupt = {});
  [[nodiscard]] base::result<std::optional<batch_place>> find_once(model::offset target, std::uint64_t end,
                                                                   std::int64_t interval, io::patience reader,
                                                                   const scan_interrupt& interrupt,
                                                                   bool& index_is_short);
  /// From the last index entry to the end; returns the offset after the last batch.
  [[nodiscard]] base::result<model::offset> resume_growth(std::int64_t interval);
  /// The part of scan() that had been synced; true when the checks may go on at the outcome's end.
  [[nodiscard]] base::result<std::optional<trusted_start>> trusted_start_by_index(
      model::offset trusted_below, const scan_interrupt& interrupt);
  [[nodiscard]] base::result<scan_outcome> begin_scan(const std::optional<trusted_start>& start);
  template <class Take>
  [[nodiscard]] base::result<bool> walk_trusted(const io::file& file, batch_checker& checker,
                                                model::offset trusted_below, scan_outcome& outcome,
                                                Take take);
  void report_damage(const damaged_range& range);
  /// Where the damage ends that begins at `at`, from now on known. survey_mutex_ is held.
  [[nodiscard]] base::result<damaged_range> survey_damage(batch_checker& checker, const batch_boundary& at);
  /// Where to go on when the batch at `at` does not check: behind the damage, or behind the batch if that is good after
  /// all.
  [[nodiscard]] base::result<batch_boundary> pass_damage(const batch_boundary& at);
  void forget_damage_from(std::uint64_t position);
  /// We wrote the batches there, or checked them when the log was opened.
  void note_own(std::uint64_t from, std::uint64_t to);
  [[nodiscard]] bool has_checked(std::uint64_t from, std::uint64_t to) const;
  [[nodiscard]] base::result<sound_stretch> walk_from(std::uint64_t position, batch_boundary end,
                                                      std::uint64_t most_bytes, io::patience reader);
  /// The same where nobody has looked yet: batches whose records do not check are damage, too.
  [[nodiscard]] base::result<sound_stretch> check_from(std::uint64_t position, batch_boundary end,
                                                       std::uint64_t most_bytes, io::patience reader);
  void forget_growth();
  void grow(const model::record_batch_header& batch, std::uint64_t position, std::int64_t interval);
  void add_time_entry();
  void write_index_entries_locked();
  void complete_indexes_locked();

  segment_home& home_;
  const model::offset base_;
  std::atomic<std::uint64_t> size_{unknown_size};
  std::atomic<base::unix_ms> written_ms_{unknown_time};
  std::atomic<bool> sealed_{false};
  std::atomic<bool> dirty_{false};
  std::atomic<bool> indexes_dirty_{false};
  std::atomic<bool> indexes_checked_{false};
  std::atomic<bool> indexes_rebuilt_{false};
  std::atomic<aborted_index> aborted_{aborted_index::none};
  std::atomic<bool> aborted_dirty_{false};
  bool parts_used_ = false;  ///< guarded by parts_mutex_

  base::small_mutex parts_mutex_;
  /// Held while entries are added and while the indexes are made anew.
  base::small_mutex change_mutex_;
  mutable base::small_mutex damage_mutex_;
  /// One survey at a time.
  base::small_mutex survey_mutex_;

  std::atomic<std::uint64_t> offset_entries_{0};
  std::atomic<std::uint64_t> time_entries_{0};
  std::shared_ptr<file_parts> parts_;  ///< guarded by parts_mutex_
  const char* name_suffix_;            ///< guarded by parts_mutex_
  growth growth_;
  std::optional<timed_batch> sealed_largest_;
  /// Guarded by damage_mutex_, as what follows.
  std::shared_ptr<const damaged_ranges> damage_;
  /// Batches that are known to be good: what we wrote, most of all, and what readers have checked since.
  std::uint32_t own_from_ = 0;
  std::uint32_t own_to_ = 0;
  std::unique_ptr<checked_ranges> checked_;
};

}  // namespace tidelog::storage
