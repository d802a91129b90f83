#pragma once
// The commit journal at work: small durable appends of all logs go to one file together, whose one sync acknowledges them
// all. So what an acknowledgement costs does not grow with the number of partitions that are written to. The file is
// described in journal_file.hpp.
//
// A log offers each batch when it has written it to its segment. What the journal takes is on disk when journal_has() is
// called; what it does not take (too large, no room, not in use yet) is on disk when the log's segments have been synced,
// which is up to the log. Segments are synced later, a round of logs at a time, on the threads that sync segments anyway;
// then the journal's part is free again.
//
// Life: nothing is written and no thread made before the first batch is offered; the file is laid out then, if it is not
// there. Where a round has many logs, one sync of the whole file system comes first, and what the journal has of them is
// then on disk in the segments; and the ring grows, so that each log's sync covers more. After a crash the logs get back what
// the journal has for them (leftovers_of(), given_back()), and only when all have it does a new run begin. After a clean stop
// the file means nothing.
//
// When a write or sync of the file fails, every log that it had something for is asked to sync its segments; when all
// have, a new file takes its place. If that one fails, no log takes durable appends any more. Want of room is no failure of
// that kind, however often it comes: logs sync their segments meanwhile, and after a pause the same file is tried again.

#include "journal_backlog.hpp"
#include "journal_disk.hpp"
#include "journal_instruments.hpp"
#include "journal_ring.hpp"
#include "journaled_log.hpp"
#include "whole_sync.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/storage/group_commit.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>

namespace tidelog::storage {

/// A batch that is in its segment.
struct journal_offer {
  base::byte_view batch;
  model::offset base{};
  /// Where the log ends with it.
  log_mark end;
  std::uint64_t generation = 0;
};

/// Thread safe. Outlives the logs that have a seat in it.
class commit_journal final : commit_source {
 public:
  struct settings {
    /// The ring's size, at most; 0: nothing is ever taken, and a file of before is given back and removed.
    std::uint64_t bytes = 0;
    /// A new file's ring has so many, where these are fewer.
    std::uint64_t first_bytes = std::numeric_limits<std::uint64_t>::max();
    /// A round that comes because the ring is half full has so many for each of its logs, or the ring grows.
    std::uint64_t bytes_for_each_log = 0;
    /// Logs whose segments are synced in one round; their descriptors stay open until then.
    std::size_t logs_in_a_round = 1024;
    /// Where it counts; nothing: nowhere that can be seen.
    metrics::registry* metrics = nullptr;
    /// Who calls it to work; nothing: two threads of its own. It is of use where one thread does everything, in an order that
    /// can be repeated: whoever waits for the journal then works for it meanwhile.
    committer* worker = nullptr;
    /// For rounds of so many logs or more; nothing: each log syncs its segments.
    std::shared_ptr<whole_sync> whole{};
    std::size_t whole_sync_from_logs = 1;
    /// On whose threads that runs, and a larger ring is laid out; nothing: there is no `whole`, and the ring does not grow.
    /// Outlives the journal.
    committer* background = nullptr;
    /// Times the pauses before it is tried again whether there is room. Outlives the journal.
    const base::clock* clock = &base::system_clock();
  };
  /// A batch of more bytes costs more to write twice than a sync of its own.
  static constexpr std::size_t largest_batch_bytes = std::size_t{64} * 1024;

  commit_journal(io::file_system& files, io::path data_directory, const base::uuid& directory_id,
                 const settings& wanted);
  /// close() for who forgot it, without a word to the file.
  ~commit_journal();
  commit_journal(const commit_journal&) = delete;
  commit_journal& operator=(const commit_journal&) = delete;

  [[nodiscard]] journal_backlog& backlog() { return backlog_; }
  [[nodiscard]] bool is_on() const { return settings_.bytes > 0; }

  /// What only the journal may have of a log that is being opened: after a crash, or when it is opened again after it
  /// went offline.
  [[nodiscard]] base::result<journal_leftovers> leftovers_of(const journal_log_id& id);
  /// The log has that on disk, or there is no such log any more.
  void given_back(const journal_log_id& id);
  void count_replayed(std::uint64_t batches) { counts_.batches_replayed.add(batches); }

  /// A log that has been opened: `synced_end` is on disk in its segments.
  [[nodiscard]] journal_account_ptr seat(const journal_log_id& id, journaled_log& log,
                                         model::offset synced_end);
  /// Returns when nothing is called for that log any more; not to be called from within such a call. What it has in the ring
  /// stays there until given_back().
  void leave(journal_account& account);
  /// The same where nothing of the log is in the ring or on its way; else false, and nothing has changed. Nobody offers for
  /// that log meanwhile.
  [[nodiscard]] bool leave_if_free(journal_account& account);

  /// The caller keeps the log's batches in order, and offers each when it is written. Returns where the run of taken
  /// batches began that this one ends; nothing when it is not taken, and its log has to see to it itself.
  [[nodiscard]] std::optional<model::offset> offer(const journal_account_ptr& account,
                                                   const journal_offer& offered);
  /// The log's segments are on disk below `end`.
  void synced(journal_account& account, model::offset end);
  /// Before the log, all of which is on disk, is cut to `end`: returns when no crash brings back what lies behind.
  /// Nobody offers for that log meanwhile. Fails with ENOSPC where the journal lacks room, with ENOBUFS where only the ring
  /// does, else with journal_failed.
  [[nodiscard]] base::status truncate(const journal_account_ptr& account, model::offset end);
  /// No log is to take durable appends. Cheap.
  [[nodiscard]] bool is_refusing() const { return refusing_.load(std::memory_order_acquire); }

