// The journal at work, with logs that only listen.
#include "support_commit_journal.hpp"

#include <array>

namespace tidelog::test {
namespace {

class commit_journal_test : public journal_fixture {};

TEST_F(commit_journal_test, nothing_is_written_before_the_first_batch_is_offered) {
  const auto before = files_.changes();
  begin();
  seated_log log;
  seat(log);
  EXPECT_EQ(files_.changes(), before);
  EXPECT_FALSE(offer(log)) << "no file is there yet";
  offer_until_taken(log);
  EXPECT_EQ(*(*files_.open(journal_path, io::open_mode::read))->size(),
            small_ring_bytes + 2 * storage::journal_block_bytes);
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, journal_of_no_bytes_takes_nothing_and_writes_nothing) {
  begin(0);
  const auto before = files_.changes();
  EXPECT_FALSE(journal_->is_on());
  EXPECT_EQ(journal_->close(), commit_journal::close_outcome::nothing_needed);
  EXPECT_EQ(files_.changes(), before);
}

TEST_F(commit_journal_test, what_a_log_has_been_told_survives_a_crash) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  const auto first = log.end - 1;
  offer(log);
  offer(log);
  log.log.wait_for(log.end);
  EXPECT_EQ(log.log.last().run_start, at(first));
  EXPECT_EQ(left_of(), (std::vector<std::int64_t>{first, first + 1, first + 2}));
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, run_begins_anew_behind_a_batch_that_was_not_taken) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  EXPECT_FALSE(offer(log, commit_journal::largest_batch_bytes));
  const auto start = log.end;
  EXPECT_EQ(offer(log), at(start));
  EXPECT_EQ(offer(log), at(start));
  log.log.wait_for(log.end);
  EXPECT_EQ(log.log.last().run_start, at(start));
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, full_ring_takes_nothing_until_logs_have_synced) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  use_up_ring(log);
  log.log.wait_until_asked(1);
  EXPECT_FALSE(offer(log, 20'000)) << "asking alone frees nothing";
  journal_->synced(*log.account, at(log.end));
  while (!offer(log, 20'000)) std::this_thread::yield();
  EXPECT_GE(counts().rounds.value(), 1U);
  EXPECT_GE(counts().batches_not_taken.value(), 2U);
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, ring_goes_on_for_ever_when_logs_sync_as_they_are_asked) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  for (int taken = 0; taken < 100;) {
    if (offer(log, 5000)) {
      log.log.wait_for(log.end);
      ++taken;
    } else {
      journal_->synced(*log.account, at(log.end));
    }
  }
  EXPECT_LE(static_cast<std::uint64_t>(counts().used_bytes.value()), small_ring_bytes);
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, closed_log_is_told_nothing_more_and_its_batches_stay) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  const auto last = log.end - 1;
  journal_->leave(*log.account);
  EXPECT_EQ(journal_->close(), commit_journal::close_outcome::batches_needed);
  EXPECT_EQ(left_of(), std::vector<std::int64_t>{last});
}

TEST_F(commit_journal_test, log_that_is_opened_again_gets_back_what_it_had) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  journal_->leave(*log.account);
  const auto left = journal_->leftovers_of(log_id(1));
  ASSERT_TRUE(left);
  ASSERT_EQ(left->batches.size(), 1U);
  EXPECT_TRUE(left->read(left->batches.front()));
  EXPECT_TRUE(journal_->leftovers_of(log_id(2))->batches.empty());
  journal_->given_back(log_id(1));
  EXPECT_TRUE(journal_->leftovers_of(log_id(1))->batches.empty());
  EXPECT_EQ(journal_->close(), commit_journal::close_outcome::nothing_needed);
}

TEST_F(commit_journal_test, clean_close_leaves_nothing_to_be_found) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  journal_->synced(*log.account, at(log.end));
  journal_->leave(*log.account);
  EXPECT_EQ(journal_->close(), commit_journal::close_outcome::nothing_needed);
  EXPECT_TRUE(left_of().empty());
}

