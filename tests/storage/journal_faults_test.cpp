// Several logs over one commit journal: disks refuse, and what was acknowledged or seen is still there.
#include "support/journal_header.hpp"
#include "support_journal_life.hpp"

namespace tidelog::test {
namespace {

class journal_faults_test : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_.emplace(files_, books_, topic_);
    ASSERT_TRUE(daemon_->is_up());
  }
  /// Until the journal has been laid out and takes what it is offered.
  void warm_up() {
    for (int log = 0; log < log_count; ++log) {
      const auto before = daemon_->counts().batches.value();
      while (daemon_->counts().batches.value() == before) {
        ASSERT_TRUE(daemon_->append(log, 10));
        ASSERT_TRUE(daemon_->wait(log));
      }
    }
  }
  void restart(unsynced fate = unsynced::lost) {
    daemon_.reset();
    files_.clear_faults();
    files_.restart(fate);
    daemon_.emplace(files_, books_, topic_);
    ASSERT_TRUE(daemon_->is_up());
    for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
  }

  fault_file_system files_;
  std::array<log_book, log_count> books_;
  const model::topic_id topic_ = base::random_uuid();
  std::optional<life> daemon_;
};

TEST_F(journal_faults_test, acknowledgement_needs_no_sync_of_the_segment) {
  warm_up();
  ASSERT_TRUE(daemon_->log(0).flush());
  const auto point = daemon_->log(0).recovery_point();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  EXPECT_EQ(daemon_->log(0).recovery_point(), point);
  EXPECT_EQ(daemon_->log(0).high_watermark(), point + 1);
  restart();
  EXPECT_TRUE(daemon_->log(0).recovery().has(storage::recovery_outcome::replayed_from_journal));
  EXPECT_EQ(daemon_->log(0).recovery_point(), daemon_->log(0).log_end_offset());
}

TEST_F(journal_faults_test, log_whose_segments_fail_keeps_what_the_journal_acknowledged) {
  warm_up();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(daemon_->append(0, 10));
    ASSERT_TRUE(daemon_->wait(0));
  }
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = "topic-0"});
  EXPECT_FALSE(daemon_->log(0).flush());
  EXPECT_EQ(daemon_->log(0).health(), storage::log_health::offline);
  // The others go on, round after round, and never over what that log needs.
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
  EXPECT_FALSE(daemon_->close()) << "the directory is not clean";
  restart();
}

TEST_F(journal_faults_test, log_whose_segments_failed_is_opened_again_and_has_it_on_disk) {
  warm_up();
  for (const int error : {EIO, ENOSPC}) {
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(daemon_->append(0, 10));
      ASSERT_TRUE(daemon_->wait(0));
    }
    // One that nobody has waited for may come back or not.
    ASSERT_TRUE(daemon_->append(0, 10));
    files_.inject(
        {.what = operation::sync, .error_number = error, .path_contains = "topic-0", .times = for_ever});
    EXPECT_FALSE(daemon_->log(0).flush());
    EXPECT_EQ(daemon_->log(0).health(), storage::log_health::offline);
    files_.clear_faults();
    ASSERT_TRUE(daemon_->reopen(0));
    ASSERT_NO_FATAL_FAILURE(daemon_->check(0));
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(daemon_->append(0, 10));
      ASSERT_TRUE(daemon_->append(1, 10));
      ASSERT_TRUE(daemon_->wait(0));
      ASSERT_TRUE(daemon_->wait(1));
    }
    restart(error == EIO ? unsynced::lost : unsynced::kept);
    warm_up();
  }
  // All is on disk, whatever the page cache has shown meanwhile.
  restart(unsynced::lost);
}

TEST_F(journal_faults_test, journal_that_fails_is_replaced_and_nothing_is_lost) {
  warm_up();
  files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = storage::journal_file_name});
  for (int i = 0; i < 20; ++i) {
    for (int log = 0; log < log_count; ++log) {
      ASSERT_TRUE(daemon_->append(log, 10));
      ASSERT_TRUE(daemon_->wait(log));
    }
  }
  EXPECT_EQ(daemon_->counts().failures.value(), 1U);
  warm_up();
  restart();
}

TEST_F(journal_faults_test, journal_that_fails_twice_refuses_durable_appends_and_reads_go_on) {
  warm_up();
  files_.inject({.what = operation::sync,
                 .error_number = EIO,
                 .path_contains = storage::journal_file_name,
                 .times = for_ever});
  while (daemon_->append(0, 10)) ASSERT_TRUE(daemon_->wait(0));
  auto batch = make_batch({});
  EXPECT_EQ(daemon_->log(1).append(batch, {}).error().code, storage::errc::journal_failed);
  EXPECT_EQ(daemon_->log(1).health(), storage::log_health::online);
  EXPECT_EQ(daemon_->log(1).high_watermark().value(), daemon_->book(1).promised_end);
  EXPECT_FALSE(read_all(daemon_->log(1), at(0), read_bound::high_watermark()).empty());
  auto config = life::config();
  config.flush_messages = storage::never_flush;
  daemon_->log(2).update_config(config);
  EXPECT_TRUE(daemon_->append(2, 10)) << "who does not ask for the disk does not need it";
  restart(unsynced::kept);
}

