#pragma once
// The insides of a log.
//
// Order of the locks, outer first: cleaning_mutex (held through a whole cleaning), structure_mutex (held while segments
// are taken away or replaced), commit_mutex (held through syncs), append_mutex (held through writes), then any one of the
// others, which are held for a few instructions, the journal's lock among them. Callbacks run outside all of them.

#include "journaled_log.hpp"
#include "segment.hpp"

#include "tidelog/base/small_mutex.hpp"
#include "tidelog/io/compact_path.hpp"
#include "tidelog/storage/log.hpp"

#include <atomic>
#include <mutex>

namespace tidelog::storage {

class aborted_replay;
struct journal_leftovers;

[[nodiscard]] inline io::path parent_of(const io::compact_path& of) {
  const io::path directory = of;
  return directory.has_parent_path() ? directory.parent_path() : io::path(".");
}

struct segment_list {
  std::vector<std::shared_ptr<segment>> all;  ///< rising by base; never empty; the last is the active one

  [[nodiscard]] segment& active() const { return *all.back(); }
  /// The last segment that does not begin above `at`; the first when all do.
  [[nodiscard]] std::size_t floor(model::offset at) const;
};

/// What readers and the committer need to agree on, changed and copied under one small lock.
struct log_tail {
  std::shared_ptr<const segment_list> segments;
  log_mark end;
  log_mark committed;  ///< at the high watermark
  /// What the commit journal has: all from run_start to the end, which counts once all before run_start is on disk.
  journal_promise journaled{};
  std::uint64_t generation = 0;  ///< counts truncations
  std::uint64_t layout =
      0;  ///< counts truncations and replacements: remembered positions mean nothing after one
};

/// Where recent reads ended, so that the next one needs no index. Thread safe.
class read_positions {
 public:
  struct place {
    model::offset segment_base;
    std::uint64_t position;
  };
  [[nodiscard]] std::optional<place> find(model::offset at, std::uint64_t layout) const;
  void remember(model::offset at, const place& where, std::uint64_t layout);
  /// Nobody has read for a while.
  void forget();

 private:
  struct entry {
    model::offset at = model::no_offset;
    place where{};
    std::uint64_t layout = 0;
  };
  mutable base::small_mutex mutex_;
  std::uint32_t next_ = 0;
  static constexpr std::size_t most_entries = 16;
  /// As many as there were readers, so that a partition that nobody reads has none.
  std::vector<entry> entries_;
};

struct log::core final : commit_source, journaled_log, segment_home {
  core(const log_environment& shared, const io::path& where, log_config_ptr initial,
       const log_open_options& options);

  // log_open.cpp
  [[nodiscard]] base::status open(start_kind start);
  void load_epochs();
  /// `snapshots`: of producers, that there are.
  [[nodiscard]] base::status restore_producers_and_epochs(const segment_list& segments, model::offset end,
                                                          std::vector<model::offset> snapshots);
  [[nodiscard]] base::result<bool> epochs_reach_back(const segment_list& segments, model::offset first);
  [[nodiscard]] base::status rebuild_epochs(const segment_list& segments);
  /// Of a log that ends at `end`: what lies from `replay_from` on tells of producers, epochs, and what was rolled back.
  [[nodiscard]] base::status replay_segment(segment& from, model::offset replay_from, model::offset end,
                                            base::unix_ms now_ms);
  [[nodiscard]] base::status replay_batches(segment& from, model::offset replay_from, base::unix_ms now_ms,
                                            aborted_replay& rolled_back);
  [[nodiscard]] base::status adopt(segment_list&& segments, model::offset end);

  /// Fails with opening_given_up when nobody wants the log any more.
  [[nodiscard]] base::status check_wanted() const;
  /// That for those who may read for long.
  [[nodiscard]] scan_interrupt still_wanted() const {
    return [this] { return check_wanted(); };
  }

