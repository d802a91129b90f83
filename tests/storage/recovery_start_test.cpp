// Where a recovery begins to read, and ends that have been lost: offsets that somebody has seen are never given again.
#include "support_recovery.hpp"

#include <gmock/gmock.h>

namespace tidelog::test {
namespace {

class lost_end_test : public recovery_test, public ::testing::WithParamInterface<storage::start_kind> {
 protected:
  [[nodiscard]] std::unique_ptr<storage::log> start() {
    return world_.open(config(), {.start = GetParam(), .recovery_point = at(15)});
  }
  void expect_to_go_on(storage::log& log, const std::vector<std::int64_t>& left) {
    EXPECT_EQ(log.log_end_offset(), at(15));
    EXPECT_TRUE(log.recovery().has(recovery_outcome::newer_checkpoint));
    EXPECT_EQ(consume_offsets(log), left);
    EXPECT_EQ(append(log, {}).base_offset, at(15));
    ASSERT_TRUE(log.close(storage::close_kind::clean));
    const auto next = world_.open_clean(config());
    EXPECT_EQ(next->log_end_offset(), at(16));
    EXPECT_EQ(consume_offsets(*next).back(), 15);
  }
};

TEST_P(lost_end_test, segment_that_was_cut_between_two_batches) {
  ASSERT_TRUE(file(10)->truncate(3 * one_));
  expect_to_go_on(*start(), all_but(13, 15));
}

TEST_P(lost_end_test, segment_of_which_nothing_is_left) {
  ASSERT_TRUE(file(10)->truncate(0));
  expect_to_go_on(*start(), all_but(10, 15));
}

TEST_P(lost_end_test, segment_that_is_gone) {
  for (const char* suffix : {".log", ".index", ".timeindex"})
    ASSERT_TRUE(files_.remove_file(segment_name(10, suffix)));
  expect_to_go_on(*start(), all_but(10, 15));
}

TEST_P(lost_end_test, all_segments_are_gone) {
  for (const std::int64_t base : {0, 5, 10}) ASSERT_TRUE(files_.remove_file(segment_name(base, ".log")));
  const auto log = start();
  EXPECT_EQ(log->log_start_offset(), at(15));
  expect_to_go_on(*log, {});
}

INSTANTIATE_TEST_SUITE_P(after, lost_end_test,
                         ::testing::Values(storage::start_kind::clean, storage::start_kind::unclean),
                         [](const auto& of) {
                           return of.param == storage::start_kind::clean ? "a_clean_stop" : "a_crash";
                         });

/// One segment of many batches, with a snapshot every so many of them.
class recovery_start_test : public ::testing::Test {
 protected:
  static constexpr int batches = 3000;

  [[nodiscard]] static storage::log_config config() {
    storage::log_config config;
    config.index_interval_bytes = 400;
    config.snapshot_stretch_bytes = 20'000;
    return config;
  }
  /// Reads of segments while it starts.
  [[nodiscard]] int reads_at_start(std::int64_t recovery_point) {
    int reads = 0;
    files_.watch_reads([&](const io::path& name) { reads += name.extension() == ".log" ? 1 : 0; });
    log_ = world_.open(config(), {.recovery_point = at(recovery_point)});
    files_.watch_reads({});
    return reads;
  }
  void write(int count) {
    if (!log_) log_ = world_.open(config());
    for (int i = 0; i < count; ++i) {
      const auto stored =
          append(*log_, {.timestamp = 1000 + written_, .producer_id = 7, .sequence = written_});
      ++written_;
      ASSERT_TRUE(wait_committed(*log_, stored.last_offset + 1));
    }
  }
  void kill() {
    log_.reset();
    files_.restart(unsynced::kept);
  }
  void expect_everything_is_found() {
    EXPECT_EQ(log_->log_end_offset(), at(written_));
    for (const std::int64_t offset : {0, 1, written_ / 2, written_ - 1}) {
      const auto found = log_->offset_for_timestamp(model::timestamp(1000 + offset));
      ASSERT_TRUE(found && *found);
      EXPECT_EQ((*found)->offset, at(offset));
      EXPECT_EQ(offsets_of(*log_->read(at(offset), {.max_bytes = 1}, read_bound::log_end())).front(), offset);
    }
    EXPECT_EQ((*log_->max_timestamp_offset())->offset, at(written_ - 1));
    // The producer goes on, and what it sends again is known.
    auto again = make_batch({.timestamp = 1000 + written_ - 1, .producer_id = 7, .sequence = written_ - 1});
    EXPECT_EQ(log_->append(again, {})->outcome, storage::append_outcome::duplicate);
    write(1);
  }

