// After a failed sync reads show what the disk lacks, and later syncs say that all is well: who opens the log next must not
// fall for it.
#include "support_recovery.hpp"

#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <atomic>

namespace tidelog::test {
namespace {

using storage::errc;
using storage::failed_sync_marker_name;
using storage::start_kind;

const std::vector<std::int64_t> all_four{0, 1, 2, 3};

/// A durable log with three batches on disk, and one of two records whose sync has failed.
class failed_sync : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      const auto log = world_.open({});
      for (int i = 0; i < 3; ++i) append(*log, {});
      ASSERT_TRUE(wait_committed(*log, at(3)));
      fail_syncs();
      append(*log, {.records = 2});
      EXPECT_EQ(wait_committed(*log, at(5)).error().code, make_error_code(errc::log_offline));
      EXPECT_EQ(log->recovery_point(), at(3));
    }
    files_.clear_faults();
  }
  void fail_syncs() {
    files_.inject({.what = operation::sync, .error_number = EIO, .path_contains = ".log", .times = for_ever});
  }
  [[nodiscard]] bool is_marked() { return *files_.exists(world_.directory / failed_sync_marker_name); }
  /// What a log that is open now, and says that all is on disk, has after a power cut.
  [[nodiscard]] std::vector<std::int64_t> left_after_power_cut(std::unique_ptr<storage::log> log) {
    const auto synced_to = log->recovery_point();
    log.reset();
    files_.restart(unsynced::lost);
    log = world_.open({}, {.recovery_point = synced_to});
    return consume_offsets(*log);
  }

  fault_file_system files_;
  log_world world_{files_};
};

TEST_F(failed_sync, is_remembered_in_a_file_with_the_offset_that_is_safe) {
  EXPECT_TRUE(is_marked());
  const auto marked = storage::read_failed_sync_marker(files_, world_.directory);
  ASSERT_TRUE(marked);
  EXPECT_EQ(*marked, at(3));
}

TEST_F(failed_sync, is_made_good_by_the_next_start_of_the_daemon) {
  files_.restart(unsynced::kept);
  auto log = world_.open({}, {.recovery_point = at(3)});
  EXPECT_EQ(consume_offsets(*log), all_four);
  EXPECT_FALSE(is_marked());
  EXPECT_EQ(left_after_power_cut(std::move(log)), all_four);
}

TEST_F(failed_sync, is_made_good_also_where_the_process_died_before_it_could_leave_a_marker) {
  ASSERT_TRUE(storage::remove_failed_sync_marker(files_, world_.directory));
  files_.restart(unsynced::kept);
  auto log = world_.open({}, {.recovery_point = at(3)});
  EXPECT_EQ(left_after_power_cut(std::move(log)), all_four);
}

TEST_F(failed_sync, is_made_good_whatever_checkpoints_and_markers_of_a_clean_stop_say) {
  files_.restart(unsynced::kept);
  auto log = world_.open({}, {.start = start_kind::clean, .recovery_point = at(5)});
  EXPECT_EQ(left_after_power_cut(std::move(log)), all_four);
}

TEST_F(failed_sync, with_a_marker_that_makes_no_sense_has_all_of_the_log_written_again) {
  files_.restart(unsynced::kept);
  const auto marker = *files_.open(world_.directory / failed_sync_marker_name, io::open_mode::read_write);
  ASSERT_TRUE(marker->truncate(0));
  auto log = world_.open({}, {.recovery_point = at(3)});
  EXPECT_EQ(left_after_power_cut(std::move(log)), all_four);
}

TEST_F(failed_sync, that_fails_again_stays_remembered) {
  files_.restart(unsynced::kept);
  fail_syncs();
  EXPECT_EQ(world_.try_open({}, {.recovery_point = at(3)}).error().code, std::errc::io_error);
  EXPECT_TRUE(is_marked());
  files_.clear_faults();
  auto log = world_.open({}, {.recovery_point = at(3)});
  EXPECT_EQ(left_after_power_cut(std::move(log)), all_four);
}

