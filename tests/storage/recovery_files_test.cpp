// What else lies in a log's directory: indexes, checkpoints, snapshots and leftovers, missing, wrong or random.
#include "support/random_seed.hpp"
#include "support_recovery.hpp"

#include <gmock/gmock.h>

#include "tidelog/storage/offset_index.hpp"
#include "tidelog/storage/producer_snapshot.hpp"
#include "tidelog/storage/time_index.hpp"

#include <random>

namespace tidelog::test {
namespace {

using ::testing::ElementsAre;

class recovered_index_test : public recovery_test {
 protected:
  /// Every record of the segment at 5 is found, by offset and by time, after what was done to its indexes.
  void expect_all_is_found() {
    log_ = reopen_clean();
    for (std::int64_t offset = 0; offset < 15; ++offset) {
      const auto slice = log_->read(at(offset), {.max_bytes = one_}, read_bound::log_end());
      ASSERT_TRUE(slice);
      ASSERT_THAT(offsets_of(*slice), ElementsAre(offset));
      const auto found = log_->offset_for_timestamp(model::timestamp(1000 + offset));
      ASSERT_TRUE(found && *found);
      ASSERT_EQ((*found)->offset, at(offset));
    }
    ASSERT_EQ((*log_->max_timestamp_offset())->offset, at(14));
  }
  void write_index(const char* suffix, std::span<const std::byte> bytes) {
    const auto index = file(5, suffix);
    ASSERT_TRUE(index->truncate(0));
    ASSERT_TRUE(index->write_at(bytes, 0));
  }
  [[nodiscard]] std::vector<std::byte> random_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (auto& each : bytes) each = static_cast<std::byte>(random_());
    return bytes;
  }

  std::unique_ptr<storage::log> log_;
  std::mt19937_64 random_{random_seed()};
};

TEST_F(recovered_index_test, index_missing) {
  ASSERT_TRUE(files_.remove_file(segment_name(5, ".index")));
  expect_all_is_found();
  EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_missing));
  EXPECT_EQ(log_->recovery().indexes_rebuilt, 1U);
}

TEST_F(recovered_index_test, time_index_missing) {
  ASSERT_TRUE(files_.remove_file(segment_name(5, ".timeindex")));
  expect_all_is_found();
  EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_missing));
}

TEST_F(recovered_index_test, index_short) {
  for (std::uint64_t entries = 0; entries < 4; ++entries) {
    ASSERT_TRUE(file(5, ".timeindex")->truncate(entries * storage::time_index_entry::size_bytes));
    expect_all_is_found();
    EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_short)) << entries;
  }
}

TEST_F(recovered_index_test, index_long) {
  const auto index = file(5, ".index");
  std::array<std::byte, storage::offset_index_entry::size_bytes> entry{};
  storage::offset_index_entry{at(900), 100'000}.encode(entry.data(), at(5));
  ASSERT_TRUE(index->write_at(entry, *index->size()));
  expect_all_is_found();
  EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_long));
}

TEST_F(recovered_index_test, index_wrong) {
  const auto index = file(5, ".index");
  std::array<std::byte, storage::offset_index_entry::size_bytes> entry{};
  storage::offset_index_entry{at(6), static_cast<std::uint32_t>(2 * one_)}.encode(entry.data(), at(5));
  ASSERT_TRUE(index->write_at(entry, *index->size() - entry.size()));
  expect_all_is_found();
  EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_wrong));
}

TEST_F(recovered_index_test, entry_may_lead_to_the_first_of_the_batches_that_were_appended_with_its_own) {
  // As Kafka wrote it before 4.1, in cleanings above all.
  const auto index = file(5, ".index");
  std::array<std::byte, storage::offset_index_entry::size_bytes> entry{};
  storage::offset_index_entry{at(8), static_cast<std::uint32_t>(2 * one_)}.encode(entry.data(), at(5));
  ASSERT_TRUE(index->write_at(entry, *index->size() - 2 * entry.size()));
  expect_all_is_found();
  EXPECT_FALSE(log_->recovery().has(recovery_outcome::index_wrong));
}