  // log_failed_sync.cpp
  /// What may be in the page cache only is not to be believed by who opens the log next, also where others had it and
  /// stopped cleanly.
  void mark_failed_sync();
  /// The recovery point goes down to where the marker says.
  [[nodiscard]] base::status believe_failed_sync_marker();
  /// Nothing of the log that lies past the recovery point is on disk for certain, whatever reads of it show: it is put
  /// there.
  [[nodiscard]] base::status write_again(const segment_list& segments, model::offset from,
                                         model::offset indexes_trusted_below);
  /// Returns whether there is something to be synced now.
  [[nodiscard]] base::result<bool> write_again(segment& each, model::offset from,
                                               model::offset indexes_trusted_below);

  // log_recover.cpp
  struct recovery_plan {
    model::offset begin{};  ///< the segment that holds it is the first to be looked at
    /// All below had been synced: what is damaged there is bit rot.
    model::offset trusted_below{};
    /// So had the entries of the indexes.
    model::offset indexes_trusted_below{};
    /// The log reached at least to here.
    model::offset was_on_disk{};
  };
  struct recovery_progress {
    model::offset end{};
    bool previous_has_been_compacted = false;
    bool damaged_end = false;
    bool ended = false;    ///< what comes now is behind a hole
    bool changed = false;  ///< something has to be synced
    recovery_outcome why = recovery_outcome::clean;
  };
  [[nodiscard]] base::status recover(segment_list& segments, const recovery_plan& plan);
  [[nodiscard]] base::result<model::offset> recover_segments(segment_list& segments,
                                                             const recovery_plan& plan);
  [[nodiscard]] base::result<bool> drop_if_never_begun(segment_list& segments, std::size_t at);
  /// The newest snapshot up to there inside a segment tells how far the segment's indexes had been synced.
  [[nodiscard]] static model::offset end_of_synced_indexes(const segment_list& segments,
                                                           std::span<const model::offset> snapshots,
                                                           model::offset recovery_point);
  [[nodiscard]] base::status recover_segment(segment& each, const recovery_plan& plan,
                                             model::offset indexes_trusted_below,
                                             recovery_progress& progress);
  /// Where the end of what had been synced is damaged, the log goes on at the offset that it had reached.
  [[nodiscard]] base::status go_on_behind(segment_list& segments, const recovery_plan& plan,
                                          recovery_progress& progress);
  /// Records that had been synced are not there any more, without a trace in what is.
  void report_lost_end(model::offset end, model::offset was_on_disk);
  /// The segments from the one of that number on are no longer the log's.
  [[nodiscard]] base::status set_aside_after(segment_list& segments, std::size_t count,
                                             recovery_progress& progress);
  [[nodiscard]] base::status sync_recovered(const segment_list& segments, std::size_t from);

  // log_append.cpp
  [[nodiscard]] base::status check_online() const;
  [[nodiscard]] base::result<appended> append_locked(base::byte_span batch, const append_options& options,
                                                     std::uint64_t& newly_readable);
  [[nodiscard]] base::status check_takes_appends() const;
  /// Puts a batch that nothing speaks against at the log's end; returns where that is now.
  [[nodiscard]] base::result<log_mark> store_locked(base::byte_view bytes,
                                                    const std::optional<producer_batch>& of_producer);
  /// Of the producers at the new end `now`, so that a recovery need not read the whole segment for them.
  void take_snapshot(const log_tail& now);
  /// The segment has been written to through `file`.
  void note_written(segment& where, const std::shared_ptr<io::file>& file);
  [[nodiscard]] base::status write_batch(segment& active, const log_mark& end, base::byte_view batch);
  [[nodiscard]] base::result<bool> must_roll(segment& active, const log_mark& end,
                                             const model::record_batch_header& batch);
  [[nodiscard]] base::status roll_locked();
  /// What was cut off the active segment must not come back when nobody looks for it any more: in front of the next
  /// segment, or after a clean stop.
  [[nodiscard]] base::status mark_cut_dirty(segment& active);
  void draw_roll_jitter();
  [[nodiscard]] base::status undo_roll(segment& begun, const base::error& reason);
  [[nodiscard]] std::uint64_t publish_end(const log_mark& end);
  /// Where flush.messages is N, fewer than N records at the log's end may count without being on disk.
  [[nodiscard]] bool has_too_many_unsynced(model::offset end) const;

