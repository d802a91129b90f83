// What the journal's threads do: begin a run, write groups, tell the logs, and cope with a disk that fails.
#include "commit_journal.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <chrono>
#include <pthread.h>
#include <utility>

namespace tidelog::storage {

bool commit_journal::has_work() const {
  if (stage_ == stage::preparing || !to_ask_.empty()) return true;
  return stage_ == stage::running && (filling_.bytes.entry_count() > 0 || mark_wanted_);
}

void commit_journal::run() {
  ::pthread_setname_np(::pthread_self(), "journal");
  group mine;
  while (true) {
    std::unique_lock turn(turn_mutex_);
    std::unique_lock lock(mutex_);
    waiting_for_work_ = true;
    work_.wait(lock, [this] { return stopping_ || has_work(); });
    waiting_for_work_ = false;
    if (!has_work()) return;
    ask_some_logs();
    if (stage_ == stage::preparing) {
      prepare(lock);
    } else if (stage_ == stage::running && (filling_.bytes.entry_count() > 0 || mark_wanted_)) {
      write_filling(mine, turn, lock);
    }
  }
}

void commit_journal::stop_threads() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void commit_journal::prepare(std::unique_lock<std::mutex>& lock) {
  const auto choice = replaced_ ? journal_disk::file_choice::only_new : journal_disk::file_choice::any;
  lock.unlock();
  const auto begun = disk_.begin_run(choice);
  lock.lock();
  if (begun) {
    ring_.begin_run();
    ++run_number_;
    stage_ = stage::running;
  } else if (replaced_ && !io::is_out_of_space(begun.error().code)) {
    fail(begun.error());
  } else {
    base::say_warning("no commit journal until the next start, so that each log syncs its own segments: {}",
                      begun.error().describe());
    stage_ = stage::off;
  }
  changed_.notify_all();
}

void commit_journal::write_filling(group& mine, std::unique_lock<std::mutex>& turn,
                                   std::unique_lock<std::mutex>& lock) {
  std::swap(mine, filling_);
  const std::uint64_t number = filling_number_++;
  writing_number_ = number;
  mark_wanted_ = false;
  const std::uint64_t blocks = mine.bytes.blocks();
  const auto at = ring_.place_group(blocks);
  for (const auto& each : mine.members) ring_.add_log(each.account, each.promise.end.offset);
  begin_round_if_due();
  const std::uint64_t oldest_needed = ring_.oldest_needed();
  lock.unlock();

  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  const auto bytes = mine.bytes.seal(disk_.run_id(), at.sequence, oldest_needed);
  const auto written = disk_.write_group(bytes, at.block);
  if (written) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - begin);
    counts_.sync.record(static_cast<std::uint64_t>(took.count()));
    counts_.groups.add();
    counts_.batches.add(mine.bytes.entry_count());
    counts_.bytes.add(bytes.size());
  }

  lock.lock();
  writing_number_ = none;
  if (!written) {
    for (const auto& each : mine.members) to_ask_.push_back(each.account);
    fail(written.error());
    mine.members.clear();
  } else {
    ring_.group_is_durable(at.sequence, oldest_needed);
    durable_filling_ = number;
    counts_.used_bytes.set(static_cast<std::int64_t>(ring_.used_blocks() * journal_block_bytes));
    for (auto& each : mine.members) {
      each.told = each.account->log;
      ++each.account->calls;
    }
  }
  changed_.notify_all();
  lock.unlock();
  mine.bytes.clear();

  const std::lock_guard telling(telling_mutex_);
  turn.unlock();
  tell(mine.members);
}

void commit_journal::tell(std::vector<member>& members) {
  if (members.empty()) return;
  for (const auto& each : members) {
    if (each.told != nullptr) each.told->journal_has(each.promise);
  }
  {
    const std::lock_guard guard(mutex_);
    for (const auto& each : members) --each.account->calls;
  }
  changed_.notify_all();
  members.clear();
}

void commit_journal::fail(const base::error& why) {
  counts_.failures.add();
  base::say_error("{}: {}", why.describe(),
                  replaced_ ? "no topic takes durable appends until the daemon has been restarted"
                            : "a new file takes its place when the logs have synced their segments");
  for (auto& each : filling_.members) to_ask_.push_back(std::move(each.account));
  for (auto& each : ring_.needed_accounts()) to_ask_.push_back(std::move(each));
  filling_.members.clear();
  filling_.bytes.clear();
  ++filling_number_;
  stage_ = replaced_ ? stage::refusing : stage::failing;
  refusing_.store(stage_ == stage::refusing, std::memory_order_release);
  replaced_ = true;
  replace_when_free();
}

void commit_journal::replace_when_free() {
  if (stage_ == stage::failing && !ring_.is_needed()) stage_ = stage::unused;
}

}  // namespace tidelog::storage
