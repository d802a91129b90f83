#pragma once
// One partition's log in one directory, in Apache Kafka's file format.
//
//   DIRECTORY/BASE.log         record batches back to back; BASE is the first offset, 20 digits
//   DIRECTORY/BASE.index       sparse, offset to position (offset_index.hpp)
//   DIRECTORY/BASE.timeindex   sparse, timestamp to offset (time_index.hpp)
//   DIRECTORY/BASE.txnindex    transactions that were rolled back (transaction_index.hpp)
//   DIRECTORY/OFFSET.snapshot  producer state (producer_snapshot.hpp)
//   DIRECTORY/leader-epoch-checkpoint
//
// Offsets of a log:  log start <= recovery point <= log end,  high watermark <= log end.
// Records from log start to high watermark are served to consumers; what lies below the recovery point is known to be
// on disk in the segments. On a durable topic (flush_messages 1) the high watermark does not pass what a sync has
// confirmed, of the segments or of the commit journal; on others it is the log's end at once.
//
// After a crash: open() with log_open_options::start == start_kind::unclean writes what lies past the recovery point once
// more and syncs it, so that nothing is believed that only the page cache knows. Then it checks every batch from there on
// and ends the log where the first does not check; good batches that stand behind that are set aside in a file next to
// the log. Damage below the recovery point is passed over by readers, whenever it is met; what follows is served. Offset and
// time indexes that are missing or wrong are rebuilt, then or when they are first used. recovery() tells what was found.
//
// Threads: every function may be called from any thread at any time, but open() and close(). Appends are serialised by
// a mutex that is held while the batch is written. Readers take no lock that is held during a write or a sync.
// Functions marked "waits for the disk" belong on a worker pool.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/unique_function.hpp"
#include "tidelog/io/file_slice.hpp"
#include "tidelog/io/patience.hpp"
#include "tidelog/model/types.hpp"
#include "tidelog/storage/group_commit.hpp"
#include "tidelog/storage/journal_file.hpp"
#include "tidelog/storage/leader_epoch_cache.hpp"
#include "tidelog/storage/log_cleaning.hpp"
#include "tidelog/storage/log_config.hpp"
#include "tidelog/storage/open_file_cache.hpp"
#include "tidelog/storage/producer_state.hpp"
#include "tidelog/storage/recovery_report.hpp"
#include "tidelog/storage/scrubbing.hpp"
#include "tidelog/storage/storage_error.hpp"
#include "tidelog/storage/transaction_index.hpp"

#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace tidelog::storage {

/// What all logs of a process share; outlives them.
struct log_environment {
  io::file_system& files;
  open_file_cache& open_files;
  committer& commits;
  const base::clock& clock;
};

class commit_journal;
class whole_sync;

/// A log's place in the commit journal, which it keeps alive.
struct journal_seat {
  std::shared_ptr<commit_journal> journal;
  journal_log_id id;
};

/// How the directory was left by whoever had it before.
enum class start_kind {
  clean,  ///< everything was synced and closed: the files are taken at their word
  /// Anything above the recovery point may be missing or torn, or be in the page cache only.
  unclean,
};

struct log_open_options {
  start_kind start = start_kind::unclean;
  /// From `recovery-point-offset-checkpoint`; 0 when it has no entry.
  model::offset recovery_point{0};
  /// From `log-start-offset-checkpoint`; 0 when it has no entry. The first segment's base counts when it is larger.
  model::offset log_start_offset{0};
  /// From `cleaner-offset-checkpoint`; 0 when it has no entry.
  model::offset cleaned_end{0};
  /// Where small durable appends are acknowledged by; nothing: the segments are synced for each. What the journal has
  /// left of this log is appended by open().
  std::optional<journal_seat> journal{};
  /// What syncs the file system that the log lies on as a whole, for many logs at once; nothing: each syncs its own files.
  /// Outlives the log.
  const whole_sync* whole = nullptr;
  /// After an unclean stop: who has come so far has synced the names in the directory, and its own.
  bool names_are_on_disk = false;
  /// Once it is true a recovery that is under way fails soon, with opening_given_up. Null: nobody gives up.
  const std::atomic<bool>* given_up = nullptr;
};

/// Who appends. A client's batches are checked against the producer state; of the broker's own (control batches too) only
/// the epochs are. All are recorded there.
enum class append_origin { client, internal };

struct append_options {
  /// Goes into the batch and, when it is new, into the epoch cache.
  model::leader_epoch leader_epoch{0};
  append_origin origin = append_origin::client;
  /// Whether old batches of the producer may be read from the disk to tell whether this is one of them.
  io::patience patience = io::patience::waits_for_disk;
  /// What log::markers_taken() said before somebody found out that the batch's transaction is open: a batch that would begin
  /// it here fails with transaction_may_have_ended where that is another number by now. Nothing: it is not asked.
  std::optional<std::uint64_t> verified_at_marker{};
};