  // log_transactions.cpp
  struct ended_transaction {
    model::offset first_offset;
    model::offset marker;
  };
  /// What keeps the last stable offset back.
  struct unstable_transactions {
    model::offset first_open = model::no_offset;
    std::vector<ended_transaction> ended;  ///< whose markers are not below the high watermark yet
  };
  // With append_mutex held, as the next two.
  /// The batch that this one is a duplicate of; nothing when it is to be appended. Fails as append().
  [[nodiscard]] base::result<std::optional<recorded_batch>> admit(const producer_batch& batch,
                                                                  const append_options& options);
  void record_producer(const producer_batch& batch, base::unix_ms now_ms);
  /// The entry for a marker that is not recorded yet; nothing when it rolls nothing back here.
  [[nodiscard]] std::optional<aborted_transaction> aborted_by(const producer_batch& marker) const;
  /// Puts it into the index of the segment that is to get its marker. Where that fails, or the marker cannot be written
  /// after it, take_back() follows, which returns the failure that the append has then.
  [[nodiscard]] base::status write_aborted(segment& active, const aborted_transaction& entry);
  [[nodiscard]] base::status take_back(segment& active, const aborted_transaction& entry,
                                       const base::error& why);
  /// `ended` has just gone from the open ones to those that have ended.
  void publish_open_transaction(const std::optional<ended_transaction>& ended);
  // With tail_mutex held, as the next.
  /// Those whose marker is one of these are stable, or have not ended after all.
  void forget_ended(model::offset from, model::offset upto);
  void publish_unstable();
  [[nodiscard]] std::optional<model::offset> first_unstable_transaction() const;

  // log_rest.cpp
  /// Of a log that ends there and has nothing to be synced.
  [[nodiscard]] idleness rest(std::int64_t end);

  // log_refill.cpp
  /// With append_mutex held, so without patience: fails with EAGAIN where that needs refill_producer() first.
  [[nodiscard]] base::result<std::optional<recorded_batch>> check_producer(const producer_batch& batch);
  /// Reads from the log what the window of the batch's producer lacks; without a lock that an append waits for.
  [[nodiscard]] base::status refill_producer(base::byte_view bytes);
  /// With append_mutex held: what the log has of the producer before its window.
  void take_window(model::producer_id producer, std::span<const producer_batch> found);
  /// With append_mutex held: forgets what refill_producer() would find again at once.
  void rest_producers();
  /// The producer's batches below `before` that its window may want, in log order.
  [[nodiscard]] base::result<std::vector<producer_batch>> batches_before(model::offset before,
                                                                         const producer_batch& of,
                                                                         io::patience reader);

  // log_journal.cpp
  [[nodiscard]] base::status take_seat(const journal_seat& given);
  /// With append_mutex held: what the log appends from now on may be in the journal.
  void sit_down();
  /// With append_mutex held: nothing of the log is in the journal any more, or it keeps its account.
  void stand_up();
  [[nodiscard]] journal_account_ptr account_if_any() const;
  /// Returns how many batches have been appended.
  [[nodiscard]] base::result<std::uint64_t> replay(const journal_leftovers& from);
  /// What was just stored is going to be on disk by the journal, or by a sync of the segments.
  void make_durable(base::byte_view batch, model::offset base, const log_mark& end);
  void journal_has(const journal_promise& upto) override;
  void sync_for_journal(std::optional<model::offset> on_disk) override;
  /// Before a truncation, with the locks that it holds.
  [[nodiscard]] base::status truncate_journal(model::offset end);

