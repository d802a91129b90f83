#include "support_log.hpp"

#include <gmock/gmock.h>

#include "tidelog/storage/time_index.hpp"

#include <atomic>
#include <thread>

namespace tidelog::test {
namespace {

using storage::errc;
using storage::read_bound;
using ::testing::ElementsAre;

struct log_test : ::testing::Test {
  fault_file_system files;
  log_world world{files};
};

/// Segments of five batches with ten bytes of value each.
[[nodiscard]] storage::log_config small_segments() {
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(5 * batch_bytes(10));
  return config;
}

TEST_F(log_test, new_log_is_empty_and_begins_where_told) {
  const auto log = world.open(page_cache_config(), {.log_start_offset = at(7)});
  EXPECT_EQ(log->log_start_offset(), at(7));
  EXPECT_EQ(log->log_end_offset(), at(7));
  EXPECT_EQ(append(*log, {}).base_offset, at(7));
}

TEST_F(log_test, appended_batches_are_read_as_they_were_with_offset_and_epoch_in_them) {
  const auto log = world.open(page_cache_config());
  EXPECT_EQ(append(*log, {.records = 3}, 4).last_offset, at(2));
  EXPECT_EQ(append(*log, {.records = 2}, 4).base_offset, at(3));
  const auto slice = log->read(at(0), {.max_bytes = 1000}, read_bound::high_watermark());
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->next_offset, at(5));
  EXPECT_THAT(offsets_of(*slice), ElementsAre(0, 3));
  const auto bytes = bytes_of(*slice);
  EXPECT_EQ(model::parse_record_batch(bytes)->partition_leader_epoch(), model::leader_epoch(4));
  EXPECT_EQ(log->latest_epoch(), model::leader_epoch(4));
}

TEST_F(log_test, read_begins_at_the_batch_that_holds_the_offset) {
  const auto log = world.open(page_cache_config());
  for (int i = 0; i < 4; ++i) append(*log, {.records = 10});
  const auto slice = log->read(at(25), {.max_bytes = 10'000}, read_bound::high_watermark());
  ASSERT_TRUE(slice);
  EXPECT_THAT(offsets_of(*slice), ElementsAre(20, 30));
}

TEST_F(log_test, read_returns_whole_batches_within_the_limit) {
  const auto log = world.open(page_cache_config());
  for (int i = 0; i < 500; ++i) append(*log, {});
  const auto slice =
      log->read(at(100), {.max_bytes = 10 * batch_bytes(10) + 5}, read_bound::high_watermark());
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->data.length, 10 * batch_bytes(10));
  EXPECT_EQ(slice->next_offset, at(110));
}

TEST_F(log_test, first_batch_larger_than_the_limit_is_returned_only_when_asked_for) {
  const auto log = world.open(page_cache_config());
  append(*log, {.value_bytes = 5000});
  append(*log, {});
  auto slice = log->read(at(0), {.max_bytes = 100}, read_bound::high_watermark());
  ASSERT_TRUE(slice);
  EXPECT_THAT(offsets_of(*slice), ElementsAre(0));
  slice =
      log->read(at(0), {.max_bytes = 100, .oversized = storage::read_limit::oversized_first_batch::leave_out},
                read_bound::high_watermark());
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->data.length, 0U);
  EXPECT_EQ(slice->next_offset, at(0));
}

TEST_F(log_test, read_outside_of_the_log_is_out_of_range) {
  const auto log = world.open(page_cache_config(), {.log_start_offset = at(5)});
  append(*log, {});
  EXPECT_EQ(log->read(at(4), {}, read_bound::log_end()).error().code, errc::offset_out_of_range);
  EXPECT_EQ(log->read(at(7), {}, read_bound::log_end()).error().code, errc::offset_out_of_range);
  EXPECT_EQ(log->read(at(6), {}, read_bound::log_end())->data.length, 0U);
}

TEST_F(log_test, read_stops_below_a_given_offset) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 12; ++i) append(*log, {});
  const auto slice = log->read(at(5), {.max_bytes = 10'000}, read_bound::before(at(8)));
  ASSERT_TRUE(slice);
  EXPECT_THAT(offsets_of(*slice), ElementsAre(5, 6, 7));
  EXPECT_EQ(log->read(at(8), {.max_bytes = 10'000}, read_bound::before(at(8)))->data.length, 0U);
}

TEST_F(log_test, reader_at_the_tail_goes_on_over_a_roll) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(log->read(at(i), {.max_bytes = 1000}, read_bound::high_watermark())->data.length, 0U);
    append(*log, {});
    const auto slice = log->read(at(i), {.max_bytes = 1000}, read_bound::high_watermark());
    ASSERT_TRUE(slice);
    EXPECT_THAT(offsets_of(*slice), ElementsAre(i));
  }
  EXPECT_EQ(log->segment_count(), 3U);
}

TEST_F(log_test, durable_append_is_committed_and_survives_a_power_cut) {
  {
    const auto log = world.open({});
    append(*log, {.records = 5});
    EXPECT_TRUE(wait_committed(*log, at(5)));
    EXPECT_EQ(log->high_watermark(), at(5));
    EXPECT_EQ(log->recovery_point(), at(5));
    files.cut_power();
  }
  files.restart(unsynced::lost);
  log_world again(files);
  const auto log = again.open({});
  EXPECT_EQ(log->log_end_offset(), at(5));
}

TEST_F(log_test, page_cache_append_is_readable_at_once_and_lost_in_a_power_cut) {
  files.make_durable();
  {
    const auto log = world.open(page_cache_config());
    ASSERT_TRUE(log->flush());
    append(*log, {.records = 5});
    EXPECT_EQ(log->high_watermark(), at(5));
    EXPECT_EQ(log->recovery_point(), at(0));
    files.cut_power();
  }
  files.restart(unsynced::lost);
  log_world again(files);
  EXPECT_EQ(again.open(page_cache_config())->log_end_offset(), at(0));
}

TEST_F(log_test, failed_sync_takes_the_log_offline_and_nothing_more_is_acknowledged) {
  const auto log = world.open({});
  append(*log, {});
  ASSERT_TRUE(wait_committed(*log, at(1)));
  files.inject({.what = operation::sync, .error_number = EIO, .path_contains = ".log"});
  append(*log, {});
  const auto outcome = wait_committed(*log, at(2));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::log_offline);
  EXPECT_EQ(log->high_watermark(), at(1));
  auto batch = make_batch({});
  EXPECT_EQ(log->append(batch, {}).error().code, errc::log_offline);
  EXPECT_EQ(log->flush().error().code, errc::log_offline);
  EXPECT_TRUE(log->read(at(0), {.max_bytes = 100}, read_bound::high_watermark()));
}

TEST_F(log_test, failed_write_leaves_the_log_as_it_was) {
  const auto log = world.open(page_cache_config());
  append(*log, {});
  files.inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = ".log", .bytes_written = 30});
  auto batch = make_batch({});
  EXPECT_EQ(log->append(batch, {}).error().code, std::errc::no_space_on_device);
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_EQ(append(*log, {}).base_offset, at(1));
  EXPECT_THAT(offsets_of(*log->read(at(0), {.max_bytes = 1000}, read_bound::log_end())), ElementsAre(0, 1));
}

