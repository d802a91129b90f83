#pragma once
// What the tests of the commit journal share: logs that only listen, and a journal on a disk that loses and fails.
#include "commit_journal.hpp"
#include "support/manual_clock.hpp"
#include "support_log.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tidelog::test {

using storage::commit_journal;

inline constexpr std::uint64_t small_ring_bytes = 64 * storage::journal_block_bytes;
inline const io::path data = "/data";
inline const io::path journal_path = data / storage::journal_file_name;

class listening_log final : public storage::journaled_log {
 public:
  void journal_has(const storage::journal_promise& upto) override {
    const std::lock_guard guard(mutex_);
    has_.push_back(upto);
    changed_.notify_all();
  }
  void sync_for_journal(std::optional<model::offset> /*on_disk*/) override {
    const std::lock_guard guard(mutex_);
    ++asked_;
    changed_.notify_all();
  }
  void wait_for(std::int64_t end) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !has_.empty() && has_.back().end.offset >= at(end); });
  }
  void wait_for_run(std::int64_t start) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !has_.empty() && has_.back().run_start == at(start); });
  }
  void wait_until_asked(int times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= times; });
  }
  [[nodiscard]] storage::journal_promise last() {
    const std::lock_guard guard(mutex_);
    return has_.back();
  }
  [[nodiscard]] bool has_nothing() {
    const std::lock_guard guard(mutex_);
    return has_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<storage::journal_promise> has_;
  int asked_ = 0;
};

[[nodiscard]] inline storage::journal_log_id log_id(int number) {
  storage::journal_log_id id;
  id.topic.bytes[0] = std::byte{static_cast<unsigned char>(number)};
  return id;
}

/// A log's account and where the log ends.
struct seated_log {
  listening_log log;
  storage::journal_account_ptr account;
  std::int64_t end = 0;
};

class journal_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_directories(data));
    files_.make_durable();
  }
  [[nodiscard]] commit_journal::settings settings_of(std::uint64_t bytes) {
    return {.bytes = bytes, .logs_in_a_round = 100, .metrics = &metrics_, .clock = &clock_};
  }
  void begin(const commit_journal::settings& wanted) {
    journal_ = std::make_unique<commit_journal>(files_, data, directory_id_, wanted);
  }
  void begin(std::uint64_t bytes = small_ring_bytes) { begin(settings_of(bytes)); }
  void seat(seated_log& log, int number = 1) {
    log.account = journal_->seat(log_id(number), log.log, at(log.end));
  }
  std::optional<model::offset> offer(seated_log& log, std::size_t value_bytes = 10) {
    auto batch = make_batch({.value_bytes = value_bytes});
    model::set_base_offset(batch, at(log.end));
    const auto base = at(log.end++);
    return journal_->offer(log.account, {batch, base, {at(log.end), {}, 0, 0}, 0});
  }
  /// The first offers only make the journal begin.
  void offer_until_taken(seated_log& log) {
    while (!offer(log)) {
      journal_->synced(*log.account, at(log.end));
      std::this_thread::yield();
    }
  }
  /// What a crash now would leave of the log in the journal.
  [[nodiscard]] std::vector<std::int64_t> left_of(int number = 1) {
    files_.restart(unsynced::lost);
    return left_in_file(number);
  }
  [[nodiscard]] std::vector<std::int64_t> left_in_file(int number = 1) {
    storage::journal_backlog backlog(files_, data, directory_id_,
                                     storage::journal_backlog::file_fate::serves_again);
    EXPECT_TRUE(backlog.load());
    std::vector<std::int64_t> offsets;
    for (const auto& each : backlog.leftovers_of(log_id(number)).batches) {
      offsets.push_back(each.base_offset.value());
    }
    return offsets;
  }
  [[nodiscard]] storage::journal_instruments counts() { return storage::journal_instruments(metrics_); }
  void use_up_ring(seated_log& log) {
    while (offer(log, 20'000)) log.log.wait_for(log.end);
  }

  /// The next `times` operations of that kind fail, the first of them in a group, which this offers.
  void fail_group(seated_log& log, operation what, int error_number, std::uint64_t times = 1) {
    log.log.wait_for(log.end);
    const auto failures = counts().failures.value();
    files_.inject({.what = what,
                   .error_number = error_number,
                   .path_contains = storage::journal_file_name,
                   .times = times});
    ASSERT_TRUE(offer(log));
    while (counts().failures.value() == failures) std::this_thread::yield();
    EXPECT_FALSE(offer(log)) << "the log has not synced its segments";
    journal_->synced(*log.account, at(log.end));
  }
  void offer_until_taken_in_time(seated_log& log) {
    while (!offer(log)) {
      journal_->synced(*log.account, at(log.end));
      clock_.advance(std::chrono::seconds(1));
    }
  }

  metrics::registry metrics_;
  manual_clock clock_;
  fault_file_system files_;
  const base::uuid directory_id_ = base::random_uuid();
  std::unique_ptr<commit_journal> journal_;
};

}  // namespace tidelog::test