  fault_file_system files_;
  log_world world_{files_};
  std::unique_ptr<storage::log> log_;
  int written_ = 0;
};

TEST_F(recovery_start_test, what_had_been_synced_is_not_read_again) {
  write(batches);
  kill();
  // Some 230 KB; without an index they are read three times, in pieces of 4 KiB.
  EXPECT_LT(reads_at_start(batches - 10), 40);
  EXPECT_EQ(log_->recovery().events_counted, 1U);
  expect_everything_is_found();
}

TEST_F(recovery_start_test, indexes_that_are_of_no_use_are_made_again) {
  write(batches);
  kill();
  ASSERT_TRUE((*files_.open(segment_name(0, ".index"), io::open_mode::read_write))->truncate(0));
  EXPECT_GT(reads_at_start(batches - 10), 100);
  expect_everything_is_found();
}

TEST_F(recovery_start_test, power_cut_at_any_change_of_the_snapshots_loses_nothing) {
  for (std::uint64_t cut = 0; cut < 60; ++cut) {
    log_.reset();
    files_.restart(unsynced::lost);
    ASSERT_TRUE(files_.remove_tree(world_.directory));
    ASSERT_TRUE(files_.sync_directory("/data"));
    written_ = 0;
    write(320);
    files_.cut_power_at(files_.changes() + cut);
    int sent = 0;
    for (; sent < 60 && !files_.is_down(); ++sent) {
      auto batch = make_batch({.timestamp = 1000 + written_, .producer_id = 7, .sequence = written_});
      const auto stored = log_->append(batch, {});
      if (!stored || !wait_committed(*log_, stored->last_offset + 1)) break;
      ++written_;
    }
    const auto point = log_->recovery_point();
    log_.reset();
    files_.restart(unsynced::random, cut);
    log_ = world_.open(config(), {.recovery_point = point});
    ASSERT_GE(log_->log_end_offset(), at(written_));
    written_ = static_cast<int>(log_->log_end_offset().value());
    ASSERT_NO_FATAL_FAILURE(expect_everything_is_found());
  }
}

TEST_P(lost_end_test, records_behind_what_was_cut_off_are_read) {
  overwrite(10, 5 * one_, 4096, std::byte{0x17});
  // The index is made again, and meets what stands behind.
  ASSERT_TRUE(files_.remove_file(segment_name(10, ".timeindex")));
  const auto log = start();
  EXPECT_EQ(log->log_end_offset(), at(15));
  for (std::int64_t offset = 15; offset < 20; ++offset) EXPECT_EQ(append(*log, {}).base_offset, at(offset));
  EXPECT_EQ(consume_offsets(*log).back(), 19);
}

TEST_P(lost_end_test, garbage_of_an_earlier_run_is_never_given_out) {
  break_records(0, 2);
  break_records(5, 5);
  break_records(5, 9);
  break_records(10, 12);
  for (const std::uint64_t max_bytes : {std::uint64_t{1} << 20, 2 * one_, std::uint64_t{1}}) {
    const auto log = start();
    for (int round = 0; round < 2; ++round) {
      std::vector<std::int64_t> left = all_but(15, 15);
      for (const std::int64_t damaged : {2, 5, 9, 12}) std::erase(left, damaged);
      EXPECT_EQ(consume_offsets(*log, max_bytes), left) << max_bytes;
      EXPECT_EQ(log->recovery().damaged_ranges, 4U);
    }
  }
}

/// The disk does not give an index, whose segment is sound.
class unreadable_index_test : public recovery_test, public ::testing::WithParamInterface<const char*> {};

TEST_P(unreadable_index_test, is_made_again) {
  for (const std::int64_t base : {5, 10}) {
    // Until it is written again.
    files_.inject({.what = operation::read,
                   .error_number = EIO,
                   .path_contains = segment_name(base, GetParam()),
                   .times = 1});
    const auto log = reopen_clean();
    EXPECT_EQ(consume_offsets(*log, one_), all_but(15, 15));
    for (std::int64_t offset = 0; offset < 15; ++offset) {
      const auto found = log->offset_for_timestamp(model::timestamp(1000 + offset));
      ASSERT_TRUE(found && *found);
      EXPECT_EQ((*found)->offset, at(offset));
    }
    EXPECT_EQ((*log->max_timestamp_offset())->offset, at(14));
    EXPECT_TRUE(log->recovery().has(recovery_outcome::index_wrong)) << base;
    EXPECT_EQ(log->recovery().indexes_rebuilt, 1U);
    files_.clear_faults();
  }
}

INSTANTIATE_TEST_SUITE_P(of, unreadable_index_test, ::testing::Values(".index", ".timeindex"),
                         [](const auto& of) { return std::string(of.param + 1); });

}  // namespace
}  // namespace tidelog::test