TEST_F(log_test, write_that_cannot_be_undone_takes_the_log_offline) {
  const auto log = world.open(page_cache_config());
  append(*log, {});
  files.inject({.what = operation::write, .error_number = EIO, .path_contains = ".log", .bytes_written = 30});
  files.inject({.what = operation::truncate, .error_number = EIO, .path_contains = ".log"});
  auto batch = make_batch({});
  EXPECT_EQ(log->append(batch, {}).error().code, errc::log_offline);
  EXPECT_EQ(log->health(), storage::log_health::offline);
}

TEST_F(log_test, duplicate_of_an_idempotent_producer_gets_the_first_offsets) {
  const auto log = world.open(page_cache_config());
  append(*log, {.records = 2, .producer_id = 9, .sequence = 0});
  append(*log, {.records = 2, .producer_id = 9, .sequence = 2});
  const auto again = append(*log, {.records = 2, .producer_id = 9, .sequence = 0});
  EXPECT_EQ(again.outcome, storage::append_outcome::duplicate);
  EXPECT_EQ(again.base_offset, at(0));
  EXPECT_EQ(log->log_end_offset(), at(4));
  auto gap = make_batch({.producer_id = 9, .sequence = 7});
  EXPECT_EQ(log->append(gap, {}).error().code, errc::out_of_order_sequence);
}