enum class append_outcome {
  stored,
  duplicate,  ///< of an idempotent producer's earlier batch; the offsets are the original's
};

struct appended {
  append_outcome outcome = append_outcome::stored;
  model::offset base_offset{};
  model::offset last_offset{};
  /// When the log is stamped by the broker (the batch says so); otherwise no_timestamp.
  model::timestamp log_append_time = model::no_timestamp;
  model::offset log_start_offset{};

  /// What when_committed() is to wait for before the append is acknowledged, for duplicates too.
  [[nodiscard]] model::offset end_offset() const { return last_offset + 1; }
};

/// How far a read may go.
class read_bound {
 public:
  [[nodiscard]] static read_bound high_watermark() { return read_bound(kind::high_watermark, {}); }
  [[nodiscard]] static read_bound log_end() { return read_bound(kind::log_end, {}); }
  /// Below `offset` (the last stable offset); never beyond the high watermark.
  [[nodiscard]] static read_bound before(model::offset offset) { return read_bound(kind::given, offset); }

 private:
  friend class log;
  enum class kind { high_watermark, log_end, given };
  read_bound(kind which, model::offset offset) : kind_(which), offset_(offset) {}
  kind kind_;
  model::offset offset_;
};

struct read_limit {
  std::uint64_t max_bytes = 0;
  /// What becomes of a first batch that is larger than max_bytes.
  enum class oversized_first_batch { leave_out, return_whole };
  oversized_first_batch oversized = oversized_first_batch::return_whole;
};

/// Whole batches of one segment, as they lie in its file. Empty (length 0, no source) when there is nothing to read
/// between the offset asked for and the bound, or nothing within the limit. Goes on being readable whatever happens to
/// the log.
struct read_slice {
  io::file_slice data;
  /// Where to go on: the offset after the last batch; the offset asked for when empty.
  model::offset next_offset{};
};

/// A record found by time.
struct timestamped_offset {
  model::offset offset;
  model::timestamp timestamp;
  model::leader_epoch leader_epoch = model::no_leader_epoch;
};

enum class log_health { online, offline };

/// Told to the progress listener.
struct log_progress {
  model::offset high_watermark{};
  /// As log::first_unstable_offset(), but no more than the high watermark.
  model::offset last_stable{};
  /// Bytes of batches that this step moved the high watermark over.
  std::uint64_t readable_bytes = 0;
  log_health health = log_health::online;
};

struct segment_description {
  model::offset base_offset;
  std::uint64_t size_bytes;
};

enum class retention_rules { age_and_size, size_only };

enum class close_kind {
  clean,    ///< sync data, complete and trim the indexes, write producer state and epochs
  discard,  ///< the directory is about to be deleted, or the disk does not answer: only let go
};

class log {
 public:
  using committed_callback = base::unique_function<void(base::status)>;
  using offline_listener = base::unique_function<void(const base::error&)>;
  using progress_listener = base::unique_function<void(const log_progress&)>;

  /// Opens the log in `directory`, which is made when it is missing. Waits for the disk; after an unclean stop it reads
  /// what lies above the recovery point and syncs it, otherwise its work does not grow with the log.
  /// Fails with an errno, corrupt_segment where the directory makes no sense, or opening_given_up. `environment` outlives
  /// the log.
  [[nodiscard]] static base::result<std::unique_ptr<log>> open(const log_environment& environment,
                                                               const io::path& directory,
                                                               log_config_ptr config,
                                                               const log_open_options& options);
  /// Closes as close_kind::discard when close() was not called. Neither from a callback of this log.
  ~log();
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  /// The directory is as a clean stop leaves it, or the first error that prevented this. Waiters that are left get
  /// errc::closed. No other call is running or comes later. Never from a callback of this log: it waits for those.
  [[nodiscard]] base::status close(close_kind kind);
  /// Where many logs are closed: writes what a clean close leaves, without syncing it. When a sync of the whole file system
  /// has succeeded afterwards, close() has no more than names to change, and another such sync completes it; else close()
  /// does all by itself. Nothing is appended any more.
  enum class prepared_close { by_whole_sync, by_itself };
  [[nodiscard]] base::result<prepared_close> prepare_clean_close();

  // Appending.

