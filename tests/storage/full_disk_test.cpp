// A log on a disk that is full: refused writes leave nothing behind, and it goes on when there is room.

#include "support_log.hpp"

#include <cerrno>

namespace tidelog::test {
namespace {

constexpr std::uint64_t plenty_bytes = std::uint64_t{1} << 30;

class full_disk : public testing::Test {
 protected:
  [[nodiscard]] std::uint64_t used_bytes() {
    const auto space = files.space("/");
    return space->capacity_bytes - space->available_bytes;
  }
  void leave_free(std::uint64_t bytes) { files.set_capacity_bytes(used_bytes() + bytes); }
  void make_room() { files.set_capacity_bytes(plenty_bytes); }
  [[nodiscard]] base::result<storage::appended> try_append(storage::log& to, const batch_spec& spec) {
    auto batch = make_batch(spec);
    return to.append(batch, {});
  }
  [[nodiscard]] std::uint64_t segment_bytes(std::int64_t base) {
    const auto file = files.open(world.directory / fmt::format("{:020}.log", base), io::open_mode::read);
    return file ? (*file)->size().value() : 0;
  }

  fault_file_system files;
  log_world world{files};
};

TEST_F(full_disk, refused_append_leaves_nothing_half_written) {
  auto log = world.open({});
  append(*log, {.records = 3, .value_bytes = 100});
  ASSERT_TRUE(wait_committed(*log, at(3)));
  const std::uint64_t before = segment_bytes(0);
  leave_free(batch_bytes(100) / 2);
  const auto refused = try_append(*log, {.value_bytes = 100});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::no_space_on_device);
  EXPECT_EQ(segment_bytes(0), before);
  EXPECT_EQ(log->log_end_offset(), at(3));
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_FALSE(read_all(*log, at(0), storage::read_bound::high_watermark()).empty());

  make_room();
  EXPECT_EQ(append(*log, {.value_bytes = 100}).base_offset, at(3));
  EXPECT_TRUE(wait_committed(*log, at(4)));
}

TEST_F(full_disk, idempotent_producer_goes_on_where_it_was_refused) {
  auto log = world.open({});
  const batch_spec second{.value_bytes = 100, .producer_id = 7, .sequence = 1};
  append(*log, {.value_bytes = 100, .producer_id = 7, .sequence = 0});
  leave_free(10);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(try_append(*log, second));
  make_room();
  EXPECT_EQ(append(*log, second).outcome, storage::append_outcome::stored);
  EXPECT_EQ(append(*log, second).outcome, storage::append_outcome::duplicate);
  EXPECT_EQ(log->log_end_offset(), at(2));
}

TEST_F(full_disk, roll_that_gets_no_file_is_tried_again) {
  storage::log_config config;
  config.segment_bytes = static_cast<std::int64_t>(batch_bytes(100));
  auto log = world.open(config);
  append(*log, {.value_bytes = 100});
  files.inject(
      {.what = operation::open, .error_number = ENOSPC, .path_contains = "00000000000000000001.log"});
  EXPECT_FALSE(try_append(*log, {.value_bytes = 100}));
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_EQ(log->segment_count(), 1U);
  EXPECT_EQ(append(*log, {.value_bytes = 100}).base_offset, at(1));
  EXPECT_EQ(log->segment_count(), 2U);
  EXPECT_TRUE(wait_committed(*log, at(2)));
}

TEST_F(full_disk, log_opens_without_a_byte_of_room_also_behind_a_torn_append) {
  {
    auto log = world.open({});
    append(*log, {.records = 3, .value_bytes = 100});
    ASSERT_TRUE(wait_committed(*log, at(3)));
    // The process dies before it can cut back what it has written of the next batch.
    leave_free(50);
    files.inject({.what = operation::truncate, .error_number = EIO});
    EXPECT_FALSE(try_append(*log, {.value_bytes = 100}));
  }
  files.restart(unsynced::kept);
  log_world after(files);
  const auto log = after.open({});
  EXPECT_EQ(log->log_end_offset(), at(3));
  EXPECT_EQ(log->health(), storage::log_health::online);
  make_room();
  EXPECT_EQ(append(*log, {.value_bytes = 100}).base_offset, at(3));
}

TEST_F(full_disk, deleting_records_and_segments_needs_no_room) {
  storage::log_config config;
  config.segment_bytes = static_cast<std::int64_t>(batch_bytes(1000));
  config.retention_bytes = 1;
  config.file_delete_delay_ms = 0;
  auto log = world.open(config);
  for (int i = 0; i < 4; ++i) append(*log, {.value_bytes = 1000});
  ASSERT_TRUE(wait_committed(*log, at(4)));
  leave_free(0);
  EXPECT_TRUE(log->advance_log_start(at(2)));
  EXPECT_TRUE(log->delete_old_segments(world.clock.now_ms()));
  EXPECT_TRUE(log->remove_deleted_files(world.clock.now_ms()));
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_GE(files.space("/")->available_bytes, 2 * batch_bytes(1000));
}

TEST_F(full_disk, truncation_needs_no_room) {
  auto log = world.open({});
  append(*log, {.value_bytes = 100}, 1);
  append(*log, {.value_bytes = 100}, 2);
  append(*log, {.value_bytes = 100}, 3);
  ASSERT_TRUE(wait_committed(*log, at(3)));
  leave_free(0);
  EXPECT_TRUE(log->truncate_to(at(2)));
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_EQ(log->latest_epoch(), model::leader_epoch(2));
}

}  // namespace
}  // namespace tidelog::test