TEST_F(recovered_index_test, time_index_that_is_wrong_in_its_middle_hides_nothing) {
  std::array<std::byte, storage::time_index_entry::size_bytes> entry{};
  storage::time_index_entry{model::timestamp(1001), at(9)}.encode(entry.data(), at(5));
  ASSERT_TRUE(file(5, ".timeindex")->write_at(entry, 0));
  expect_all_is_found();
  EXPECT_TRUE(log_->recovery().has(recovery_outcome::index_wrong));
}

TEST_F(recovered_index_test, random_bytes_hide_nothing) {
  for (int round = 0; round < 200; ++round) {
    const auto entries = static_cast<std::size_t>(random_() % 40);
    write_index(".index", random_bytes(entries * storage::offset_index_entry::size_bytes + random_() % 2));
    write_index(".timeindex", random_bytes(entries * storage::time_index_entry::size_bytes + random_() % 2));
    ASSERT_NO_FATAL_FAILURE(expect_all_is_found());
    ASSERT_TRUE(log_->close(storage::close_kind::clean));
  }
}

TEST_F(recovered_index_test, random_bytes_before_a_right_last_entry_hide_nothing) {
  const auto sizes = std::pair{*file(5, ".index")->size(), *file(5, ".timeindex")->size()};
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(
        file(5, ".index")->write_at(random_bytes(sizes.first - storage::offset_index_entry::size_bytes), 0));
    ASSERT_TRUE(file(5, ".timeindex")
                    ->write_at(random_bytes(sizes.second - storage::time_index_entry::size_bytes), 0));
    ASSERT_NO_FATAL_FAILURE(expect_all_is_found());
  }
}

TEST(recovered_indexes, of_the_segment_that_ends_at_the_recovery_point_are_on_disk_after_a_clean_stop) {
  fault_file_system files;
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  storage::log_open_options after_crash;
  {
    log_world world(files);
    const auto log = world.open(config);
    append(*log, {.timestamp = 1000});
    append(*log, {.timestamp = 1001});
    ASSERT_TRUE(log->flush());
    after_crash.recovery_point = log->recovery_point();
    append(*log, {.timestamp = 1002});
  }
  ASSERT_EQ(after_crash.recovery_point, at(2)) << "what follows completed the indexes of what is below";
  files.restart(unsynced::kept);
  {
    log_world world(files);
    EXPECT_TRUE(world.open(config, after_crash)->close(storage::close_kind::clean));
  }
  files.restart(unsynced::lost);
  log_world world(files);
  const auto log = world.open_clean(config);
  ASSERT_EQ((*log->offset_for_timestamp(model::timestamp(1001)))->offset, at(1));
  EXPECT_EQ(log->recovery().indexes_rebuilt, 0U);
}