  /// Stores one batch, which the caller has validated whole (header, CRC, records); base offset and leader epoch are
  /// written into `batch`. May wait for the kernel to take what is written, never for a sync. Fails with
  /// out_of_order_sequence, invalid_producer_epoch, invalid_txn_state, coordinator_fenced (a marker),
  /// transaction_may_have_ended, batch_too_large (larger than a segment), invalid_batch, log_offline (with the reason),
  /// journal_failed (on a durable topic), or the errno of the write (ENOSPC, …), without patience with EAGAIN; nothing is
  /// in the log then. Who waits here for old batches keeps no other appends.
  [[nodiscard]] base::result<appended> append(base::byte_span batch, const append_options& options);
  /// Calls `done` once the high watermark has reached `end` (at once and on this thread where it has), or with
  /// log_offline or closed. Callbacks for rising ends run in that order, on an appending or a commit thread, outside
  /// every lock: they hand their work on.
  void when_committed(model::offset end, committed_callback done);
  /// Called after each advance of the high watermark and when the log goes offline, outside every lock, from several
  /// threads possibly at once. Set it before the log is shared.
  void set_progress_listener(progress_listener listener);
  /// Called after each roll, under the lock that appends hold: only hands its work on. Set it before the log is shared.
  void set_roll_listener(base::task listener);
  /// Called once, when the log goes offline, with the reason, under locks of the log: only hands it on. Called at once
  /// where the log is offline already.
  void set_offline_listener(offline_listener listener);
  /// Waits for the disk: what was appended before the call is synced, and the high watermark and recovery point have
  /// moved.
  [[nodiscard]] base::status flush();
  /// Asks for a sync when records have been unsynced for flush_ms. Called now and then; cheap.
  void flush_if_due(base::unix_ms now_ms);
  /// On a topic that is not durable, closed segments are put on disk in the background, so that recovery stays short:
  /// those that were closed before the last such call. One that is deleted soon never has to be written. Where so many
  /// segments wait for a sync that too many files are open, all of the log is. Called now and then; cheap.
  void sync_closed_segments();
  /// What a log is found to be that nobody may be using.
  enum class idleness {
    in_use,
    unsynced,          ///< for long; sync_soon() would let it come to rest
    has_come_to_rest,  ///< just now
    at_rest,
  };
  /// A log that nobody has appended to since the last such call lets go of the files and of what it keeps in memory for
  /// those that nobody has read either. Called now and then by one thread; cheap for a log that is at rest already, else it
  /// may wait for the kernel.
  [[nodiscard]] idleness rest_if_idle();
  /// Asks for a sync of all that has been appended.
  void sync_soon();
  /// Closes the active segment and begins a new one; nothing when the active one is empty. Waits for the kernel.
  [[nodiscard]] base::status roll();

  // Reading.

  /// The batches from the one that holds `from` on. Fails with offset_out_of_range when `from` is below the log start or
  /// above the log end; between the bound and the log end there is nothing to read yet. Reads a few KiB of index and
  /// batch headers; without patience it fails with EAGAIN where these are not at hand (io::would_wait()). What it returns
  /// may have to be brought in either way.
  [[nodiscard]] base::result<read_slice> read(model::offset from, const read_limit& limit, read_bound bound,
                                              io::patience reader = io::patience::waits_for_disk);
  /// The transactions that were rolled back of which there may be records from `from` to before `end`, which is no further
  /// than the last stable offset: what a reader of committed records leaves out. Fails as read() where a file has to be
  /// looked at.
  [[nodiscard]] base::result<std::vector<aborted_transaction>> aborted_transactions(
      model::offset from, model::offset end, io::patience reader = io::patience::waits_for_disk);
  /// The first record whose timestamp is at least `at`, below the high watermark; nothing when there is none. Reads
  /// and decompresses a batch: waits for the disk.
  [[nodiscard]] base::result<std::optional<timestamped_offset>> offset_for_timestamp(model::timestamp at);
  /// The first record of those with the largest timestamp. Waits for the disk.
  [[nodiscard]] base::result<std::optional<timestamped_offset>> max_timestamp_offset();

  [[nodiscard]] model::offset log_start_offset() const;
  [[nodiscard]] model::offset log_end_offset() const;
  [[nodiscard]] model::offset high_watermark() const;
  /// Everything below is on disk in the segments.
  [[nodiscard]] model::offset recovery_point() const;
  /// The bytes of all segments. Opens each segment once in the life of the log to ask its size.
  [[nodiscard]] base::result<std::uint64_t> size_bytes();
  [[nodiscard]] std::size_t segment_count() const;
  [[nodiscard]] base::result<std::vector<segment_description>> segments();
  /// What was found wrong with the files, by open() and by readers since.
  [[nodiscard]] recovery_report recovery() const;
  [[nodiscard]] log_health health() const;
  /// Why it is offline; fails with that reason under log_offline.
  [[nodiscard]] base::status check_online() const;
  /// It is offline only because something found no room on the disk: opened again when there is some, it is well.
  [[nodiscard]] bool is_out_of_room() const;
  [[nodiscard]] io::path directory() const;
  [[nodiscard]] log_config config() const;

