// One sync of the file system in place of one for each segment: what may be believed of it, and when.
#include "whole_sync.hpp"

#include "commit_journal.hpp"
#include "support_journal_life.hpp"

#include <mutex>
#include <thread>

namespace tidelog::test {
namespace {

const io::path some_file = "/data/some-file";

class whole_sync_test : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_directories(data));
    file_ = *files_.open(some_file, io::open_mode::create);
    files_.make_durable();
  }
  void write(std::uint64_t position) { ASSERT_TRUE(file_->write_at(base::as_bytes("text"), position)); }
  [[nodiscard]] std::uint64_t size_after_power_cut() {
    files_.restart(unsynced::lost);
    return files_.facts_of(some_file)->size_bytes;
  }

  fault_file_system files_;
  std::shared_ptr<io::file> file_;
};

TEST_F(whole_sync_test, covers_what_was_noted_before_it_began) {
  storage::whole_sync whole(files_, some_file);
  write(0);
  const auto noted = whole.begun();
  EXPECT_FALSE(whole.covers(noted));
  ASSERT_TRUE(whole.run());
  EXPECT_TRUE(whole.covers(noted));
  EXPECT_FALSE(whole.covers(whole.begun()));
  EXPECT_EQ(size_after_power_cut(), 4U);
}

TEST_F(whole_sync_test, is_never_believed_again_after_a_failure) {
  storage::whole_sync whole(files_, some_file);
  write(0);
  const auto noted = whole.begun();
  files_.inject({.what = operation::sync_volume, .error_number = EIO});
  EXPECT_FALSE(whole.run());
  EXPECT_FALSE(whole.covers(noted));
  EXPECT_FALSE(whole.is_usable());
  EXPECT_FALSE(whole.run()) << "the file system would say yes now, of bytes that are lost";
  EXPECT_FALSE(whole.covers(noted));
}

TEST_F(whole_sync_test, hears_of_a_write_back_that_failed_and_that_another_sync_was_told_of) {
  storage::whole_sync whole(files_, some_file);
  write(0);
  const auto noted = whole.begun();
  files_.fail_write_back();
  EXPECT_FALSE(file_->sync_data());
  EXPECT_FALSE(whole.run());
  EXPECT_FALSE(whole.covers(noted));
}

TEST_F(whole_sync_test, mark_says_nothing_of_writes_that_came_after_the_sync_began) {
  storage::whole_sync whole(files_, some_file);
  storage::written_mark mark(&whole);
  mark.note();
  ASSERT_TRUE(whole.run());
  EXPECT_TRUE(mark.is_on_disk());
  mark.note();
  EXPECT_FALSE(mark.is_on_disk());
  EXPECT_FALSE(storage::written_mark(nullptr).is_on_disk());
}

/// Logs over a journal whose rounds begin with a sync of the whole file system.
class whole_sync_rounds_test : public ::testing::Test {
 protected:
  void SetUp() override { begin_life(); }
  void begin_life() {
    life_.reset();
    life_ = std::make_unique<life>(files_, books_, topic_, ring_bytes, 1);
    ASSERT_TRUE(life_->is_up());
  }
  void append_to_all() {
    for (int log = 0; log < log_count; ++log) {
      ASSERT_TRUE(life_->append(log, 200));
      ASSERT_TRUE(life_->wait(log));
    }
  }
  /// Until the journal has gone round often enough.
  void append_until(const std::function<bool()>& done) {
    while (!done()) append_to_all();
  }
  /// So slowly that the journal always has room: what finds it full is synced by its log.
  void append_through_rounds(std::uint64_t count) {
    const auto syncs = life_->counts().whole_syncs.value() + count;
    while (life_->counts().whole_syncs.value() < syncs && !HasFatalFailure()) {
      const auto end = life_->log(0).log_end_offset();
      append_to_all();
      if (life_->counts().used_bytes.value() < std::int64_t{ring_bytes} * 5 / 8) continue;
      // More than what makes a round begin, so that sooner or later one takes up all of it.
      for (int log = 0; log < log_count; ++log) {
        while (life_->log(log).recovery_point() < end && files_.faults_met() == 0) std::this_thread::yield();
      }
    }
  }
  void check_all() {
    for (int log = 0; log < log_count; ++log) life_->check(log);
  }

  fault_file_system files_;
  std::array<log_book, log_count> books_;
  const model::topic_id topic_ = base::random_uuid();
  std::unique_ptr<life> life_;
};

TEST_F(whole_sync_rounds_test, no_segment_has_to_be_synced_by_itself) {
  append_through_rounds(3);
  ASSERT_FALSE(HasFatalFailure());
  // What the logs wanted to sync before the journal was in use is done: they have been through rounds since.
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = "00.log", .times = for_ever});
  append_through_rounds(5);
  EXPECT_EQ(files_.faults_met(), 0U);
}

TEST_F(whole_sync_rounds_test, what_they_free_in_the_journal_is_there_after_a_power_cut) {
  append_until([&] { return life_->counts().whole_syncs.value() > 4 || HasFatalFailure(); });
  files_.cut_power();
  life_.reset();
  files_.restart(unsynced::lost);
  begin_life();
  check_all();
}