TEST_F(recovery_test, epoch_checkpoint_of_random_bytes_is_rebuilt_from_the_batches) {
  {
    const auto log = reopen_clean();
    for (int i = 0; i < 4; ++i) append(*log, {}, 3 + i / 2);
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  const std::array<std::byte, 40> garbage{std::byte{0x17}, std::byte{0xf0}};
  ASSERT_TRUE(io::replace_file(files_, "/data/t-0/leader-epoch-checkpoint", garbage));
  const auto log = world_.open_clean(config());
  EXPECT_TRUE(log->recovery().has(recovery_outcome::damaged_epoch_checkpoint));
  EXPECT_EQ(log->latest_epoch(), model::leader_epoch(4));
  EXPECT_EQ(log->epoch_at(at(16)), model::leader_epoch(3));
  EXPECT_EQ(log->epoch_at(at(2)), model::leader_epoch(0));
  EXPECT_EQ(log->end_offset_for(model::leader_epoch(0)).end_offset, at(15));
}

TEST_F(recovery_test, epochs_that_followed_a_log_start_which_a_crash_took_back_are_completed) {
  {
    const auto log = reopen_clean();
    append(*log, {}, 3);
    ASSERT_TRUE(log->advance_log_start(at(4)));
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  // The start was not in its checkpoint yet, and the segment is the first one still.
  const auto log = world_.open(config(), {.recovery_point = at(16)});
  ASSERT_EQ(log->log_start_offset(), at(0));
  EXPECT_EQ(log->epoch_at(at(0)), model::leader_epoch(0));
  EXPECT_EQ(log->epoch_at(at(15)), model::leader_epoch(3));
}

TEST_F(recovery_test, replay_from_a_snapshot_leaves_epochs_their_beginning) {
  {
    const auto log = reopen_clean();
    for (int i = 0; i < 3; ++i) append(*log, {}, 3);
    ASSERT_TRUE(log->flush());
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  // What is newer than the snapshot at the second segment is read again.
  const auto snapshots = *storage::list_producer_snapshots(files_, "/data/t-0");
  for (const auto each : snapshots) {
    if (each <= at(5)) continue;
    ASSERT_TRUE(files_.remove_file(io::path("/data/t-0") / storage::producer_snapshot_name(each)));
  }
  const auto log = world_.open_clean(config());
  EXPECT_EQ(log->epoch_at(at(2)), model::leader_epoch(0));
  EXPECT_EQ(log->epoch_at(at(15)), model::leader_epoch(3));
}

TEST_F(recovery_test, snapshots_of_random_bytes_are_passed_over_and_the_producers_known) {
  {
    const auto log = reopen_clean();
    for (int i = 0; i < 7; ++i) append(*log, {.producer_id = 9, .sequence = i});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  std::mt19937_64 random(random_seed());
  const auto entries = *files_.list("/data/t-0");
  for (const auto& entry : entries) {
    if (!entry.name.ends_with(".snapshot")) continue;
    std::vector<std::byte> garbage(random() % 300);
    for (auto& each : garbage) each = static_cast<std::byte>(random());
    ASSERT_TRUE(io::replace_file(files_, io::path("/data/t-0") / entry.name, garbage));
  }
  const auto log = world_.open_clean(config());
  EXPECT_TRUE(log->recovery().has(recovery_outcome::damaged_snapshot));
  const auto again = append(*log, {.producer_id = 9, .sequence = 4});
  EXPECT_EQ(again.outcome, storage::append_outcome::duplicate);
  EXPECT_EQ(again.base_offset, at(19));
}

TEST_F(recovery_test, leftovers_of_deletion_and_cleaning_are_removed) {
  for (const char* suffix : {".log.deleted", ".index.deleted", ".log.cleaned", ".timeindex.cleaned"})
    ASSERT_TRUE(files_.open(segment_name(5, suffix), io::open_mode::create));
  const auto log = reopen_clean();
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_deleted));
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_cleaned));
  EXPECT_FALSE(*files_.exists(segment_name(5, ".log.deleted")));
  EXPECT_FALSE(*files_.exists(segment_name(5, ".log.cleaned")));
  EXPECT_EQ(consume_offsets(*log), all_but(0, 0));
}

TEST_F(recovery_test, leftover_swap_takes_the_place_of_what_it_covers) {
  std::vector<std::byte> last(one_);
  ASSERT_TRUE(file(5)->read_at(last, 4 * one_));
  ASSERT_TRUE((*files_.open(segment_name(0, ".log.swap"), io::open_mode::create))->write_at(last, 0));
  const auto log = reopen_clean();
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_swap));
  EXPECT_THAT(consume_offsets(*log), ElementsAre(9, 10, 11, 12, 13, 14));
}

