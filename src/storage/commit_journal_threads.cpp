// What the journal's threads do: begin a run, write groups, tell the logs, and cope with a disk that fails.
#include "commit_journal.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <utility>

namespace tidelog::storage {

namespace {

constexpr std::chrono::milliseconds first_pause{1000};
constexpr std::chrono::milliseconds longest_pause{64'000};
constexpr std::uint64_t bytes_in_a_mib = std::uint64_t{1024} * 1024;

/// Which log this thread is telling something.
thread_local const journaled_log* told_here = nullptr;

}  // namespace

bool commit_journal::has_work() const {
  if (stage_ == stage::preparing || !to_ask_.empty()) return true;
  return stage_ == stage::running && (filling_.bytes.entry_count() > 0 || mark_wanted_ || wanted_blocks_ > 0);
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
    work(mine, turn, lock);
  }
}

void commit_journal::work(group& mine, std::unique_lock<std::mutex>& turn,
                          std::unique_lock<std::mutex>& lock) {
  ask_some_logs();
  if (stage_ == stage::preparing) {
    prepare(lock);
  } else if (stage_ == stage::running && wanted_blocks_ > 0) {
    begin_growth(lock);
  } else if (stage_ == stage::running && (filling_.bytes.entry_count() > 0 || mark_wanted_)) {
    write_filling(mine, turn, lock);
  }
}

void commit_journal::commit() {
  group mine;
  {
    std::unique_lock turn(turn_mutex_);
    std::unique_lock lock(mutex_);
    work(mine, turn, lock);
  }
  const std::lock_guard guard(mutex_);
  if (has_work()) wake();
}

void commit_journal::stop_threads() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  // Nobody requests it any more.
  if (settings_.background != nullptr) {
    settings_.background->forget(round_sync_);
    settings_.background->forget(growing_);
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  if (settings_.worker == nullptr) return;
  std::unique_lock lock(mutex_);
  await(lock, [this] { return !has_work(); });
  settings_.worker->forget(*this);
}

void commit_journal::prepare(std::unique_lock<std::mutex>& lock) {
  const auto choice = wants_new_file_ ? journal_disk::file_choice::only_new : journal_disk::file_choice::any;
  lock.unlock();
  const auto begun = disk_.begin_run(choice);
  lock.lock();
  if (begun) {
    ring_.begin_run(disk_.ring_blocks());
    counts_.ring_bytes.set(static_cast<std::int64_t>(ring_.blocks() * journal_block_bytes));
    may_grow_ = true;
    ++run_number_;
    stage_ = stage::running;
    wants_new_file_ = false;
  } else if (io::is_out_of_space(begun.error().code)) {
    stage_ = stage::unused;
    wait_for_room(begun.error());
  } else if (replaced_) {
    fail(begun.error());
  } else {
    base::say_warning("no commit journal until the next start, so that each log syncs its own segments: {}",
                      begun.error().describe());
    stage_ = stage::off;
  }
  changed_.notify_all();
}

void commit_journal::begin_growth(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t blocks = std::exchange(wanted_blocks_, 0);
  if (stopping_ || growth_ || blocks <= ring_.blocks()) return;
  lock.unlock();
  auto begun = disk_.begin_growth(blocks);
  lock.lock();
  if (!begun) {
    may_grow_ = false;
    base::say_warning("the commit journal stays as small as it is: {}", begun.error().describe());
    return;
  }
  if (stopping_) return;
  growth_ = std::move(*begun);
  growth_is_laid_out_ = false;
  settings_.background->request(growing_);
}

void commit_journal::lay_out_more() {
  std::unique_lock lock(mutex_);
  const auto mine = growth_;
  if (!mine || stopping_) return;
  lock.unlock();
  const auto done = mine->lay_out_piece();
  const bool is_laid_out = mine->is_laid_out();

  lock.lock();
  if (done && growth_ == mine && !stopping_) {
    growth_is_laid_out_ = is_laid_out;
    if (!is_laid_out) settings_.background->request(growing_);
    return;
  }
  // Not that of a run which has failed meanwhile.
  if (growth_ == mine) {
    growth_.reset();
    may_grow_ = false;
  }
  lock.unlock();
  if (!done) base::say_warning("the commit journal stays as small as it is: {}", done.error().describe());
  mine->give_back();
}

void commit_journal::end_growth(std::unique_lock<std::mutex>& lock) {
  const auto mine = std::exchange(growth_, nullptr);
  growth_is_laid_out_ = false;
  lock.unlock();
  const auto taken = disk_.take(*mine);
  lock.lock();
  if (!taken) return fail(taken.error());
  base::say_info(
      "the commit journal has {} MiB now instead of {}, for the many partitions that are written to",
      mine->ring_blocks() * journal_block_bytes / bytes_in_a_mib,
      ring_.blocks() * journal_block_bytes / bytes_in_a_mib);
  ring_.grow(mine->ring_blocks());
  counts_.ring_bytes.set(static_cast<std::int64_t>(ring_.blocks() * journal_block_bytes));
}

void commit_journal::write_filling(group& mine, std::unique_lock<std::mutex>& turn,
                                   std::unique_lock<std::mutex>& lock) {
  if (growth_is_laid_out_ && ring_.can_grow()) end_growth(lock);
  if (stage_ != stage::running) return changed_.notify_all();
  std::swap(mine, filling_);
  const std::uint64_t number = filling_number_++;
  mark_wanted_ = false;
  const std::uint64_t blocks = mine.bytes.blocks();
  const auto at = ring_.place_group(blocks);
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
  if (!written) {
    for (const auto& each : mine.members) ask(each.account);
    fail(written.error());
    mine.members.clear();
  } else {
    ring_.group_is_durable(at.sequence, oldest_needed);
    durable_filling_ = number;
    if (lacks_room()) base::say_info("there is room for the commit journal again");
    pause_ = {};
    counts_.used_bytes.set(static_cast<std::int64_t>(ring_.used_blocks() * journal_block_bytes));
  }
  changed_.notify_all();
  lock.unlock();
  mine.bytes.clear();

  const std::lock_guard telling(telling_mutex_);
  turn.unlock();
  tell(mine.members, number);
}

void commit_journal::tell(std::vector<member>& members, std::uint64_t number) {
  for (const auto& each : members) {
    told_here = each.log;
    each.log->journal_has(each.promise);
  }
  told_here = nullptr;
  {
    const std::lock_guard guard(mutex_);
    told_number_ = number;
  }
  changed_.notify_all();
  members.clear();
}

void commit_journal::leave(journal_account& account) {
  TIDELOG_ASSERT(told_here == nullptr || told_here != account.log,
                 "leave() within journal_has() would wait for itself");
  std::unique_lock lock(mutex_);
  account.log = nullptr;
  // What is on its way would come into the ring behind the back of who opens the log again.
  await(lock, [&] { return account.member_of_filling <= told_number_; });
}

bool commit_journal::leave_if_free(journal_account& account) {
  const std::lock_guard guard(mutex_);
  if (journal_ring::is_in(account) || account.member_of_filling > told_number_) return false;
  account.log = nullptr;
  return true;
}

void commit_journal::fail(const base::error& why) {
  counts_.failures.add();
  for (const auto& each : filling_.members) {
    ask(each.account);
    each.account->member_of_filling = 0;
  }
  for (const auto& each : ring_.needed_accounts()) ask(each);
  filling_.members.clear();
  filling_.bytes.clear();
  ++filling_number_;
  wanted_blocks_ = 0;
  growth_.reset();
  growth_is_laid_out_ = false;
  stage_ = stage::failing;
  if (io::is_out_of_space(why.code)) {
    wait_for_room(why);
  } else {
    base::say_error("{}: {}", why.describe(),
                    replaced_ ? "no topic takes durable appends until the daemon has been restarted"
                              : "a new file takes its place when the logs have synced their segments");
    if (replaced_) stage_ = stage::refusing;
    refusing_.store(replaced_, std::memory_order_release);
    replaced_ = true;
    wants_new_file_ = true;
  }
  replace_when_free();
}

void commit_journal::wait_for_room(const base::error& why) {
  if (!lacks_room()) {
    base::say_warning("no commit journal until there is room, so that each log syncs its own segments: {}",
                      why.describe());
  }
  pause_ = lacks_room() ? std::min(2 * pause_, longest_pause) : first_pause;
  try_again_ = settings_.clock->steady_now() + pause_;
}

void commit_journal::replace_when_free() {
  if (stage_ == stage::failing && !ring_.is_needed()) stage_ = stage::unused;
}

}  // namespace tidelog::storage