TEST_F(log_test, duplicate_is_known_after_a_restart_when_segments_of_others_lie_between) {
  const auto config = small_segments();
  {
    const auto log = world.open(config);
    append(*log, {.producer_id = 9, .sequence = 0});
    append(*log, {.producer_id = 9, .sequence = 1});
    for (int i = 0; i < 12; ++i) append(*log, {});
    append(*log, {.producer_id = 9, .sequence = 2});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  const auto log = world.open_clean(config);
  const auto again = append(*log, {.producer_id = 9, .sequence = 1});
  EXPECT_EQ(again.outcome, storage::append_outcome::duplicate);
  EXPECT_EQ(again.base_offset, at(1));
}

TEST_F(log_test, duplicates_are_known_after_clean_and_unclean_restarts) {
  {
    const auto log = world.open({});
    for (int i = 0; i < 4; ++i) append(*log, {.producer_id = 9, .sequence = i});
    ASSERT_TRUE(wait_committed(*log, at(4)));
  }
  {
    const auto log = world.open({});
    EXPECT_EQ(append(*log, {.producer_id = 9, .sequence = 3}).base_offset, at(3));
    EXPECT_EQ(append(*log, {.producer_id = 9, .sequence = 1}).base_offset, at(1));
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  const auto log = world.open_clean({});
  EXPECT_EQ(append(*log, {.producer_id = 9, .sequence = 3}).base_offset, at(3));
  EXPECT_EQ(append(*log, {.producer_id = 9, .sequence = 1}).base_offset, at(1));
  EXPECT_EQ(log->log_end_offset(), at(4));
}

TEST_F(log_test, segments_roll_by_time_of_the_records) {
  auto config = page_cache_config();
  config.segment_ms = 1000;
  const auto log = world.open(config);
  append(*log, {.timestamp = 5000});
  append(*log, {.timestamp = 6000});
  EXPECT_EQ(log->segment_count(), 1U);
  append(*log, {.timestamp = 6001});
  EXPECT_EQ(log->segment_count(), 2U);
}

TEST_F(log_test, segments_roll_when_the_index_is_full) {
  auto config = page_cache_config();
  config.index_interval_bytes = 0;
  config.segment_index_bytes = 40;
  const auto log = world.open(config);
  for (int i = 0; i < 20; ++i) append(*log, {.timestamp = 1000 + i});
  EXPECT_GT(log->segment_count(), 3U);
}

TEST_F(log_test, batch_larger_than_a_segment_is_refused) {
  const auto log = world.open(small_segments());
  auto batch = make_batch({.value_bytes = 5000});
  EXPECT_EQ(log->append(batch, {}).error().code, errc::batch_too_large);
}

TEST_F(log_test, clean_restart_goes_on_where_it_stopped) {
  {
    const auto log = world.open(small_segments());
    for (int i = 0; i < 13; ++i) append(*log, {}, 3);
    ASSERT_TRUE(log->close(storage::close_kind::clean));
    files.cut_power();
  }
  files.restart(unsynced::lost);
  log_world again(files);
  const auto log = again.open_clean(small_segments());
  EXPECT_EQ(log->log_end_offset(), at(13));
  EXPECT_EQ(log->high_watermark(), at(13));
  EXPECT_EQ(log->segment_count(), 3U);
  EXPECT_EQ(log->latest_epoch(), model::leader_epoch(3));
  EXPECT_EQ(append(*log, {}).base_offset, at(13));
  EXPECT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 14 * batch_bytes(10));
}

TEST_F(log_test, clean_start_opens_no_file_of_a_sealed_segment) {
  {
    const auto log = world.open(small_segments());
    for (int i = 0; i < 100; ++i) append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  files.inject({.what = operation::open,
                .error_number = EIO,
                .path_contains = "00000000000000000005.",
                .times = for_ever});
  log_world again(files);
  EXPECT_EQ(again.open_clean(small_segments())->log_end_offset(), at(100));
}

TEST_F(log_test, open_files_are_bounded) {
  log_world narrow(files, 4);
  const auto log = narrow.open(small_segments());
  for (int i = 0; i < 100; ++i) append(*log, {});
  ASSERT_TRUE(log->flush());
  EXPECT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 100 * batch_bytes(10));
  EXPECT_LE(narrow.open_files.open_files(), 4U);
}

TEST_F(log_test, segments_that_wait_for_a_sync_are_synced_and_closed_when_too_many_files_are_open) {
  // On a file system that has no holds.
  files.inject({.what = operation::hold, .error_number = ENODEV, .times = for_ever});
  log_world narrow(files, 2);
  std::vector<std::unique_ptr<storage::log>> logs;
  for (int i = 0; i < 8; ++i) {
    narrow.directory = fmt::format("/data/t-{}", i);
    logs.push_back(narrow.open(page_cache_config()));
    append(*logs.back(), {});
  }
  EXPECT_EQ(narrow.open_files.open_files(), 8U);
  while (narrow.open_files.is_overfull()) {
    for (const auto& each : logs) each->sync_closed_segments();
    std::this_thread::yield();
  }
  // Two threads that sync may each close one.
  EXPECT_LE(narrow.open_files.open_files(), 2U);
  for (const auto& each : logs) {
    EXPECT_EQ(read_all(*each, at(0), read_bound::log_end()).size(), batch_bytes(10));
  }
}

TEST_F(log_test, truncation_removes_records_and_what_was_known_of_them) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 13; ++i) append(*log, {.producer_id = 1, .sequence = i}, i / 5);
  ASSERT_TRUE(log->truncate_to(at(7)));
  EXPECT_EQ(log->log_end_offset(), at(7));
  EXPECT_EQ(log->high_watermark(), at(7));
  EXPECT_EQ(log->latest_epoch(), model::leader_epoch(1));
  EXPECT_EQ(append(*log, {.producer_id = 1, .sequence = 7}).outcome, storage::append_outcome::stored);
  EXPECT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 8 * batch_bytes(10));
  ASSERT_TRUE(log->truncate_fully_and_start_at(at(50)));
  EXPECT_EQ(append(*log, {}).base_offset, at(50));
  EXPECT_EQ(log->log_start_offset(), at(50));
}