/// The process died before the swap file's name was on disk, and the power goes while the start finishes the replacement.
TEST(recovery_of_a_swap, that_a_power_cut_interrupts_does_not_lose_it_with_what_it_replaces) {
  constexpr std::uint64_t seeds_for_each_change = 24;
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(5 * batch_bytes(10));
  const auto with_power_cut = [&](std::uint64_t change, std::uint64_t seed) {
    fault_file_system files;
    log_world world(files);
    {
      const auto log = world.open(config);
      for (int i = 0; i < 7; ++i) append(*log, {});
      EXPECT_TRUE(log->close(storage::close_kind::clean));
    }
    const auto segment = *io::read_file(files, segment_name(0, ".log"), 1 << 20);
    const auto last = base::byte_view(segment).subspan(4 * batch_bytes(10));
    EXPECT_TRUE((*files.open(segment_name(0, ".log.cleaned"), io::open_mode::create))->write_at(last, 0));
    files.make_durable();
    EXPECT_TRUE(files.rename(segment_name(0, ".log.cleaned"), segment_name(0, ".log.swap")));
    files.restart(unsynced::kept);
    files.cut_power_at(change);
    static_cast<void>(world.try_open(config, {.recovery_point = at(7)}));
    const bool is_over = !files.is_down();
    files.restart(unsynced::random, seed);
    EXPECT_THAT(consume_offsets(*world.open(config, {.recovery_point = at(7)})),
                ::testing::IsSupersetOf({4, 5, 6}))
        << "change " << change << ", seed " << seed;
    return !is_over;
  };
  for (std::uint64_t seed = 0; seed < seeds_for_each_change; ++seed) {
    for (std::uint64_t change = 0; with_power_cut(change, seed); ++change) {
    }
  }
}

TEST_F(recovery_test, leftover_swap_of_an_index_alone_takes_no_place) {
  world_.directory = "/data/u-0";
  const auto index = [](std::string_view suffix) { return fmt::format("/data/u-0/{:020}{}", 0, suffix); };
  {
    const auto log = world_.open(config());
    for (int i = 0; i < 3; ++i) append(*log, {.timestamp = 1000});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  // What a cleaned segment without the first two batches would have: the first of that time is the last one.
  std::array<std::byte, storage::time_index_entry::size_bytes> entry{};
  base::store_big_endian(entry.data(), std::int64_t{1000});
  base::store_big_endian(entry.data() + 8, std::int32_t{2});
  ASSERT_TRUE((*files_.open(index(".timeindex.swap"), io::open_mode::create))->write_at(entry, 0));
  const auto log = world_.open_clean(config());
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_swap_dropped));
  EXPECT_FALSE(*files_.exists(index(".timeindex.swap")));
  const auto found = log->offset_for_timestamp(model::timestamp(1000));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, at(0));
}

TEST_F(recovery_test, leftover_swap_of_an_unfinished_cleaning_is_removed) {
  ASSERT_TRUE(files_.open(segment_name(5, ".log.swap"), io::open_mode::create));
  ASSERT_TRUE(files_.open(segment_name(5, ".index.cleaned"), io::open_mode::create));
  const auto log = reopen_clean();
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_swap_dropped));
  EXPECT_EQ(consume_offsets(*log), all_but(0, 0));
}

TEST_F(recovery_test,
       swap_that_has_begun_to_take_its_place_is_not_given_up_for_the_leftover_of_another_cleaning) {
  std::vector<std::byte> last(one_);
  ASSERT_TRUE(file(5)->read_at(last, 4 * one_));
  ASSERT_TRUE((*files_.open(segment_name(5, ".log.swap"), io::open_mode::create))->write_at(last, 0));
  ASSERT_TRUE(files_.rename(segment_name(5, ".log"), segment_name(5, ".log.deleted")));
  ASSERT_TRUE(files_.open(segment_name(0, ".log.cleaned"), io::open_mode::create));
  const auto log = reopen_clean();
  EXPECT_TRUE(log->recovery().has(recovery_outcome::leftover_swap));
  EXPECT_THAT(consume_offsets(*log), ElementsAre(0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14));
}

TEST_F(recovery_test, segment_that_could_not_be_deleted_is_no_hole_before_those_that_were) {
  {
    const auto log = reopen_clean();
    auto kept_for_ever = config();
    kept_for_ever.retention_ms = -1;
    log->update_config(kept_for_ever);
    files_.inject({.what = operation::rename, .error_number = EIO, .path_contains = segment_name(0, ".log")});
    EXPECT_FALSE(log->advance_log_start(at(10)));
    EXPECT_EQ(*log->delete_old_segments(world_.clock.now_ms()), 2U);
  }
  // The start of the log has not come into a checkpoint.
  const auto log = reopen(0);
  EXPECT_EQ(consume_offsets(*log), all_but(0, 10));
  EXPECT_EQ(set_aside_files(), 0U);
}

}  // namespace
}  // namespace tidelog::test