  // Leader epochs and producers.

  [[nodiscard]] std::optional<model::leader_epoch> latest_epoch() const;
  [[nodiscard]] epoch_end end_offset_for(model::leader_epoch requested) const;
  [[nodiscard]] std::optional<model::leader_epoch> epoch_at(model::offset at) const;
  /// From the log's end on batches carry `epoch`: what a partition says when it becomes leader. Fails with log_offline.
  [[nodiscard]] base::status begin_epoch(model::leader_epoch epoch);
  [[nodiscard]] std::vector<producer_description> producers() const;
  /// Where the first transaction begins that is open, or whose marker is not below the high watermark yet; nothing when
  /// there is none. Cheap, and never waits for an append. Ask for the high watermark first: what is below that is then
  /// taken into account.
  [[nodiscard]] std::optional<model::offset> first_unstable_offset() const;
  /// How many markers of transactions this log has taken since it was opened; 2^32 are 0 again. Never waits for an append.
  [[nodiscard]] std::uint64_t markers_taken() const;
  /// Forgets producers that have been silent for `expiration_ms` (producer.id.expiration.ms); returns how many.
  std::size_t expire_producers(base::unix_ms now_ms, std::int64_t expiration_ms);

  // Changing what is there. All wait for the disk.

  /// Takes effect for what comes next. The high watermark never goes down by it; it goes up to the log's end when the
  /// topic is no longer durable.
  void update_config(const log_config& config);
  /// Removes every record from `end` on, the high watermark with them. Nothing when the log ends before. When it fails
  /// the log is offline.
  [[nodiscard]] base::status truncate_to(model::offset end);
  /// Removes everything; the log goes on at `start`.
  [[nodiscard]] base::status truncate_fully_and_start_at(model::offset start);
  /// Records below `start` are gone for readers (DeleteRecords); segments wholly below are removed. No-op when the log
  /// starts there or later. Fails with offset_out_of_range above the high watermark.
  [[nodiscard]] base::status advance_log_start(model::offset start);
  /// Retention by time and size, and what lies below the log start; returns the number of segments removed. The active
  /// segment may be among them, the log then goes on in a new one.
  [[nodiscard]] base::result<std::size_t> delete_old_segments(
      base::unix_ms now_ms, retention_rules by = retention_rules::age_and_size);
  /// Removes the files of segments that were deleted file_delete_delay_ms ago, of so many at most; returns how many are still
  /// waiting.
  [[nodiscard]] base::result<std::size_t> remove_deleted_files(
      base::unix_ms now_ms, std::size_t most = std::numeric_limits<std::size_t>::max());

  // Looking for damage (docs/operations.md).

  /// Reads the first segment that begins at `from` or later through, as far as it is known to be on disk, past the page
  /// cache, and checks each batch. Damage is reported and passed over by readers from then on, as if one of them had met it.
  /// Nothing when there is no such segment. Ends early when the pace says so or the segment goes. Waits for the disk, and for
  /// the pace.
  [[nodiscard]] std::optional<scrubbed_segment> scrub_segment(model::offset from, const scrub_pace& pace);

  // Compaction (docs/compaction.md).

  /// Nothing when the log is not compacted, or when it does not need a cleaning by its settings. Waits for the disk where
  /// sizes and timestamps of segments are not known yet.
  [[nodiscard]] base::result<std::optional<compaction_need>> needs_compaction(base::unix_ms now_ms);
  /// Cleans what may be cleaned, whether it needs it or not; one call at a time goes on, others wait for it. Appends and
  /// reads go on. Fails with cleaning_aborted when something else that changes segments came between, or the log is not
  /// compacted; closed; log_offline; corrupt_segment, a batch_errc or a compression_errc where a batch cannot be read; or
  /// an errno. After a failure all that was there is there, and when the log is offline then, the disk may be ahead of
  /// it: the next open finds one state or the other, whole.
  [[nodiscard]] base::result<cleaning_report> clean(const cleaning_resources& with);
  /// A cleaning that is under way ends soon, with cleaning_aborted. Never waits.
  void abort_cleaning();
  /// Below, cleanings have been done; for the checkpoint.
  [[nodiscard]] model::offset cleaned_end() const;

 private:
  struct core;
  explicit log(std::unique_ptr<core> parts);

  std::unique_ptr<core> core_;
};

}  // namespace tidelog::storage
