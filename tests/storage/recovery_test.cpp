// Each state in which the files of a log may be found has its outcome, by name.
#include "support/random_seed.hpp"
#include "support_recovery.hpp"

#include <gmock/gmock.h>

#include <random>
#include <thread>

namespace tidelog::test {
namespace {

using ::testing::ElementsAre;

TEST_F(recovery_test, clean) {
  const auto log = reopen_clean();
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::clean);
  EXPECT_EQ(consume_offsets(*log), all_but(0, 0));
  EXPECT_EQ(log->recovery().events_counted, 0U);
}

TEST_F(recovery_test, unclean_stop_without_damage_is_clean_when_the_recovery_point_is_the_end) {
  EXPECT_EQ(reopen(15)->recovery().outcome(), recovery_outcome::clean);
}

TEST_F(recovery_test, stale_checkpoint) {
  const auto log = reopen(7);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::stale_checkpoint);
  EXPECT_EQ(log->recovery().events.front().first_offset, at(7));
  EXPECT_EQ(consume_offsets(*log), all_but(0, 0));
}

TEST_F(recovery_test, newer_checkpoint) {
  const auto log = reopen(400);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::newer_checkpoint);
  // Somebody has seen the offsets up to there.
  EXPECT_EQ(log->log_end_offset(), at(400));
  EXPECT_EQ(append(*log, {}).base_offset, at(400));
  EXPECT_EQ(consume_offsets(*log).back(), 400);
}

TEST_F(recovery_test, torn_tail) {
  ASSERT_TRUE(file(10)->truncate(5 * one_ - 3));
  const auto log = reopen(10);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::torn_tail);
  EXPECT_EQ(log->log_end_offset(), at(14));
  EXPECT_EQ(set_aside_files(), 0U);
}

TEST_F(recovery_test, zero_filled_tail) {
  ASSERT_TRUE(file(10)->truncate(5 * one_ + 4096));
  const auto log = reopen(10);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::zero_filled_tail);
  EXPECT_EQ(log->log_end_offset(), at(15));
  EXPECT_EQ(set_aside_files(), 0U);
}

TEST_F(recovery_test, damaged_batch_with_nothing_behind_it_is_cut_off) {
  break_records(10, 14);
  const auto log = reopen(10);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::damaged_batch);
  EXPECT_EQ(log->log_end_offset(), at(14));
  EXPECT_EQ(set_aside_files(), 0U);
}

TEST_F(recovery_test, damaged_batch_ends_the_log_and_what_is_behind_is_set_aside) {
  std::vector<std::byte> behind(3 * one_);
  break_records(10, 12);
  ASSERT_TRUE(file(10)->read_at(behind, 2 * one_));
  {
    const auto log = reopen(10);
    const auto report = log->recovery();
    EXPECT_EQ(report.outcome(), recovery_outcome::damaged_batch);
    const auto& event = report.events.front();
    EXPECT_EQ(event.first_offset, at(12));
    EXPECT_EQ(event.position, 2 * one_);
    EXPECT_EQ(event.bytes, 3 * one_);
    EXPECT_EQ(report.files_set_aside, 1U);
    EXPECT_EQ(report.bytes_set_aside, 3 * one_);
    std::vector<std::byte> kept(3 * one_ + 1);
    EXPECT_EQ(*(*files_.open(event.set_aside, io::open_mode::read))->read_at(kept, 0), behind.size());
    kept.pop_back();
    EXPECT_EQ(kept, behind);
    EXPECT_EQ(log->log_end_offset(), at(12));
    EXPECT_EQ(consume_offsets(*log), all_but(12, 15));
    for (int i = 0; i < 3; ++i) append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  // The same again: nothing is written over, and what is there is reported.
  break_records(10, 12);
  const auto log = reopen(10);
  EXPECT_EQ(set_aside_files(), 2U);
  EXPECT_TRUE(log->recovery().has(recovery_outcome::set_aside_before));
}

TEST_F(recovery_test, segments_behind_a_damaged_one_are_set_aside_whole) {
  break_header(5, 9);
  const auto log = reopen(0);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::damaged_batch);
  EXPECT_EQ(log->log_end_offset(), at(9));
  EXPECT_EQ(log->recovery().bytes_set_aside, 5 * one_);
  EXPECT_EQ(set_aside_files(), 1U);
  EXPECT_FALSE(*files_.exists(segment_name(10, ".index")));
  EXPECT_EQ(append(*log, {}).base_offset, at(9));
}