TEST_F(journal_faults_test, journal_that_finds_no_room_comes_back_however_often) {
  for (const auto what : {operation::write, operation::sync}) {
    for (int cut_in = 0; cut_in < 3; ++cut_in) {
      for (int round = 0; round < 3; ++round) {
        warm_up();
        files_.inject({.what = what,
                       .error_number = ENOSPC,
                       .path_contains = storage::journal_file_name,
                       .after = static_cast<std::uint64_t>(round),
                       .times = for_ever});
        for (int i = 0; i < 5; ++i) {
          for (int log = 0; log < log_count; ++log) {
            ASSERT_TRUE(daemon_->append(log, 10)) << "each log syncs its own segments";
            ASSERT_TRUE(daemon_->wait(log));
          }
          daemon_->clock_.advance(std::chrono::seconds(i));
        }
        EXPECT_GT(daemon_->counts().failures.value(), 0U);
        if (round == cut_in) restart();
        files_.clear_faults();
        daemon_->clock_.advance(std::chrono::minutes(2));
      }
      warm_up();
      restart();
    }
  }
}

TEST_F(journal_faults_test, logs_that_find_no_room_with_the_journal_come_back_however_often) {
  for (int round = 0; round < 3; ++round) {
    warm_up();
    for (const auto what : {operation::write, operation::sync}) {
      files_.inject({.what = what,
                     .error_number = ENOSPC,
                     .path_contains = storage::journal_file_name,
                     .times = for_ever});
    }
    files_.inject(
        {.what = operation::sync, .error_number = ENOSPC, .path_contains = "topic-", .times = for_ever});
    for (int log = 0; log < log_count; ++log) {
      if (daemon_->append(log, 10)) {
        EXPECT_FALSE(daemon_->wait(log)) << "what is not on disk is not acknowledged";
      }
      EXPECT_TRUE(daemon_->log(log).is_out_of_room());
    }
    files_.clear_faults();
    for (int log = 0; log < log_count; ++log) {
      ASSERT_TRUE(daemon_->reopen(log)) << "also while others still need what the journal has";
      ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
    }
    daemon_->clock_.advance(std::chrono::minutes(2));
    warm_up();
  }
  restart();
}

TEST_F(journal_faults_test, clean_stop_leaves_nothing_to_replay) {
  warm_up();
  ASSERT_TRUE(daemon_->close());
  restart(unsynced::kept);
  EXPECT_EQ(daemon_->directory().start(), storage::start_kind::clean);
  EXPECT_EQ(daemon_->counts().batches_replayed.value(), 0U);
}

TEST_F(journal_faults_test, topic_that_is_not_durable_any_more_holds_nothing_up) {
  warm_up();
  auto config = life::config();
  config.flush_messages = storage::never_flush;
  daemon_->log(0).update_config(config);
  const auto before = daemon_->counts().batches.value();
  // While the ring is full the log syncs for itself, and how often that is depends on who is faster.
  int appends_left = 20'000;
  while (daemon_->counts().batches.value() < before + 150) {
    ASSERT_GT(appends_left--, 0) << "the ring comes free again and again";
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
}

TEST_F(journal_faults_test, deleted_topic_does_not_come_back_and_frees_the_ring) {
  warm_up();
  ASSERT_TRUE(daemon_->directory().delete_log(name_of(0), 0));
  books_[0] = {};
  const auto topic = base::random_uuid();
  auto again =
      daemon_->directory().open_log({name_of(0), topic, life::config()}, storage::when_missing::create);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->log_end_offset(), at(0));
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(daemon_->append(1, 1000));
    ASSERT_TRUE(daemon_->wait(1));
  }
  EXPECT_GT(daemon_->counts().rounds.value(), 1U);
}

TEST_F(journal_faults_test, deleted_topic_is_not_waited_for_where_another_directory_has_lost_its_id) {
  warm_up();
  ASSERT_TRUE(daemon_->directory().delete_log(name_of(0), 0));
  books_[0] = {};
  const auto other = base::random_uuid();
  {
    const auto log =
        daemon_->directory().open_log({name_of(0), other, life::config()}, storage::when_missing::create);
    ASSERT_TRUE(log);
    const auto before = daemon_->counts().batches.value();
    while (daemon_->counts().batches.value() == before)
      ASSERT_TRUE(wait_committed(**log, test::append(**log, {}).end_offset()));
  }
  ASSERT_TRUE(daemon_->directory().delete_log(name_of(0), 0));
  daemon_.reset();
  ASSERT_TRUE(files_.remove_file(data / name_of(1).text() / "partition.metadata"));
  restart(unsynced::kept);
  // Whose the directory is shows when it is opened, and then that nobody wants the rest.
  EXPECT_TRUE(daemon_->close());
  EXPECT_TRUE(*files_.exists(data / ".kafka_cleanshutdown"));
}