TEST_F(commit_journal_test, next_run_uses_the_same_file_and_forgets_the_last) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  journal_->leave(*log.account);
  journal_.reset();
  begin();
  seated_log next;
  next.end = 1000;
  seat(next, 2);
  offer_until_taken(next);
  next.log.wait_for(next.end);
  journal_->leave(*next.account);
  EXPECT_TRUE(left_of(1).empty());
  EXPECT_EQ(left_in_file(2), std::vector<std::int64_t>{next.end - 1});
}

TEST_F(commit_journal_test, no_run_begins_while_logs_have_not_got_back_theirs) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  journal_->leave(*log.account);
  journal_.reset();
  begin();
  ASSERT_TRUE(journal_->backlog().load());
  seated_log other;
  seat(other, 2);
  const auto changes = files_.changes();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(offer(other));
  EXPECT_EQ(files_.changes(), changes);
  EXPECT_EQ(journal_->leftovers_of(log_id(1))->batches.size(), 1U);
  journal_->given_back(log_id(1));
  offer_until_taken(other);
  journal_->leave(*other.account);
}

TEST_F(commit_journal_test, truncation_keeps_what_it_took_away_from_coming_back) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  const auto first = log.end - 1;
  offer(log);
  offer(log);
  log.log.wait_for(log.end);
  journal_->synced(*log.account, at(log.end));
  EXPECT_EQ(left_in_file(), (std::vector<std::int64_t>{first, first + 1, first + 2}));
  ASSERT_TRUE(journal_->truncate(log.account, at(first + 1)));
  EXPECT_TRUE(left_in_file().empty()) << "all before is in the segments";
  log.end = first + 1;
  EXPECT_EQ(offer(log), at(first + 1));
  log.log.wait_for_run(first + 1);
  EXPECT_EQ(left_in_file(), std::vector<std::int64_t>{first + 1});
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, failed_sync_asks_every_log_and_a_new_file_takes_over) {
  begin();
  seated_log one;
  seated_log two;
  seat(one, 1);
  seat(two, 2);
  offer_until_taken(one);
  one.log.wait_for(one.end);
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = storage::journal_file_name});
  ASSERT_TRUE(offer(two));
  one.log.wait_until_asked(1);
  two.log.wait_until_asked(1);
  EXPECT_TRUE(two.log.has_nothing()) << "a failed sync acknowledges nothing";
  EXPECT_FALSE(offer(two)) << "the old file is still needed";
  EXPECT_FALSE(journal_->is_refusing());
  journal_->synced(*two.account, at(two.end));
  journal_->synced(*one.account, at(one.end));
  offer_until_taken(two);
  two.log.wait_for(two.end);
  EXPECT_EQ(counts().failures.value(), 1U);
  EXPECT_EQ(two.log.last().run_start, at(two.end - 1)) << "what the old file had taken does not count";
  for (auto* const each : {&one, &two}) journal_->leave(*each->account);
  EXPECT_EQ(left_of(2), std::vector<std::int64_t>{two.end - 1});
}

TEST_F(commit_journal_test, second_failure_refuses_durable_appends) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  log.log.wait_for(log.end);
  journal_->synced(*log.account, at(log.end));
  files_.inject({.what = operation::write,
                 .error_number = EIO,
                 .path_contains = storage::journal_file_name,
                 .times = for_ever});
  ASSERT_TRUE(offer(log));
  log.log.wait_until_asked(1);
  journal_->synced(*log.account, at(log.end));
  while (!journal_->is_refusing()) {
    EXPECT_FALSE(offer(log));
    journal_->synced(*log.account, at(log.end));
    std::this_thread::yield();
  }
  EXPECT_EQ(counts().failures.value(), 2U);
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, want_of_room_is_waited_out_however_often) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  for (int round = 0; round < 3; ++round) {
    for (const auto what : {operation::write, operation::sync}) {
      const auto faults = files_.faults_met();
      // And twice in the header of the next run.
      ASSERT_NO_FATAL_FAILURE(fail_group(log, what, ENOSPC, 3));
      const auto changes = files_.changes();
      for (int i = 0; i < 10; ++i) EXPECT_FALSE(offer(log));
      EXPECT_EQ(files_.changes(), changes) << "not before the pause is over";
      offer_until_taken_in_time(log);
      EXPECT_EQ(files_.faults_met(), faults + 3);
      EXPECT_FALSE(journal_->is_refusing());
    }
  }
  log.log.wait_for(log.end);
  journal_->leave(*log.account);
  EXPECT_EQ(left_of(), std::vector<std::int64_t>{log.end - 1}) << "what the last run has";
}