  // log_commit.cpp
  void commit() override;
  enum class sync_scope { closed_segments, everything };
  /// On a thread of its own, soon.
  void want_sync(sync_scope scope);
  // With commit_mutex held, as what follows; they add to `newly_readable`.
  [[nodiscard]] base::status sync_wanted(std::uint64_t& newly_readable);
  [[nodiscard]] base::status sync_now(sync_scope scope, std::uint64_t& newly_readable);
  /// Takes up what a sync of the whole file system has put on disk.
  void believe_whole_sync(std::uint64_t& newly_readable);
  /// The names in the directory, and its own, where they may not be on disk yet.
  [[nodiscard]] base::status sync_names();
  void note_new_name() { names_made.fetch_add(1); }
  [[nodiscard]] bool has_unsynced_names() const { return names_synced.load() != names_made.load(); }
  [[nodiscard]] base::status sync_own_directory();
  /// The first segment that may hold something that no sync has confirmed.
  [[nodiscard]] std::size_t first_unsynced(const segment_list& segments) const;
  [[nodiscard]] base::status sync_files(const segment_list& segments, const log_mark& target);
  void write_pending_snapshots();
  [[nodiscard]] std::uint64_t advance_committed(const log_mark& synced, std::uint64_t generation);
  /// With tail_mutex held.
  [[nodiscard]] std::uint64_t move_committed(const log_mark& target);
  void go_offline(const base::error& reason);
  [[nodiscard]] log_progress progress(std::uint64_t newly_readable) const;
  void announce(std::uint64_t newly_readable);
  void announce_offline();
  struct waiter {
    model::offset end;
    committed_callback done;
  };
  [[nodiscard]] std::size_t waiters_up_to(model::offset end) const;
  [[nodiscard]] std::vector<waiter> take_waiters(std::size_t from, std::size_t count);
  void run_waiters();
  void fail_waiters(errc why);
  void fail_waiters_above(model::offset end);

  // log_truncate.cpp
  [[nodiscard]] base::status truncate_locked(model::offset end);
  /// What is told of epochs and producers goes back to where the log ends now.
  [[nodiscard]] base::status truncate_history(const segment_list& kept, model::offset end);
  [[nodiscard]] base::status start_over_locked(model::offset start);
  [[nodiscard]] base::status remove_segments(std::span<const std::shared_ptr<segment>> gone);

  // retention.cpp
  [[nodiscard]] static std::size_t committed_segments(const log_tail& now);
  [[nodiscard]] base::result<base::unix_ms> newest_write(segment& of, base::unix_ms now_ms);
  [[nodiscard]] base::result<std::size_t> expired_segments(const log_tail& now, const log_config& by,
                                                           base::unix_ms now_ms);
  [[nodiscard]] base::result<std::size_t> surplus_segments(const log_tail& now, const log_config& by);
  /// Removes the segments that end at `boundary` or before, and returns how many; called under structure_mutex.
  enum class active_segment { stays, may_go };
  [[nodiscard]] base::result<std::size_t> remove_segments_below(model::offset boundary,
                                                                active_segment active);
  [[nodiscard]] base::status rename_oldest(std::span<const std::shared_ptr<segment>> oldest,
                                           std::size_t& renamed);
  void forget_oldest(std::span<const std::shared_ptr<segment>> gone);

