#include "commit_journal.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tidelog::storage {
namespace {

/// A group larger than this keeps those that wait for it waiting for too long.
constexpr std::uint64_t most_group_bytes = std::uint64_t{8} * 1024 * 1024;
/// One writes while the other tells the logs.
constexpr std::size_t thread_count = 2;

[[nodiscard]] journal_disk::sizes ring_sizes(const commit_journal::settings& wanted) {
  return {std::min(wanted.bytes, wanted.first_bytes) / journal_block_bytes,
          wanted.bytes / journal_block_bytes};
}

}  // namespace

commit_journal::commit_journal(io::file_system& files, io::path data_directory,
                               const base::uuid& directory_id, const settings& wanted)
    : settings_(wanted),
      unseen_(wanted.metrics == nullptr ? std::make_unique<metrics::registry>() : nullptr),
      counts_(wanted.metrics == nullptr ? *unseen_ : *wanted.metrics),
      backlog_(files, data_directory, directory_id,
               wanted.bytes > 0 ? journal_backlog::file_fate::serves_again
                                : journal_backlog::file_fate::is_removed),
      most_group_blocks_(
          std::min(most_group_bytes / journal_block_bytes, ring_sizes(wanted).first_blocks / 4)),
      disk_(files, data_directory, directory_id, ring_sizes(wanted)),
      ring_({wanted.logs_in_a_round}) {}

commit_journal::~commit_journal() {
  stop_threads();
}

base::result<journal_leftovers> commit_journal::leftovers_of(const journal_log_id& id) {
  if (!backlog_.is_empty()) return backlog_.leftovers_of(id);
  std::shared_ptr<io::file> file;
  {
    const std::lock_guard guard(mutex_);
    const auto needed = ring_.needed_accounts();
    const bool has_some = std::any_of(needed.begin(), needed.end(), [&](const auto& each) {
      return each->id == id && each->log == nullptr;
    });
    if (!has_some) return journal_leftovers{};
    file = disk_.file();
  }
  // The log went offline in this very run. Until it has its batches back, neither the file nor their groups are replaced.
  TIDELOG_TRY(auto found, read_journal(*file));
  if (found.unreadable_blocks > 0)
    return base::fail_errno(EIO, "{}: {} blocks cannot be read", file->name(), found.unreadable_blocks);
  return journal_leftovers{.from = journal_leftovers::origin::this_run,
                           .file = file,
                           .header = found.header,
                           .batches = std::move(found.batches[id])};
}

void commit_journal::given_back(const journal_log_id& id) {
  backlog_.done_with(id);
  const std::lock_guard guard(mutex_);
  for (const auto& each : ring_.needed_accounts()) {
    if (each->id == id && each->log == nullptr) ring_.forget_batches(*each, each->synced_end);
  }
  replace_when_free();
  begin_round_if_due();
}

journal_account_ptr commit_journal::seat(const journal_log_id& id, journaled_log& log,
                                         model::offset synced_end) {
  auto account = std::make_shared<journal_account>(id);
  account->log = &log;
  account->synced_end = synced_end;
  const std::lock_guard guard(mutex_);
  // What the log had before it was closed and opened again may be in any group.
  account->last_sequence = ring_.next_sequence() - 1;
  return account;
}

std::optional<model::offset> commit_journal::offer(const journal_account_ptr& account,
                                                   const journal_offer& offered) {
  if (offered.batch.size() > largest_batch_bytes) return std::nullopt;
  const std::lock_guard guard(mutex_);
  if (stage_ != stage::running) {
    if (stage_ == stage::unused && (!lacks_room() || settings_.clock->steady_now() >= try_again_)) want_run();
    counts_.batches_not_taken.add();
    return std::nullopt;
  }
  const bool is_member = is_filling(*account);
  const std::uint64_t blocks = filling_.bytes.blocks_with(offered.batch.size());
  const bool fits = blocks <= most_group_blocks_ &&
                    ring_.has_room(blocks, journal_ring::reserve::for_truncation_and_mark) &&
                    (is_member || journal_ring::is_in(*account) || ring_.takes_another_log());
  if (!fits) {
    want_room();
    counts_.batches_not_taken.add();
    return std::nullopt;
  }
  if (account->offered_end != offered.base || account->offered_in_run != run_number_) {
    account->offered_start = offered.base;
    account->offered_in_run = run_number_;
  }
  account->offered_end = offered.end.offset;
  if (!is_member) {
    account->member_of_filling = filling_number_;
    account->member_index = filling_.members.size();
    filling_.members.push_back({account, {}, account->log});
  }
  filling_.members[account->member_index].promise = {account->offered_start, offered.end, offered.generation};
  filling_.bytes.add_batch(account->id, offered.batch);
  ring_.add_log(account, offered.end.offset);
  wake();
  return account->offered_start;
}

void commit_journal::want_run() {
  if (stopping_ || !is_on() || !backlog_.is_empty()) return;
  stage_ = stage::preparing;
  while (settings_.worker == nullptr && threads_.size() < thread_count)
    threads_.emplace_back([this] { run(); });
  wake();
}

void commit_journal::wake() {
  if (settings_.worker != nullptr) {
    settings_.worker->request(*this);
  } else if (waiting_for_work_) {
    work_.notify_one();
  }
}

void commit_journal::want_room() {
  begin_round_if_due();
  // Where groups are free already, only the disk has to be told.
  if (!ring_.mark_would_free()) return;
  mark_wanted_ = true;
  wake();
}