TEST_F(recovery_test, zeros_in_the_middle_are_a_hole_too) {
  overwrite(10, one_, one_, std::byte{0});
  const auto log = reopen(10);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::damaged_batch);
  EXPECT_EQ(log->recovery().bytes_set_aside, 4 * one_);
}

TEST_F(recovery_test, missing_segment) {
  ASSERT_TRUE(files_.remove_file(segment_name(5, ".log")));
  const auto log = reopen(0);
  EXPECT_EQ(log->recovery().find(recovery_outcome::missing_segment)->first_offset, at(10));
  EXPECT_TRUE(log->recovery().has(recovery_outcome::orphaned_index));
  EXPECT_EQ(log->log_end_offset(), at(5));
  EXPECT_EQ(set_aside_files(), 1U);
}

TEST_F(recovery_test, overlapping_segments) {
  std::vector<std::byte> bytes(5 * one_);
  ASSERT_TRUE(file(5)->read_at(bytes, 0));
  ASSERT_TRUE((*files_.open(segment_name(8, ".log"), io::open_mode::create))->write_at(bytes, 0));
  const auto log = reopen(0);
  EXPECT_TRUE(log->recovery().has(recovery_outcome::overlapping_segments));
  EXPECT_EQ(consume_offsets(*log), all_but(10, 15));
  EXPECT_EQ(set_aside_files(), 2U);
}

TEST_F(recovery_test, damage_below_the_recovery_point_is_passed_over) {
  break_header(10, 12);
  const auto log = reopen(15);
  // What had been synced, with its indexes, is not read before somebody wants it.
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::clean);
  EXPECT_EQ(consume_offsets(*log), all_but(12, 13));
  const auto report = log->recovery();
  EXPECT_EQ(report.outcome(), recovery_outcome::damaged_range);
  EXPECT_EQ(report.damaged_ranges, 1U);
  EXPECT_EQ(report.events.front().first_offset, at(12));
  EXPECT_EQ(report.events.front().next_offset, at(13));
  EXPECT_EQ(report.events.front().position, 2 * one_);
  EXPECT_EQ(report.events.front().bytes, one_);
  EXPECT_EQ(set_aside_files(), 0U);
  EXPECT_EQ(append(*log, {}).base_offset, at(15));
}

TEST_F(recovery_test, damage_across_the_recovery_point_keeps_what_had_been_synced) {
  break_header(10, 11);
  break_records(10, 13);
  const auto log = reopen(13);
  EXPECT_TRUE(log->recovery().has(recovery_outcome::damaged_range));
  EXPECT_TRUE(log->recovery().has(recovery_outcome::damaged_batch));
  EXPECT_EQ(log->log_end_offset(), at(13));
  EXPECT_EQ(set_aside_files(), 1U);
  std::vector<std::int64_t> expected = all_but(11, 15);
  expected.push_back(12);
  EXPECT_EQ(consume_offsets(*log), expected);
}

TEST_F(recovery_test, batches_that_begin_past_the_recovery_point_behind_a_hole_from_below_it_are_not_kept) {
  break_header(10, 11);
  break_header(10, 12);
  const auto log = reopen(12);
  EXPECT_EQ(log->recovery().outcome(), recovery_outcome::damaged_end);
  EXPECT_EQ(log->recovery().bytes_set_aside, 4 * one_);
  // Offset 11 had been confirmed: no other record gets it.
  EXPECT_EQ(log->log_end_offset(), at(12));
  EXPECT_EQ(append(*log, {}).base_offset, at(12));
  EXPECT_THAT(consume_offsets(*log), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12));
}