  enum class close_outcome {
    nothing_needed,  ///< and a later start will not find anything
    batches_needed,  ///< the next start must not take the directory for cleanly closed
  };
  /// When the logs have been closed. Waits for the disk.
  [[nodiscard]] close_outcome close();

 private:
  enum class stage {
    unused,     ///< no run has begun, or none since the last one ended
    preparing,  ///< a thread is about to begin one
    running,
    failing,   ///< until all logs have synced what the run has of them
    off,       ///< the disk has failed before any run, or closed
    refusing,  ///< the new file failed too
  };
  struct member {
    journal_account_ptr account;
    journal_promise promise;
    /// Who is to be told, when the group is on disk.
    journaled_log* log = nullptr;
  };
  /// A group in the making, or on its way.
  struct group {
    journal_group bytes;
    std::vector<member> members;
  };

  /// A log that is to be asked to sync its segments, in which round.
  struct asking {
    journal_account_ptr account;
    /// Where its older part ended when a sync of the whole file system put it on disk.
    std::optional<model::offset> on_disk{};
    std::uint64_t round = 0;
  };
  /// What is done on a thread of `background`.
  class errand final : public commit_source {
   public:
    using step = void (commit_journal::*)();
    errand(commit_journal& of, step what) : of_(of), what_(what) {}
    void commit() override { (of_.*what_)(); }

   private:
    commit_journal& of_;
    const step what_;
  };

  // Each called with mutex_ held.
  void want_run();
  void wake();
  void want_room();
  void begin_round_if_due();
  /// A round has so many logs.
  void want_growth_for(std::size_t logs);
  void ask_some_logs();
  [[nodiscard]] bool is_still_wanted(const asking& from) const;
  void ask(const journal_account_ptr& account) { to_ask_.push_back({account, {}, round_number_}); }
  void replace_when_free();
  void fail(const base::error& why);
  void wait_for_room(const base::error& why);
  [[nodiscard]] bool lacks_room() const { return pause_.count() > 0; }
  [[nodiscard]] base::status why_no_truncation() const;
  [[nodiscard]] bool has_work() const;
  [[nodiscard]] bool is_filling(const journal_account& account) const {
    return account.member_of_filling == filling_number_;
  }

  // The journal's threads. The turn is held by who writes, so that one thread can write while another one tells logs.
  void run();
  /// Some of what there is to do; both locks are held, and perhaps not any more afterwards.
  void work(group& mine, std::unique_lock<std::mutex>& turn, std::unique_lock<std::mutex>& lock);
  void commit() override;
  template <class Fact>
  void await(std::unique_lock<std::mutex>& lock, Fact fact) {
    while (settings_.worker != nullptr && !fact()) {
      lock.unlock();
      commit();
      lock.lock();
    }
    changed_.wait(lock, fact);
  }
  void prepare(std::unique_lock<std::mutex>& lock);
  void begin_growth(std::unique_lock<std::mutex>& lock);
  void end_growth(std::unique_lock<std::mutex>& lock);
  void write_filling(group& mine, std::unique_lock<std::mutex>& turn, std::unique_lock<std::mutex>& lock);
  /// What the group of that number made true.
  void tell(std::vector<member>& members, std::uint64_t number);
  // Errands, without a lock.
  /// For the newest round that wants it.
  void sync_round();
  void lay_out_more();
  void stop_threads();

  const settings settings_;
  const std::unique_ptr<metrics::registry> unseen_;
  journal_instruments counts_;
  journal_backlog backlog_;
  const std::uint64_t most_group_blocks_;

  std::mutex turn_mutex_;
  /// Held after the turn, in the order of the groups.
  std::mutex telling_mutex_;
  /// For who has the turn. Its file does not change while a log needs a group.
  journal_disk disk_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable changed_;
  stage stage_ = stage::unused;
  /// A file has failed for another reason than want of room.
  bool replaced_ = false;
  /// The one that failed is not to serve again.
  bool wants_new_file_ = false;
  /// After the last failure for want of room, until a group is on disk: it is not tried again before then.
  std::chrono::milliseconds pause_{0};
  std::chrono::steady_clock::time_point try_again_{};
  bool stopping_ = false;
  bool waiting_for_work_ = false;
  bool mark_wanted_ = false;
  journal_ring ring_;
  group filling_;
  /// Counts the runs that have begun: one that failed may have dropped what it had taken.
  std::uint64_t run_number_ = 0;
  /// Rises with each group, written or given up.
  std::uint64_t filling_number_ = 1;
  /// The newest whose logs have been told, or that could not be written.
  std::uint64_t told_number_ = 0;
  /// The newest that is on disk.
  std::uint64_t durable_filling_ = 0;
  std::deque<asking> to_ask_;
  /// Counts the rounds.
  std::uint64_t round_number_ = 0;
  /// The logs of the round that waits for a sync of the whole file system.
  std::vector<journal_account_ptr> waiting_for_whole_sync_;
  errand round_sync_{*this, &commit_journal::sync_round};
  /// What a round would have liked, where that is more than there is; 0 when nothing is to be done about it.
  std::uint64_t wanted_blocks_ = 0;
  /// One that is under way, or waits until the ring can take it.
  std::shared_ptr<journal_growth> growth_;
  bool growth_is_laid_out_ = false;
  /// After a failure the ring stays as it is for the rest of the run.
  bool may_grow_ = false;
  errand growing_{*this, &commit_journal::lay_out_more};
  std::vector<std::thread> threads_;
  std::atomic<bool> refusing_{false};
};

}  // namespace tidelog::storage