void commit_journal::begin_round_if_due() {
  if (stage_ != stage::running || !ring_.round_is_due()) return;
  counts_.rounds.add();
  ++round_number_;
  waiting_for_whole_sync_.clear();
  const bool is_for_room = ring_.is_half_full();
  auto logs = ring_.begin_round();
  if (is_for_room) want_growth_for(logs.size());
  const bool are_many = logs.size() >= settings_.whole_sync_from_logs;
  if (are_many && !stopping_ && settings_.whole && settings_.whole->is_usable()) {
    waiting_for_whole_sync_ = std::move(logs);
    settings_.background->request(round_sync_);
    return;
  }
  for (const auto& each : logs) ask(each);
  wake();
}

void commit_journal::want_growth_for(std::size_t logs) {
  if (growth_ || !may_grow_ || settings_.background == nullptr) return;
  const std::uint64_t most = settings_.bytes / journal_block_bytes;
  const std::uint64_t for_a_round = logs * settings_.bytes_for_each_log / journal_block_bytes;
  std::uint64_t blocks = ring_.blocks();
  while (blocks / 2 < for_a_round && blocks < most) blocks = std::min(2 * blocks, most);
  if (blocks == ring_.blocks()) return;
  wanted_blocks_ = blocks;
  wake();
}

void commit_journal::sync_round() {
  std::unique_lock lock(mutex_);
  const std::uint64_t round = round_number_;
  const auto logs = std::exchange(waiting_for_whole_sync_, {});
  lock.unlock();
  if (logs.empty()) return;
  const bool is_on_disk = settings_.whole->run().has_value();
  if (is_on_disk) counts_.whole_syncs.add();

  lock.lock();
  // Another round has begun when all of these were synced by themselves meanwhile.
  if (round != round_number_) return;
  for (const auto& each : logs) {
    if (!is_on_disk) ask(each);
    if (is_on_disk && each->older_end != model::no_offset) to_ask_.push_back({each, each->older_end, round});
  }
  wake();
}

bool commit_journal::is_still_wanted(const asking& from) const {
  const auto& account = *from.account;
  if (account.log == nullptr) return false;
  // A truncation may have come between, and the log have grown anew since.
  if (from.on_disk) return from.round == round_number_ && account.older_end == *from.on_disk;
  return journal_ring::is_in(account) || stage_ != stage::running;
}

void commit_journal::ask_some_logs() {
  // A few at a time: appends wait for the lock meanwhile.
  constexpr std::size_t at_once = 16;
  for (std::size_t asked = 0; asked < at_once && !to_ask_.empty(); ++asked) {
    const auto next = std::move(to_ask_.front());
    to_ask_.pop_front();
    if (is_still_wanted(next)) next.account->log->sync_for_journal(next.on_disk);
  }
}

void commit_journal::synced(journal_account& account, model::offset end) {
  const std::lock_guard guard(mutex_);
  ring_.synced(account, end);
  replace_when_free();
  begin_round_if_due();
}

base::status commit_journal::truncate(const journal_account_ptr& account, model::offset end) {
  std::unique_lock lock(mutex_);
  // A run of before, which a crash would give back once more, ends with the beginning of another.
  if (stage_ == stage::unused && (backlog_.was_loaded() || run_number_ > 0)) want_run();
  await(lock, [this] { return stage_ != stage::preparing; });
  if (stage_ != stage::running) {
    if (account->last_sequence == 0 && !backlog_.was_loaded()) return {};
    return why_no_truncation();
  }
  const bool is_in_ring = is_filling(*account) || account->last_sequence >= ring_.recorded_oldest();
  ring_.forget_batches(*account, end);
  account->offered_end = model::no_offset;
  if (is_filling(*account)) filling_.members[account->member_index].promise.end.offset = end;
  if (!is_in_ring) return {};
  if (!ring_.has_room(filling_.bytes.blocks_with(0), journal_ring::reserve::for_mark)) {
    return base::fail_errno(ENOBUFS, "{}: no room for a truncation", journal_file_name);
  }
  filling_.bytes.add_truncation(account->id, end);
  wake();
  const std::uint64_t mine = filling_number_;
  await(lock, [&] { return stage_ != stage::running || durable_filling_ >= mine; });
  if (durable_filling_ >= mine) return {};
  return why_no_truncation();
}

base::status commit_journal::why_no_truncation() const {
  constexpr const char* what = "a truncation could not be written";
  if (lacks_room()) return base::fail_errno(ENOSPC, "{}: {}", journal_file_name, what);
  return base::fail(errc::journal_failed, "{}: {}", journal_file_name, what);
}

commit_journal::close_outcome commit_journal::close() {
  stop_threads();
  const std::lock_guard turn(turn_mutex_);
  const std::lock_guard guard(mutex_);
  const bool may_be_found = stage_ != stage::unused || run_number_ > 0 || backlog_.was_loaded();
  stage_ = stage::off;
  if (ring_.is_needed() || !backlog_.is_empty()) return close_outcome::batches_needed;
  if (may_be_found && is_on()) {
    // After a clean stop nobody looks for batches in it; this is for whoever uses the directory next, and crashes.
    if (auto ended = disk_.end_run(); !ended) base::say_warning("{}", ended.error().describe());
  }
  return close_outcome::nothing_needed;
}

}  // namespace tidelog::storage