TEST_F(recovery_test, damaged_end_survives_further_starts) {
  break_header(10, 14);
  {
    const auto log = reopen_clean();
    EXPECT_TRUE(log->recovery().has(recovery_outcome::damaged_end));
    EXPECT_EQ(log->log_end_offset(), at(15));
    append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  const auto log = world_.open(config(), {.start = storage::start_kind::clean, .recovery_point = at(16)});
  EXPECT_EQ(log->log_end_offset(), at(16));
  EXPECT_EQ(consume_offsets(*log).back(), 15);
}

TEST_F(recovery_test, damage_in_a_closed_segment_is_met_by_readers_and_passed_over) {
  break_header(5, 6);
  break_header(5, 7);
  for (const std::uint64_t max_bytes : {std::uint64_t{1} << 20, 2 * one_, std::uint64_t{1}}) {
    const auto log = reopen_clean();
    EXPECT_EQ(consume_offsets(*log, max_bytes), all_but(6, 8)) << max_bytes;
    const auto report = log->recovery();
    ASSERT_EQ(report.damaged_ranges, 1U);
    EXPECT_EQ(report.find(recovery_outcome::damaged_range)->first_offset, at(6));
    EXPECT_EQ(report.find(recovery_outcome::damaged_range)->next_offset, at(8));
    EXPECT_EQ(consume_offsets(*log, max_bytes), all_but(6, 8)) << max_bytes;
    EXPECT_EQ(log->recovery().damaged_ranges, 1U);
  }
}

TEST_F(recovery_test, consumer_that_asks_for_a_damaged_offset_gets_the_next_one) {
  break_header(5, 6);
  const auto log = reopen_clean();
  EXPECT_EQ(offsets_of(*log->read(at(6), {.max_bytes = one_}, read_bound::high_watermark())),
            std::vector<std::int64_t>{7});
}

TEST_F(recovery_test, damaged_end_of_a_closed_segment_leads_to_the_next_segment) {
  break_header(5, 8);
  break_header(5, 9);
  const auto log = reopen_clean();
  EXPECT_EQ(consume_offsets(*log), all_but(8, 10));
  EXPECT_EQ(offsets_of(*log->read(at(9), {.max_bytes = one_}, read_bound::high_watermark())),
            std::vector<std::int64_t>{10});
}

TEST_F(recovery_test, wholly_damaged_segment_hides_no_other) {
  overwrite(5, 0, 5 * one_, std::byte{0xa5});
  const auto log = reopen_clean();
  EXPECT_EQ(consume_offsets(*log), all_but(5, 10));
  const auto found = log->offset_for_timestamp(model::timestamp(1012));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, at(12));
}

TEST_F(recovery_test, damaged_length_below_the_recovery_point_does_not_swallow_what_follows) {
  overwrite(10, 2 * one_ + batch_position::length, 4, std::byte{0x7f});
  EXPECT_EQ(consume_offsets(*reopen(15)), all_but(12, 13));
}

/// Where a batch lies.
struct placed_batch {
  std::int64_t segment_base;
  std::uint64_t position;
  std::uint64_t size;
  std::int64_t offset;
};

class rotten_log_test : public ::testing::Test {
 protected:
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  /// Some values hold whole batches, of offsets that could well come next.
  [[nodiscard]] std::string some_value(std::int64_t offset) {
    std::string value(below(200), 'v');
    if (below(3) != 0) return value;
    auto inner = make_batch({.value_bytes = below(40)});
    model::set_base_offset(inner, at(offset + static_cast<std::int64_t>(below(3))));
    return value + std::string(base::as_text(inner)) + std::string(below(20), 'w');
  }
  void fill(log_world& world, const storage::log_config& config) {
    const auto log = world.open(config);
    for (int i = 0; i < 40; ++i) {
      const auto offset = log->log_end_offset().value();
      append(*log, {.records = 1 + static_cast<int>(below(3)), .value = some_value(offset) + "."});
    }
    for (std::int64_t offset = 0; offset < log->log_end_offset().value();) {
      const auto slice = *log->read(at(offset), {.max_bytes = 1}, read_bound::log_end());
      const auto base = std::stoll(io::path(slice.data.source->name()).stem().string());
      batches_.push_back({base, slice.data.position, slice.data.length, offset});
      offset = slice.next_offset.value();
    }
    end_ = log->log_end_offset();
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  /// Overwrites a part of the batch that has its length, or its checksum and what it covers, left.
  void damage(io::file_system& files, const placed_batch& which, bool spare_length) {
    const auto file = *files.open(segment_name(which.segment_base, ".log"), io::open_mode::read_write);
    const std::vector<std::byte> bytes(
        spare_length ? which.size - batch_position::magic : batch_position::crc, std::byte{0xb7});
    ASSERT_TRUE(
        file->write_at(bytes, which.position + (spare_length ? std::uint64_t{batch_position::magic} : 0)));
  }

  std::mt19937_64 random_{random_seed()};
  std::vector<placed_batch> batches_;
  model::offset end_{};
};

TEST_F(rotten_log_test, every_sound_batch_is_served_and_nothing_else) {
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(round);
    batches_.clear();
    fault_file_system files;
    log_world world(files);
    auto config = page_cache_config();
    config.segment_bytes = static_cast<std::int64_t>(1500 + below(3000));
    config.index_interval_bytes = static_cast<std::int64_t>(below(600));
    ASSERT_NO_FATAL_FAILURE(fill(world, config));
    std::vector<std::int64_t> sound;
    // Where a batch without a length ends, its checksum tells only if a good one follows.
    bool next_must_be_sound = false;
    for (const auto& each : batches_) {
      const bool is_damaged = !next_must_be_sound && below(6) == 0;
      const bool spare_length = below(2) == 0;
      next_must_be_sound = is_damaged && !spare_length;
      if (is_damaged) {
        ASSERT_NO_FATAL_FAILURE(damage(files, each, spare_length));
      } else {
        sound.push_back(each.offset);
      }
    }
    const auto kind = below(2) == 0 ? storage::start_kind::clean : storage::start_kind::unclean;
    for (const std::uint64_t max_bytes : {std::uint64_t{1} << 20, 1 + below(2000)}) {
      const auto log = world.open(config, {.start = kind, .recovery_point = end_});
      ASSERT_EQ(log->log_end_offset(), end_);
      ASSERT_EQ(consume_offsets(*log, max_bytes), sound) << max_bytes;
      for (std::int64_t offset = 0; offset < end_.value(); ++offset) {
        const auto slice = log->read(at(offset), {.max_bytes = 1}, read_bound::log_end());
        ASSERT_TRUE(slice) << slice.error().describe();
        const auto next = std::ranges::upper_bound(batches_, offset, {}, &placed_batch::offset);
        const auto expected = std::ranges::lower_bound(sound, std::prev(next)->offset);
        if (expected == sound.end()) continue;
        ASSERT_EQ(offsets_of(*slice), std::vector<std::int64_t>{*expected}) << offset;
      }
      ASSERT_TRUE(log->close(storage::close_kind::clean));
    }
  }
}