TEST_F(log_test, advancing_the_log_start_removes_whole_segments_after_the_delay) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 13; ++i) append(*log, {});
  const auto held = log->read(at(0), {.max_bytes = 1000}, read_bound::log_end());
  ASSERT_TRUE(log->advance_log_start(at(11)));
  EXPECT_EQ(log->log_start_offset(), at(11));
  EXPECT_EQ(log->segment_count(), 1U);
  EXPECT_EQ(log->advance_log_start(at(14)).error().code, errc::offset_out_of_range);
  EXPECT_TRUE(*files.exists("/data/t-0/00000000000000000000.log.deleted"));
  EXPECT_EQ(*log->remove_deleted_files(world.clock.now_ms()), 2U);
  world.clock.advance(std::chrono::minutes(2));
  EXPECT_EQ(*log->remove_deleted_files(world.clock.now_ms()), 0U);
  EXPECT_FALSE(*files.exists("/data/t-0/00000000000000000000.log.deleted"));
  EXPECT_THAT(offsets_of(*held), ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(log_test, logs_that_were_begun_together_roll_at_different_times_and_none_too_late) {
  auto config = page_cache_config();
  config.segment_ms = 1000;
  config.segment_jitter_ms = 1000;
  int rolled_early = 0;
  for (int i = 0; i < 64; ++i) {
    world.directory = fmt::format("/data/t-{}", i);
    { const auto made = world.open(config); }
    const auto log = world.open_clean(config);
    append(*log, {.timestamp = 1000});
    append(*log, {.timestamp = 1500});
    if (log->segment_count() == 2) ++rolled_early;
    append(*log, {.timestamp = 2501});
    EXPECT_GE(log->segment_count(), 2U);
  }
  EXPECT_GT(rolled_early, 0);
  EXPECT_LT(rolled_early, 64);
}

TEST_F(log_test, first_record_at_or_after_a_time_is_found_to_the_record) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 12; ++i) append(*log, {.records = 1, .timestamp = 1000 + 10 * i});
  append(*log, {.records = 4, .timestamp = 2000, .value_bytes = 1});
  auto found = log->offset_for_timestamp(model::timestamp(1055));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, at(6));
  EXPECT_EQ((*found)->timestamp, model::timestamp(1060));
  found = log->offset_for_timestamp(model::timestamp(2002));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, at(14));
  EXPECT_FALSE(*log->offset_for_timestamp(model::timestamp(2004)));
  ASSERT_TRUE(log->advance_log_start(at(8)));
  EXPECT_EQ((*log->offset_for_timestamp(model::timestamp(0)))->offset, at(8));
  EXPECT_EQ((*log->max_timestamp_offset())->offset, at(15));
}

TEST_F(log_test, first_of_several_records_with_the_largest_timestamp_is_returned) {
  const auto log = world.open(small_segments());
  for (int i = 0; i < 20; ++i) append(*log, {.timestamp = i == 3 || i == 4 || i == 13 ? 9000 : 1000});
  EXPECT_EQ((*log->max_timestamp_offset())->offset, at(3));
}

TEST_F(log_test, waiters_are_called_in_order_and_told_when_the_log_closes) {
  auto config = page_cache_config();
  const auto log = world.open(config);
  std::vector<int> order;
  base::status last;
  log->when_committed(at(2), [&](base::status) { order.push_back(2); });
  log->when_committed(at(1), [&](base::status) { order.push_back(1); });
  log->when_committed(at(9), [&](base::status outcome) { last = std::move(outcome); });
  append(*log, {.records = 2});
  EXPECT_THAT(order, ElementsAre(1, 2));
  ASSERT_TRUE(log->close(storage::close_kind::clean));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, errc::closed);
}