TEST_F(commit_journal_test, want_of_room_makes_no_failure_the_second) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  for (int round = 0; round < 2; ++round) {
    ASSERT_NO_FATAL_FAILURE(fail_group(log, operation::sync, ENOSPC));
    offer_until_taken_in_time(log);
    ASSERT_NO_FATAL_FAILURE(fail_group(log, operation::sync, EDQUOT));
    offer_until_taken_in_time(log);
    ASSERT_NO_FATAL_FAILURE(fail_group(log, operation::sync, EIO));
    if (round == 0) offer_until_taken(log);
  }
  EXPECT_TRUE(journal_->is_refusing());
  journal_->leave(*log.account);
}

TEST_F(commit_journal_test, new_file_that_finds_no_room_is_waited_for) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  ASSERT_NO_FATAL_FAILURE(fail_group(log, operation::sync, EIO));
  constexpr std::array moments{operation::remove, operation::space,  operation::write,
                               operation::sync,   operation::rename, operation::sync_directory};
  for (const auto what : moments) files_.inject({.what = what, .error_number = ENOSPC});
  offer_until_taken_in_time(log);
  EXPECT_EQ(files_.faults_met(), 1 + moments.size());
  log.log.wait_for(log.end);
  journal_->leave(*log.account);
  EXPECT_EQ(left_of(), std::vector<std::int64_t>{log.end - 1});
}

TEST_F(commit_journal_test, file_whose_name_was_not_synced_gets_it_synced_before_it_serves) {
  begin();
  seated_log log;
  seat(log);
  files_.inject({.what = operation::sync_directory, .error_number = ENOSPC});
  offer_until_taken_in_time(log);
  log.log.wait_for(log.end);
  EXPECT_EQ(files_.faults_met(), 1U);
  journal_->leave(*log.account);
  EXPECT_EQ(left_of(), std::vector<std::int64_t>{log.end - 1});
}

TEST_F(commit_journal_test, disk_without_room_goes_on_without_a_journal) {
  for (const bool is_small : {true, false}) {
    if (is_small) {
      files_.set_capacity_bytes(7 * small_ring_bytes);
    } else {
      files_.set_capacity_bytes(for_ever);
      files_.inject({.what = operation::write, .error_number = ENOSPC, .path_contains = ".tmp", .after = 1});
    }
    begin();
    seated_log log;
    seat(log);
    EXPECT_FALSE(offer(log));
    journal_->leave(*log.account);
    // Which waits for what has been begun.
    journal_.reset();
    EXPECT_EQ(counts().failures.value(), 0U);
    EXPECT_TRUE(files_.list(data)->empty()) << "nothing half laid out takes up room";
  }
}

TEST_F(commit_journal_test, file_of_another_size_is_laid_out_anew) {
  begin();
  seated_log log;
  seat(log);
  offer_until_taken(log);
  journal_->leave(*log.account);
  journal_.reset();
  begin(2 * small_ring_bytes);
  seated_log next;
  seat(next);
  offer_until_taken(next);
  journal_->leave(*next.account);
  EXPECT_EQ(storage::read_journal_header(**files_.open(journal_path, io::open_mode::read))->ring_bytes(),
            2 * small_ring_bytes);
}

TEST_F(commit_journal_test, many_threads_are_told_what_they_offered) {
  begin(4 * small_ring_bytes);
  std::vector<seated_log> logs(4);
  for (std::size_t i = 0; i < logs.size(); ++i) seat(logs[i], static_cast<int>(i) + 1);
  offer_until_taken(logs[0]);
  std::vector<std::thread> threads;
  for (auto& log : logs) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        if (!offer(log)) {
          journal_->synced(*log.account, at(log.end));
        } else if (i % 7 == 0) {
          log.log.wait_for(log.end);
        }
      }
      journal_->leave(*log.account);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace tidelog::test
