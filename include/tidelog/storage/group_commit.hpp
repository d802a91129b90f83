#pragma once
// What makes a durable append durable. A log that has written something which waits for the disk says so here, and is
// told on another thread to do what the disk needs. Appends that come while a sync is under way are covered together
// by the next one: its cost is shared by all who wait.

#include "tidelog/base/result.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace tidelog::storage {

/// A log as the committer sees it.
class commit_source {
 public:
  commit_source() = default;
  commit_source(const commit_source&) = delete;
  commit_source& operator=(const commit_source&) = delete;

  /// Makes everything durable that was written before the call. Never called twice at once for one source.
  virtual void commit() = 0;

 protected:
  ~commit_source() = default;

 private:
  friend class group_commit;
  enum class stage : unsigned char { idle, queued, running, running_and_wanted };
  std::atomic<stage> stage_{stage::idle};
};

/// The place of the mechanism: syncing each file that was written to (group_commit), or a journal before that.
class committer {
 public:
  committer() = default;
  committer(const committer&) = delete;
  committer& operator=(const committer&) = delete;
  virtual ~committer() = default;

  /// `source` has written something: commit() is going to be called after this call began. Cheap, never waits for the
  /// disk; thread safe.
  virtual void request(commit_source& source) = 0;
  /// Returns when commit() is not running for `source` and is not going to be called any more. Nobody requests for it
  /// meanwhile or later. Not to be called from within that commit(), which it would wait for: a log is not closed, and its
  /// last owner does not let go of it, in a callback of its own.
  virtual void forget(commit_source& source) = 0;
};

/// Calls commit() on its own threads, which are made as they are needed. One for the whole process.
class group_commit final : public committer {
 public:
  /// Syncs of different files that wait together share the commits and flushes of the file system: with 32 the logs of a
  /// round take a third fewer of them than with 8, and more save nothing.
  static constexpr std::size_t default_threads = 32;

  explicit group_commit(std::size_t most_threads = default_threads);
  /// Commits what was requested, then joins the threads.
  ~group_commit() override;

  void request(commit_source& source) override;
  void forget(commit_source& source) override;

 private:
  void enqueue(commit_source& source);
  void run();

  const std::size_t most_threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::deque<commit_source*> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_threads_ = 0;
  bool stopping_ = false;
};

}  // namespace tidelog::storage