TEST_F(log_test, becoming_durable_keeps_the_high_watermark_and_ceasing_to_be_raises_it) {
  const auto log = world.open(page_cache_config());
  append(*log, {});
  log->update_config({});
  EXPECT_EQ(log->high_watermark(), at(1));
  append(*log, {});
  ASSERT_TRUE(wait_committed(*log, at(2)));
  EXPECT_EQ(log->recovery_point(), at(2));
}

TEST_F(log_test, records_are_synced_by_count_and_by_time) {
  auto config = page_cache_config();
  config.flush_messages = 3;
  config.flush_ms = 1000;
  const auto log = world.open(config);
  append(*log, {.records = 2});
  EXPECT_EQ(log->recovery_point(), at(0));
  append(*log, {.records = 1});
  while (log->recovery_point() < at(3)) std::this_thread::yield();
  append(*log, {});
  log->flush_if_due(10'000);
  log->flush_if_due(10'500);
  EXPECT_EQ(log->recovery_point(), at(3));
  log->flush_if_due(11'000);
  while (log->recovery_point() < at(4)) std::this_thread::yield();
}

TEST_F(log_test, fewer_records_count_without_being_on_disk_than_the_sync_is_after) {
  auto config = page_cache_config();
  config.flush_messages = 3;
  const auto log = world.open(config);
  files.inject({.what = operation::sync, .error_number = EIO, .path_contains = ".log", .times = for_ever});
  append(*log, {});
  append(*log, {});
  EXPECT_EQ(log->high_watermark(), at(2));
  append(*log, {});
  EXPECT_FALSE(wait_committed(*log, at(3)));
  EXPECT_EQ(log->high_watermark(), at(2));
}

TEST_F(log_test, what_comes_during_a_sync_counts_after_it) {
  auto config = page_cache_config();
  config.flush_messages = 4;
  const auto log = world.open(config);
  for (int i = 0; i < 1000; ++i) {
    append(*log, {});
    EXPECT_LT(log->high_watermark() - log->recovery_point(), 1000);
  }
  EXPECT_TRUE(wait_committed(*log, at(1000)));
  EXPECT_GE(log->recovery_point(), at(997));
}

TEST_F(log_test, write_that_the_disk_refuses_takes_the_log_offline) {
  const auto log = world.open(page_cache_config());
  append(*log, {});
  files.inject({.what = operation::write, .error_number = EIO, .path_contains = ".log"});
  auto batch = make_batch({});
  EXPECT_EQ(log->append(batch, {}).error().code, errc::log_offline);
  EXPECT_EQ(log->log_end_offset(), at(1));
}

TEST_F(log_test, closed_segments_of_a_page_cache_log_are_synced_at_the_second_look) {
  const auto log = world.open(page_cache_config());
  int rolls = 0;
  log->set_roll_listener([&] { ++rolls; });
  append(*log, {});
  ASSERT_TRUE(log->roll());
  EXPECT_EQ(rolls, 1);
  append(*log, {});
  log->sync_closed_segments();
  ASSERT_TRUE(log->roll());
  EXPECT_EQ(rolls, 2);
  EXPECT_EQ(log->recovery_point(), at(0));
  log->sync_closed_segments();
  while (log->recovery_point() < at(2)) std::this_thread::yield();
  append(*log, {});
  log->sync_closed_segments();
  EXPECT_EQ(log->recovery_point(), at(2));
}

TEST_F(log_test, progress_tells_every_byte_once) {
  const auto log = world.open({});
  std::atomic<std::uint64_t> told{0};
  log->set_progress_listener([&](const storage::log_progress& progress) { told += progress.readable_bytes; });
  std::vector<std::thread> writers;
  for (int thread = 0; thread < 4; ++thread) {
    writers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto done = append(*log, {});
        EXPECT_TRUE(wait_committed(*log, done.end_offset()));
      }
    });
  }
  std::thread reader([&] {
    model::offset next{0};
    while (next < at(200)) {
      const auto slice = log->read(next, {.max_bytes = 500}, read_bound::high_watermark());
      ASSERT_TRUE(slice);
      next = slice->next_offset;
    }
  });
  for (auto& writer : writers) writer.join();
  reader.join();
  ASSERT_TRUE(log->close(storage::close_kind::clean));
  EXPECT_EQ(told.load(), 200 * batch_bytes(10));
}

}  // namespace
}  // namespace tidelog::test