  // log_clean.cpp
  class cleaning;
  [[nodiscard]] compaction_need cleanable_part(const log_tail& now);
  /// What a power cut may still take must not cost anything older its place.
  [[nodiscard]] base::status sync_closed_part(const log_tail& now, std::uint64_t aborts_seen);
  [[nodiscard]] base::status respect_min_lag(const log_tail& now, const log_config& by, base::unix_ms now_ms,
                                             compaction_need& part);
  [[nodiscard]] base::status weigh(const log_tail& now, const log_config& by, base::unix_ms now_ms,
                                   compaction_need& part);
  [[nodiscard]] base::result<std::optional<compaction_need>> find_need(const log_tail& now,
                                                                       const log_config& by,
                                                                       base::unix_ms now_ms);
  /// Retention has taken segments away since, perhaps their files too.
  [[nodiscard]] bool has_lost_oldest_of(const log_tail& seen) const;
  /// Fails with cleaning_aborted when somebody has asked for the end of cleanings since there were `seen` such calls.
  [[nodiscard]] base::status check_not_aborted(std::uint64_t seen) const;

  // log_replace.cpp
  [[nodiscard]] base::status replace_segments(std::span<const std::shared_ptr<segment>> old,
                                              const std::shared_ptr<segment>& fresh,
                                              std::uint64_t aborts_seen);
  [[nodiscard]] base::status finish_replacement(std::span<const std::shared_ptr<segment>> old,
                                                const std::shared_ptr<segment>& fresh);
  void publish_replacement(std::span<const std::shared_ptr<segment>> old,
                           const std::shared_ptr<segment>& fresh);

  // log_read.cpp
  struct read_start {
    std::size_t segment_index;
    std::uint64_t position;
    batch_boundary end;  ///< of what may be seen of the segment
  };
  struct read_wish {
    model::offset from;
    std::optional<model::offset> below;
    const read_limit& limit;
    const log_mark& bound;
    io::patience reader;
  };
  [[nodiscard]] base::result<batch_boundary> visible_end(const segment_list& segments, std::size_t at,
                                                         const log_mark& bound,
                                                         io::patience reader = io::patience::waits_for_disk);
  [[nodiscard]] base::result<read_start> find_start(const read_wish& wish, const log_tail& now);
  [[nodiscard]] base::result<read_slice> read(const read_wish& wish, const log_tail& now);

  // log_lookup.cpp
  [[nodiscard]] base::result<std::optional<timestamped_offset>> first_at_or_after(const log_tail& now,
                                                                                  std::size_t at,
                                                                                  model::timestamp wanted);
  [[nodiscard]] base::result<timed_batch> largest_visible(const log_tail& now, std::size_t at);

  // log_scrub.cpp
  /// False once the segment has been deleted or replaced, or the log closed.
  [[nodiscard]] bool still_has(const segment& one);
  [[nodiscard]] base::result<std::uint64_t> end_on_disk(const log_tail& now, std::size_t at);

  // log.cpp
  [[nodiscard]] base::status close_cleanly(std::uint64_t& newly_readable);
  /// Nothing is appended to it any more.
  [[nodiscard]] base::status complete_active();
  [[nodiscard]] base::status remove_stale_snapshots();

  [[nodiscard]] log_tail tail() const {
    const std::lock_guard guard(tail_mutex);
    return tail_state;
  }

  /// Of rest_if_idle() only: how many calls in a row have found that the log ends there, of which these are the low bits.
  std::uint8_t quiet_looks = 0;
  std::uint32_t end_at_last_look = 0;

  /// Without a journal where every sync is of the segments. Set before the log is shared.
  journal_seat seat;
  /// From the first durable append or truncation on. Set by sit_down(); who does not hold append_mutex asks
  /// account_if_any().
  journal_account_ptr account;
  const std::atomic<bool>* const given_up;  ///< of use only to open()

  base::small_mutex cleaning_mutex;
  base::small_mutex structure_mutex;
  /// The oldest segment has got its other name, and no sync of the directory has succeeded since; guarded by
  /// structure_mutex.
  bool removal_unsynced = false;
  std::atomic<bool> compacted{false};
  std::atomic<std::uint32_t> cleaning_aborts{0};
  std::atomic<std::int64_t> cleaned_end{0};