TEST_F(recovery_test, many_readers_meet_one_damage_at_once_and_it_is_told_once) {
  break_header(5, 6);
  const auto log = reopen_clean();
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] { EXPECT_EQ(consume_offsets(*log, 2 * one_), all_but(6, 7)); });
  }
  for (auto& each : readers) each.join();
  EXPECT_EQ(log->recovery().damaged_ranges, 1U);
}

/// A batch at offset 1 whose record ends in a whole batch that claims to be of offset 1 too.
class batch_in_a_record_test : public ::testing::Test {
 protected:
  void SetUp() override {
    auto inner = make_batch({.value_bytes = 20});
    model::set_base_offset(inner, at(1));
    auto outer = make_batch({.value_bytes = 300});
    std::copy(inner.begin(), inner.end(), outer.end() - static_cast<std::ptrdiff_t>(inner.size()));
    model::reseal_crc(outer);
    {
      const auto log = world_.open(page_cache_config());
      append(*log, {});
      ASSERT_TRUE(log->append(outer, {}));
      for (int i = 0; i < 3; ++i) append(*log, {});
      ASSERT_TRUE(log->roll());
      ASSERT_TRUE(log->close(storage::close_kind::clean));
    }
    data_ = *files_.open(segment_name(0, ".log"), io::open_mode::read_write);
  }
  void overwrite(std::uint64_t field, std::size_t count) {
    const std::vector<std::byte> bytes(count, std::byte{0x66});
    ASSERT_TRUE(data_->write_at(bytes, batch_bytes(10) + field));
  }
  [[nodiscard]] std::vector<std::int64_t> what_consumers_get() {
    return consume_offsets(*world_.open_clean(page_cache_config()));
  }

  fault_file_system files_;
  log_world world_{files_};
  std::shared_ptr<io::file> data_;
};

TEST_F(batch_in_a_record_test, is_not_taken_for_one_when_the_length_around_it_is_whole) {
  overwrite(batch_position::magic, 1 + sizeof(std::uint32_t));
  EXPECT_THAT(what_consumers_get(), ElementsAre(0, 2, 3, 4));
}

TEST_F(batch_in_a_record_test, is_not_taken_for_one_when_the_checksum_around_it_is_whole) {
  overwrite(batch_position::base_offset, batch_position::crc);
  EXPECT_THAT(what_consumers_get(), ElementsAre(0, 2, 3, 4));
}

TEST_F(batch_in_a_record_test, is_not_taken_for_one_when_it_does_not_lead_to_the_end) {
  // In the middle of the record instead of at its end.
  auto inner = make_batch({.value_bytes = 20});
  model::set_base_offset(inner, at(1));
  const std::vector<std::byte> other(inner.size(), std::byte{'v'});
  ASSERT_TRUE(data_->write_at(other, batch_bytes(10) + batch_bytes(300) - inner.size()));
  ASSERT_TRUE(data_->write_at(inner, batch_bytes(10) + 100));
  overwrite(batch_position::base_offset, batch_position::records);
  EXPECT_THAT(what_consumers_get(), ElementsAre(0, 2, 3, 4));
}

}  // namespace
}  // namespace tidelog::test