TEST_F(failed_sync, loses_only_what_was_not_acknowledged_when_the_power_goes_first) {
  files_.restart(unsynced::lost);
  const auto log = world_.open({}, {.recovery_point = at(3)});
  EXPECT_EQ(consume_offsets(*log), (std::vector<std::int64_t>{0, 1, 2}));
}

TEST_F(failed_sync, of_a_recovery_is_remembered_too) {
  files_.restart(unsynced::kept);
  // As if there had been no marker before.
  ASSERT_TRUE(storage::remove_failed_sync_marker(files_, world_.directory));
  fail_syncs();
  ASSERT_FALSE(world_.try_open({}, {.recovery_point = at(3)}));
  EXPECT_TRUE(is_marked());
}

TEST_F(failed_sync, is_made_good_in_all_segments_past_the_recovery_point) {
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  world_.directory = "/data/u-0";
  {
    const auto log = world_.open(config);
    for (int i = 0; i < 5; ++i) append(*log, {});
    ASSERT_EQ(log->segment_count(), 3U);
    fail_syncs();
    EXPECT_FALSE(log->flush());
  }
  files_.clear_faults();
  files_.restart(unsynced::kept);
  auto log = world_.open(config);
  EXPECT_EQ(left_after_power_cut(std::move(log)), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
}

/// The marker could not be written either, but the process that met the error is still there.
TEST(failed_sync_of_an_open_directory, is_made_good_when_the_log_is_opened_again) {
  fault_file_system files;
  storage::open_file_cache open_files(64);
  storage::group_commit commits(2);
  manual_clock clock;
  const storage::log_environment environment{files, open_files, commits, clock};
  const storage::log_request request{{"t", model::partition_index(0)}, base::random_uuid(), {}};
  base::worker_pool pool("closing", 2);
  {
    const auto directory = storage::log_directory::open(environment, "/data", {});
    ASSERT_TRUE(directory) << directory.error().describe();
    {
      const auto log = (*directory)->open_log(request, storage::when_missing::create);
      ASSERT_TRUE(log) << log.error().describe();
      append(**log, {});
      ASSERT_TRUE(wait_committed(**log, at(1)));
      files.inject(
          {.what = operation::sync, .error_number = EIO, .path_contains = ".log", .times = for_ever});
      files.inject({.what = operation::open,
                    .error_number = EIO,
                    .path_contains = failed_sync_marker_name,
                    .times = for_ever});
      append(**log, {});
      EXPECT_FALSE(wait_committed(**log, at(2)));
    }
    files.clear_faults();
    ASSERT_TRUE((*directory)->let_go(request.partition));
    EXPECT_EQ((*directory)->let_go(request.partition).error().code, errc::unknown_partition);
    const auto again = (*directory)->open_log(request, storage::when_missing::fail);
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ((*again)->recovery_point(), at(2));
    ASSERT_TRUE((*directory)->write_checkpoints());
  }
  files.restart(unsynced::lost);
  const auto directory = storage::log_directory::open(environment, "/data", {});
  const auto log = (*directory)->open_log(request, storage::when_missing::fail);
  ASSERT_TRUE(log) << log.error().describe();
  EXPECT_EQ(consume_offsets(**log), (std::vector<std::int64_t>{0, 1}));
}

TEST(failed_write_back, of_segments_that_were_closed_meanwhile_takes_the_log_offline) {
  fault_file_system files;
  log_world world(files, 1);
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  const auto log = world.open(config);
  for (int i = 0; i < 6; ++i) append(*log, {});
  ASSERT_LE(world.open_files.open_files(), 1U);
  files.fail_write_back();
  EXPECT_EQ(log->flush().error().code, std::errc::io_error);
  EXPECT_EQ(log->flush().error().code, make_error_code(errc::log_offline));
}

TEST_F(failed_sync, recovery_that_nobody_wants_any_more_ends) {
  std::atomic<bool> given_up{true};
  EXPECT_EQ(world_.try_open({}, {.recovery_point = at(0), .given_up = &given_up}).error().code,
            make_error_code(errc::opening_given_up));
  given_up = false;
  EXPECT_TRUE(world_.try_open({}, {.recovery_point = at(0), .given_up = &given_up}));
}

}  // namespace
}  // namespace tidelog::test