TEST_F(whole_sync_rounds_test, recovery_point_follows) {
  append_until(
      [&] { return life_->log(0).recovery_point() > at(0) && life_->counts().whole_syncs.value() > 0; });
  EXPECT_LE(life_->log(0).recovery_point(), life_->log(0).log_end_offset());
}

TEST_F(whole_sync_rounds_test, when_one_fails_each_log_syncs_its_segments) {
  append_until([&] { return life_->counts().whole_syncs.value() > 0 || HasFatalFailure(); });
  files_.inject({.what = operation::sync_volume, .error_number = EIO, .times = for_ever});
  // The bytes that the failed sync was to write are lost, and each log hears of it by its own sync.
  const auto rounds = life_->counts().rounds.value();
  const auto syncs = life_->counts().whole_syncs.value();
  bool all_are_online = true;
  while (all_are_online && life_->counts().rounds.value() < rounds + 3) {
    for (int log = 0; log < log_count && all_are_online; ++log)
      all_are_online = life_->append(log, 200) && life_->wait(log);
  }
  EXPECT_EQ(life_->counts().whole_syncs.value(), syncs);
  files_.clear_faults();
  files_.cut_power();
  life_.reset();
  files_.restart(unsynced::lost);
  begin_life();
  check_all();
}

/// Runs what is requested when it is told to.
class held_committer final : public storage::committer {
 public:
  void request(storage::commit_source& source) override {
    const std::lock_guard guard(mutex_);
    waiting_ = &source;
  }
  void forget(storage::commit_source& source) override {
    const std::lock_guard guard(mutex_);
    if (waiting_ == &source) waiting_ = nullptr;
  }
  [[nodiscard]] bool has_request() {
    const std::lock_guard guard(mutex_);
    return waiting_ != nullptr;
  }
  void run() {
    std::unique_lock lock(mutex_);
    storage::commit_source& source = *std::exchange(waiting_, nullptr);
    lock.unlock();
    source.commit();
  }

 private:
  std::mutex mutex_;
  storage::commit_source* waiting_ = nullptr;
};

class asked_log final : public storage::journaled_log {
 public:
  void journal_has(const storage::journal_promise&) override {}
  void sync_for_journal(std::optional<model::offset> on_disk) override {
    const std::lock_guard guard(mutex_);
    asked_.push_back(on_disk);
  }
  [[nodiscard]] std::vector<std::optional<model::offset>> asked() {
    const std::lock_guard guard(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::optional<model::offset>> asked_;
};

/// The journal alone, one log, and a whole sync that comes when the test says so.
class held_whole_sync_test : public whole_sync_test {
 protected:
  void SetUp() override {
    whole_sync_test::SetUp();
    storage::commit_journal::settings settings{.bytes = ring_bytes, .logs_in_a_round = 100};
    settings.whole = std::make_shared<storage::whole_sync>(files_, some_file);
    settings.background = &committer_;
    journal_ = std::make_unique<storage::commit_journal>(files_, data, base::random_uuid(), settings);
    account_ = journal_->seat({}, log_, at(0));
    while (!offer()) {
      journal_->synced(*account_, at(end_));
      std::this_thread::yield();
    }
  }
  void TearDown() override { journal_->leave(*account_); }
  bool offer() {
    auto batch = make_batch({.value_bytes = 20'000});
    const auto base = at(end_++);
    model::set_base_offset(batch, base);
    return journal_->offer(account_, {batch, base, {at(end_), {}, 0, 0}, 0}).has_value();
  }
  void offer_until_round() {
    while (!committer_.has_request()) {
      offer();
      std::this_thread::yield();
    }
  }

  held_committer committer_;
  asked_log log_;
  std::unique_ptr<storage::commit_journal> journal_;
  storage::journal_account_ptr account_;
  std::int64_t end_ = 0;
};

TEST_F(held_whole_sync_test, log_is_told_up_to_where_the_round_found_it) {
  offer_until_round();
  EXPECT_TRUE(log_.asked().empty()) << "before the file system has been synced there is nothing to tell";
  committer_.run();
  while (log_.asked().empty()) std::this_thread::yield();
  const auto told = log_.asked().front();
  ASSERT_TRUE(told);
  EXPECT_GT(*told, at(0));
  EXPECT_LE(*told, at(end_));
}

TEST_F(held_whole_sync_test, log_that_was_truncated_meanwhile_is_told_nothing) {
  offer_until_round();
  ASSERT_TRUE(journal_->truncate(account_, at(1)));
  committer_.run();
  // The journal's threads have done all there was to do when the next group is on disk.
  end_ = 1;
  ASSERT_TRUE(offer());
  ASSERT_TRUE(journal_->truncate(account_, at(1)));
  EXPECT_TRUE(log_.asked().empty());
}

TEST_F(held_whole_sync_test, log_is_asked_to_sync_by_itself_where_the_file_system_fails) {
  offer_until_round();
  files_.inject({.what = operation::sync_volume, .error_number = EIO});
  committer_.run();
  while (log_.asked().empty()) std::this_thread::yield();
  EXPECT_EQ(log_.asked().front(), std::nullopt);
}

}  // namespace
}  // namespace tidelog::test