TEST_F(journal_faults_test, log_that_went_on_elsewhere_takes_nothing_from_a_stale_journal) {
  warm_up();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  daemon_.reset();
  files_.restart(unsynced::lost);
  // Somebody who does not know the journal: the log ends where its file does, and goes on in a later epoch.
  {
    log_world world(files_);
    world.directory = data / "topic-0";
    const auto log = world.open(life::config());
    books_[0].values.resize(static_cast<std::size_t>(log->log_end_offset().value()));
    books_[0].promised_end = 0;
    auto batch = make_batch({.value = "somebody else's"});
    ASSERT_TRUE(log->append(batch, {.leader_epoch = model::leader_epoch(9)}));
    books_[0].values.emplace_back("somebody else's");
    ASSERT_TRUE(log->flush());
  }
  daemon_.emplace(files_, books_, topic_);
  ASSERT_TRUE(daemon_->is_up());
  for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
}

TEST_F(journal_faults_test, truncation_is_not_undone_by_the_journal) {
  warm_up();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  const auto end = daemon_->log(0).log_end_offset() - 2;
  ASSERT_TRUE(daemon_->log(0).truncate_to(end));
  books_[0].values.resize(static_cast<std::size_t>(end.value()));
  books_[0].promised_end = end.value();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  restart();
}

class stray_journal_test : public journal_faults_test {
 protected:
  void stop_uncleanly() {
    warm_up();
    daemon_.reset();
    files_.restart(unsynced::kept);
  }
  void write_header(std::uint64_t position, std::byte value) {
    const auto file = *files_.open(journal_, io::open_mode::read_write);
    for (std::uint64_t block = 0; block < storage::journal_header_blocks; ++block) {
      ASSERT_TRUE(file->write_at({&value, 1}, block * storage::journal_block_bytes + position));
    }
  }
  const io::path journal_ = data / storage::journal_file_name;
};

TEST_F(stray_journal_test, damaged_one_is_set_aside_and_the_daemon_starts) {
  stop_uncleanly();
  write_header(30, std::byte{0xff});
  daemon_.emplace(files_, books_, topic_);
  EXPECT_TRUE(daemon_->is_up());
  EXPECT_TRUE(*files_.exists(journal_.native() + ".aside-1"));
  warm_up();
}

TEST_F(stray_journal_test, one_of_a_newer_version_stops_the_start_after_a_crash) {
  stop_uncleanly();
  const auto file = *files_.open(journal_, io::open_mode::read_write);
  for (std::uint64_t block = 0; block < storage::journal_header_blocks; ++block)
    set_journal_version(*file, block * storage::journal_block_bytes, 2);
  log_world world(files_);
  storage::log_directory_options options;
  options.journal_bytes = ring_bytes;
  const auto opened = storage::log_directory::open(world.environment(), data, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, storage::errc::unknown_format_version);
  EXPECT_NE(opened.error().context.find(storage::journal_file_name), std::string::npos);
}

TEST_F(stray_journal_test, one_of_another_directory_is_set_aside_and_not_replayed) {
  warm_up();
  const auto foreign = *io::read_file(files_, journal_, 1 << 20);
  daemon_.reset();
  fault_file_system elsewhere;
  std::array<log_book, log_count> books;
  { life first(elsewhere, books, topic_); }
  elsewhere.restart(unsynced::kept);
  ASSERT_TRUE(io::replace_file(elsewhere, journal_, foreign));
  life second(elsewhere, books, topic_);
  ASSERT_TRUE(second.is_up());
  EXPECT_EQ(second.log(0).log_end_offset(), at(0));
  EXPECT_TRUE(*elsewhere.exists(journal_.native() + ".aside-1"));
}

TEST_F(stray_journal_test, switched_off_one_gives_back_what_it_has_and_goes) {
  warm_up();
  ASSERT_TRUE(daemon_->append(0, 10));
  ASSERT_TRUE(daemon_->wait(0));
  daemon_.reset();
  files_.restart(unsynced::lost);
  daemon_.emplace(files_, books_, topic_, 0);
  ASSERT_TRUE(daemon_->is_up());
  for (int log = 0; log < log_count; ++log) ASSERT_NO_FATAL_FAILURE(daemon_->check(log));
  EXPECT_FALSE(*files_.exists(journal_));
}

}  // namespace
}  // namespace tidelog::test
