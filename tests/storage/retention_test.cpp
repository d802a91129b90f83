// Retention: by the time of the records, or of the last write where that says nothing, and by size.
#include "support_log.hpp"

#include <gmock/gmock.h>

namespace tidelog::test {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t far_future_ms = 1'000'000'000;

struct retention_test : ::testing::Test {
  retention_test() { files.set_clock(world.clock); }

  /// Segments of five batches with ten bytes of value each.
  [[nodiscard]] static storage::log_config small_segments() {
    auto config = page_cache_config();
    config.segment_bytes = static_cast<std::int64_t>(5 * batch_bytes(10));
    config.retention_ms = 1000;
    return config;
  }
  [[nodiscard]] std::size_t delete_old(storage::log& of) {
    return *of.delete_old_segments(world.clock.now_ms());
  }
  [[nodiscard]] std::int64_t now() const { return world.clock.now_ms(); }

  fault_file_system files;
  log_world world{files};
};

TEST_F(retention_test, expired_segments_are_deleted_the_active_one_too) {
  auto config = small_segments();
  config.retention_ms = 1000;
  const auto log = world.open(config);
  const auto now = world.clock.now_ms();
  for (int i = 0; i < 12; ++i) append(*log, {.timestamp = now - 5000});
  EXPECT_EQ(*log->delete_old_segments(now - 4500), 0U);
  EXPECT_EQ(*log->delete_old_segments(now), 3U);
  EXPECT_EQ(log->log_start_offset(), at(12));
  EXPECT_EQ(append(*log, {}).base_offset, at(12));
}

TEST_F(retention_test, oldest_segments_are_deleted_while_the_log_is_too_large) {
  auto config = small_segments();
  config.retention_bytes = config.segment_bytes * 2;
  const auto log = world.open(config);
  for (int i = 0; i < 22; ++i) append(*log, {.timestamp = world.clock.now_ms()});
  EXPECT_EQ(*log->delete_old_segments(world.clock.now_ms()), 2U);
  EXPECT_EQ(log->log_start_offset(), at(10));
}

TEST_F(retention_test, uncommitted_segments_are_never_deleted) {
  auto config = small_segments();
  config.flush_messages = 1;
  config.retention_ms = 0;
  const auto log = world.open(config);
  files.inject({.what = operation::sync, .error_number = EIO, .path_contains = ".log", .times = for_ever});
  for (int i = 0; i < 3; ++i) {
    auto batch = make_batch({.timestamp = 1000});
    static_cast<void>(log->append(batch, {}));
  }
  static_cast<void>(log->flush());
  EXPECT_FALSE(log->delete_old_segments(world.clock.now_ms()));
  EXPECT_EQ(log->log_start_offset(), at(0));
}

TEST_F(retention_test, timestamps_from_the_future_do_not_keep_a_segment) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = now() + far_future_ms});
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = now() - 5000});
  append(*log, {.timestamp = now()});
  EXPECT_EQ(delete_old(*log), 0U);
  world.clock.advance(milliseconds(1001));
  EXPECT_EQ(delete_old(*log), 3U);
}

TEST_F(retention_test, segments_without_usable_timestamps_expire_by_when_they_were_written) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = now() + far_future_ms});
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = -1});
  append(*log, {.timestamp = now() + far_future_ms});
  EXPECT_EQ(delete_old(*log), 0U);
  world.clock.advance(milliseconds(1001));
  EXPECT_EQ(delete_old(*log), 3U);
}

TEST_F(retention_test, old_timestamps_behind_do_not_make_a_segment_without_any_older) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = -1});
  for (int i = 0; i < 5; ++i) append(*log, {.timestamp = 1000});
  append(*log, {.timestamp = now()});
  EXPECT_EQ(delete_old(*log), 0U);
}

TEST_F(retention_test, fresh_record_of_a_clock_that_runs_ahead_stays_in_an_old_active_segment) {
  for (const std::int64_t ahead_ms : {std::int64_t{50}, far_future_ms}) {
    world.directory = fmt::format("/data/t-{}", ahead_ms);
    const auto log = world.open(small_segments());
    append(*log, {.timestamp = now() + ahead_ms});
    world.clock.advance(milliseconds(5000));
    append(*log, {.timestamp = now() + ahead_ms});
    world.clock.advance(milliseconds(10));
    EXPECT_EQ(delete_old(*log), 0U) << ahead_ms;
    world.clock.advance(milliseconds(1100));
    EXPECT_EQ(delete_old(*log), 1U) << ahead_ms;
  }
}

TEST_F(retention_test, fresh_record_without_timestamp_stays_in_an_old_active_segment) {
  const auto log = world.open(small_segments());
  append(*log, {.timestamp = -1});
  world.clock.advance(milliseconds(5000));
  append(*log, {.timestamp = -1});
  EXPECT_EQ(delete_old(*log), 0U);
}

TEST_F(retention_test, file_that_could_not_be_removed_is_tried_again) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 12; ++i) append(*log, {.timestamp = now() - 5000});
  ASSERT_EQ(delete_old(*log), 3U);
  world.clock.advance(std::chrono::hours(1));
  files.inject({.what = operation::remove, .error_number = EIO});
  EXPECT_FALSE(log->remove_deleted_files(now()));
  EXPECT_EQ(*log->remove_deleted_files(now(), 0), 1U);
  EXPECT_EQ(*log->remove_deleted_files(now()), 0U);
  const auto entries = *files.list(world.directory);
  for (const auto& each : entries) EXPECT_EQ(each.name.find(".deleted"), std::string::npos);
}

TEST_F(retention_test, files_are_removed_so_many_at_a_time) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 5 * 70; ++i) append(*log, {.timestamp = now() - 5000});
  ASSERT_EQ(delete_old(*log), 70U);
  EXPECT_EQ(log->log_start_offset(), at(5 * 70));
  world.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(*log->remove_deleted_files(now(), 16), 54U);
  EXPECT_EQ(*log->remove_deleted_files(now()), 0U);
}

TEST_F(retention_test, restart_does_not_make_segments_without_usable_timestamps_younger) {
  {
    const auto log = world.open(small_segments());
    for (int i = 0; i < 7; ++i) append(*log, {.timestamp = -1});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  world.clock.advance(milliseconds(900));
  const auto log = world.open_clean(small_segments());
  EXPECT_EQ(delete_old(*log), 0U);
  world.clock.advance(milliseconds(101));
  EXPECT_EQ(delete_old(*log), 2U);
}

}  // namespace
}  // namespace tidelog::test