  /// One writer at a time; guards what follows up to the next mutex.
  base::small_mutex append_mutex;
  bool closed = false;
  bool touched = false;  ///< a clean close has something to write
  bool close_is_prepared = false;
  /// By whoever had the log before and died before that was on disk.
  bool active_may_have_been_cut = false;
  log_config_ptr config;
  producer_state producers;  ///< who changes it publishes the open transactions
  std::int64_t roll_jitter_ms = 0;
  base::unix_ms active_since_ms = 0;  ///< when the active segment was begun, or found here
  struct pending_snapshot {
    model::offset at;
    std::vector<producer_snapshot_entry> entries;
  };
  struct deleted_segment {
    std::shared_ptr<segment> files;
    base::unix_ms since_ms;
  };
  struct to_do_list {
    std::vector<pending_snapshot> snapshots;  ///< to be written
    std::vector<deleted_segment> deleted;     ///< whose files are to be removed
  };
  std::unique_ptr<to_do_list> to_do;  ///< null where there is nothing, which is most of the time
  [[nodiscard]] to_do_list& to_be_done() {
    if (to_do == nullptr) to_do = std::make_unique<to_do_list>();
    return *to_do;
  }

  /// One sync at a time.
  base::small_mutex commit_mutex;

  mutable base::small_mutex tail_mutex;
  log_tail tail_state;
  std::atomic<std::int64_t> log_start{0};
  std::atomic<std::int64_t> log_end{0};
  std::atomic<std::int64_t> committed_end{0};
  std::atomic<std::int64_t> recovery_point{0};
  /// Where the first transaction began that is unstable, for readers; no_offset when there is none. It never lags behind
  /// the end.
  std::atomic<std::int64_t> first_unstable{model::no_offset.value()};
  std::unique_ptr<unstable_transactions> unstable;  ///< while there are some; guarded by tail_mutex

  std::atomic<std::int64_t> index_interval_bytes{4096};
  std::atomic<std::int64_t> flush_messages{1};
  std::atomic<std::int64_t> flush_ms{never_flush};
  std::atomic<bool> durable{true};
  std::atomic<bool> everything_wanted{false};
  std::atomic<bool> closed_segments_wanted{false};
  std::atomic<bool> parent_dirty{false};
  /// Of transactions that have been appended; changed with append_mutex held.
  std::atomic<std::uint32_t> markers{0};
  written_mark last_write;
  /// All below is on disk by a sync of the whole file system, and not yet taken up; no_offset where there is nothing. Written
  /// under the journal's lock, or with commit_mutex held when the journal knows nothing of the log any more.
  std::atomic<std::int64_t> whole_sync_end{model::no_offset.value()};
  /// The active segment's base at the last call of sync_closed_segments().
  std::atomic<std::int64_t> closed_before{0};
  /// Counts the names that the directory has got, and how many of these a sync of it has covered.
  std::atomic<std::uint32_t> names_made{0};
  std::atomic<std::uint32_t> names_synced{0};
  std::atomic<base::unix_ms> unsynced_since_ms{0};

  model::leader_epoch current_epoch = model::no_leader_epoch;  ///< guarded by append_mutex
  mutable base::small_mutex epochs_mutex;
  leader_epoch_cache epochs;
  bool has_epoch_checkpoint = false;  ///< of use only to open(), as the next
  const bool names_are_on_disk;
  std::atomic<bool> unreadable_told{false};
  std::atomic<bool> offline{false};
  mutable base::small_mutex offline_mutex;
  std::unique_ptr<const base::error> offline_reason;  ///< there when `offline` says so
  log::offline_listener when_offline;                 ///< guarded by offline_mutex

  base::small_mutex waiters_mutex;
  bool running_waiters = false;  ///< one thread at a time, so that callbacks come in order
  bool waiters_closed = false;
  std::vector<waiter> waiters;  ///< by their ends

  progress_listener listener;
  base::task roll_listener;
  read_positions positions;
};

}  // namespace tidelog::storage
