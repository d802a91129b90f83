// What is on disk is read through, and damage is known before a reader meets it.

#include "support_cleaning.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

namespace tidelog::test {
namespace {

using storage::recovery_outcome;
using extent = storage::scrubbed_segment::extent;

constexpr std::size_t value_bytes = 1000;
constexpr int batches_in_segment = 3;

class log_scrub : public testing::Test {
 protected:
  /// Nine batches of one record in three segments, of which two are closed.
  [[nodiscard]] std::unique_ptr<storage::log> filled(storage::log_config config = {}) {
    config.segment_bytes = static_cast<std::int64_t>(batches_in_segment * batch_bytes(value_bytes));
    auto log = world.open(config);
    for (int i = 0; i < 3 * batches_in_segment; ++i) append(*log, {.value_bytes = value_bytes});
    const bool is_committed = !config.is_durable() || wait_committed(*log, at(3 * batches_in_segment));
    EXPECT_TRUE(is_committed);
    return log;
  }
  void flip(std::int64_t base, std::uint64_t position) {
    const auto file =
        files.open(world.directory / fmt::format("{:020}.log", base), io::open_mode::read_write);
    ASSERT_TRUE(file);
    std::array<std::byte, 1> byte{};
    ASSERT_TRUE((*file)->read_at(byte, position));
    byte[0] ^= std::byte{0x10};
    ASSERT_TRUE((*file)->write_at(byte, position));
  }
  void close_and_remove(std::unique_ptr<storage::log> log, std::int64_t base) {
    ASSERT_TRUE(log->close(storage::close_kind::clean));
    log.reset();
    for (const char* suffix : {"log", "index", "timeindex"})
      ASSERT_TRUE(files.remove_file(world.directory / fmt::format("{:020}.{}", base, suffix)));
  }
  static std::optional<storage::scrubbed_segment> scrub_while_it_is_cleaned(storage::log& log) {
    bool is_cleaned = false;
    auto read = log.scrub_segment(at(0), [&](std::uint64_t) {
      if (!std::exchange(is_cleaned, true)) clean(log);
      return true;
    });
    EXPECT_TRUE(is_cleaned);
    return read;
  }
  static std::vector<std::int64_t> readable(storage::log& log) {
    std::vector<std::int64_t> offsets;
    for (const auto& each : consume(log, at(0))) offsets.push_back(each.offset);
    return offsets;
  }

  const storage::scrub_pace at_full_speed = [](std::uint64_t) { return true; };
  fault_file_system files;
  log_world world{files};
};

TEST_F(log_scrub, segments_follow_one_another_up_to_what_is_on_disk) {
  const auto log = filled();
  const auto first = log->scrub_segment(at(0), at_full_speed);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->base_offset, at(0));
  EXPECT_EQ(first->reach, extent::whole);
  EXPECT_TRUE(first->outcome);
  EXPECT_GE(first->bytes, batches_in_segment * batch_bytes(value_bytes));
  const auto second = log->scrub_segment(at(1), at_full_speed);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->base_offset, at(3));
  const auto active = log->scrub_segment(at(4), at_full_speed);
  ASSERT_TRUE(active);
  EXPECT_EQ(active->base_offset, at(6));
  EXPECT_GE(active->bytes, batches_in_segment * batch_bytes(value_bytes));
  EXPECT_FALSE(log->scrub_segment(at(7), at_full_speed));
  EXPECT_TRUE(log->recovery().events.empty());
}

TEST_F(log_scrub, damage_in_the_active_segment_does_not_end_it) {
  const auto log = filled();
  flip(6, 2 * batch_bytes(value_bytes) + 500);  // in the last batch that there is
  ASSERT_TRUE(log->scrub_segment(at(6), at_full_speed));
  EXPECT_EQ(log->recovery().damaged_ranges, 1U);
  append(*log, {.value_bytes = value_bytes});
  append(*log, {.value_bytes = value_bytes});
  ASSERT_TRUE(wait_committed(*log, at(11)));
  EXPECT_EQ(readable(*log), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 9, 10}));
  EXPECT_TRUE(log->scrub_segment(at(6), at_full_speed));
  EXPECT_EQ(log->recovery().damaged_ranges, 1U);
}

TEST_F(log_scrub, flipped_bit_in_a_record_is_reported_once_and_passed_over_from_then_on) {
  const auto log = filled();
  flip(0, batch_bytes(value_bytes) + 500);
  ASSERT_TRUE(log->scrub_segment(at(0), at_full_speed));
  const auto report = log->recovery();
  EXPECT_EQ(report.damaged_ranges, 1U);
  const auto* found = report.find(recovery_outcome::damaged_range);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->first_offset, at(1));
  EXPECT_EQ(found->next_offset, at(2));
  EXPECT_EQ(found->position, batch_bytes(value_bytes));
  EXPECT_EQ(found->bytes, batch_bytes(value_bytes));

  EXPECT_EQ(readable(*log), (std::vector<std::int64_t>{0, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(log->scrub_segment(at(0), at_full_speed)->reach, extent::whole);
  EXPECT_EQ(log->recovery().events_counted, report.events_counted);
  EXPECT_EQ(log->health(), storage::log_health::online);
}

TEST_F(log_scrub, damaged_length_and_damaged_end_cost_no_more_than_their_batch) {
  const auto log = filled();
  flip(0, 8);                                           // the first batch's length
  flip(3, 2 * batch_bytes(value_bytes) + value_bytes);  // in the segment's last batch
  ASSERT_TRUE(log->scrub_segment(at(0), at_full_speed));
  ASSERT_TRUE(log->scrub_segment(at(3), at_full_speed));
  EXPECT_EQ(log->recovery().damaged_ranges, 2U);
  EXPECT_EQ(readable(*log), (std::vector<std::int64_t>{1, 2, 3, 4, 6, 7, 8}));
}

TEST_F(log_scrub, what_is_not_known_to_be_on_disk_is_left_to_recovery) {
  const auto log = filled(page_cache_config());
  EXPECT_EQ(log->scrub_segment(at(0), at_full_speed)->bytes, 0U);
  EXPECT_EQ(log->scrub_segment(at(6), at_full_speed)->bytes, 0U);
  ASSERT_TRUE(log->flush());
  EXPECT_GT(log->scrub_segment(at(0), at_full_speed)->bytes, 0U);
  EXPECT_GT(log->scrub_segment(at(6), at_full_speed)->bytes, 0U);
}

TEST_F(log_scrub, segment_that_is_missing_between_others_is_told) {
  auto log = filled();
  EXPECT_FALSE(log->scrub_segment(at(0), at_full_speed)->missing_behind);
  const auto config = log->config();
  close_and_remove(std::move(log), 3);
  log = world.open_clean(config);
  const auto read = log->scrub_segment(at(0), at_full_speed);
  ASSERT_TRUE(read->missing_behind);
  EXPECT_EQ(read->missing_behind->first, at(3));
  EXPECT_EQ(read->missing_behind->next, at(6));
  EXPECT_FALSE(log->scrub_segment(at(6), at_full_speed)->missing_behind) << "nothing comes behind it";
  EXPECT_EQ(readable(*log), (std::vector<std::int64_t>{0, 1, 2, 6, 7, 8}));

  flip(0, batch_bytes(value_bytes) + 500);
  EXPECT_TRUE(log->scrub_segment(at(0), at_full_speed)->missing_behind) << "where damage ends is known";
  flip(0, 2 * batch_bytes(value_bytes) + 500);
  EXPECT_FALSE(log->scrub_segment(at(0), at_full_speed)->missing_behind) << "it may reach so far";
}

TEST_F(log_scrub, where_compaction_has_left_out_offsets_no_segment_is_known_to_be_missing) {
  auto config = compacted_config();
  const auto one = make_keyed_batch({put("a", std::string(100, 'v'))});
  // So that the first one stays one of its own.
  config.segment_bytes = static_cast<std::int64_t>(4 * one.size());
  auto log = world.open(config);
  for (const char* key : {"p", "a", "q", "r", "a", "b", "c", "d", "z"})
    store(*log, make_keyed_batch({put(key, std::string(100, 'v'))}));
  ASSERT_TRUE(log->flush());
  clean(*log);
  ASSERT_EQ(readable(*log), (std::vector<std::int64_t>{0, 2, 3, 4, 5, 6, 7, 8}));
  close_and_remove(std::move(log), 4);
  // The policy is another one from now on, and what compaction has done remains.
  config.cleanup.compact = false;
  log = world.open_clean(config);
  ASSERT_EQ(readable(*log), (std::vector<std::int64_t>{0, 2, 3, 8}));
  EXPECT_FALSE(log->scrub_segment(at(0), at_full_speed)->missing_behind);
}

TEST_F(log_scrub, missing_segment_of_a_compacted_log_may_be_one_that_compaction_emptied) {
  auto config = compacted_config();
  auto log = world.open(config);
  for (const char* key : {"a", "b", "c"}) {
    store(*log, make_keyed_batch({put(key, "v")}));
    seal(*log);
  }
  close_and_remove(std::move(log), 1);
  log = world.open_clean(config);
  EXPECT_FALSE(log->scrub_segment(at(0), at_full_speed)->missing_behind);
  config.cleanup.compact = false;
  log->update_config(config);
  EXPECT_TRUE(log->scrub_segment(at(0), at_full_speed)->missing_behind) << "it would have been told";
}

TEST_F(log_scrub, rolled_back_transactions_that_their_index_lacks_are_told) {
  auto config = page_cache_config();
  auto log = world.open(config);
  const auto transact = [&](std::int64_t producer, std::int32_t sequence, model::control_record_type how) {
    const producer_fields fields{.id = producer, .sequence = sequence, .transactional = true};
    store(*log, make_keyed_batch({put("k", "v")}, model::compression_type::none, fields));
    store(*log, make_marker({.id = producer, .transactional = true}, how));
  };
  transact(1, 0, model::control_record_type::abort);
  transact(2, 0, model::control_record_type::commit);
  transact(3, 0, model::control_record_type::abort);
  // Of this one the index lacks nothing: it has no records.
  store(*log, make_marker({.id = 4, .transactional = true}, model::control_record_type::abort));
  seal(*log);
  // It begins here and ends in the next segment, as far as anybody can tell by that one.
  store(*log,
        make_keyed_batch({put("k", "v")}, model::compression_type::none, {.id = 5, .transactional = true}));
  seal(*log);
  store(*log, make_marker({.id = 5, .transactional = true}, model::control_record_type::abort));
  seal(*log);
  transact(6, 0, model::control_record_type::abort);
  ASSERT_TRUE(log->flush());
  const auto unlisted = [&](std::int64_t from) {
    return log->scrub_segment(at(from), at_full_speed)->unlisted_rollbacks;
  };
  for (const std::int64_t base : {0, 7, 8, 9}) EXPECT_EQ(unlisted(base), 0U) << base;

  ASSERT_TRUE(log->close(storage::close_kind::clean));
  log.reset();
  const auto name_of = [&](std::int64_t base) {
    return world.directory / fmt::format("{:020}.txnindex", base);
  };
  const auto first = *files.open(name_of(0), io::open_mode::read_write);
  // The second entry's marker is another one now.
  std::array<std::byte, 1> byte{std::byte{6}};
  ASSERT_TRUE(first->write_at(byte, storage::transaction_index_entry_bytes + 25));
  ASSERT_TRUE(files.remove_file(name_of(8)));
  log = world.open_clean(config);
  EXPECT_EQ(unlisted(0), 1U);
  EXPECT_EQ(unlisted(8), 0U) << "nothing in the segment says that there was more than a marker";
  ASSERT_TRUE(log->close(storage::close_kind::clean));
  log.reset();
  ASSERT_TRUE(files.remove_file(name_of(0)));
  log = world.open_clean(config);
  EXPECT_EQ(unlisted(0), 2U);
}

TEST_F(log_scrub, pace_ends_it_at_once) {
  const auto log = filled();
  int pieces = 0;
  const auto read = log->scrub_segment(at(0), [&](std::uint64_t) { return ++pieces < 1; });
  ASSERT_TRUE(read);
  EXPECT_EQ(read->reach, extent::cut_short);
  EXPECT_TRUE(read->outcome);
  EXPECT_EQ(read->bytes, 0U);
  EXPECT_EQ(pieces, 1);
}

TEST_F(log_scrub, segment_that_goes_meanwhile_ends_it) {
  const auto log = filled();
  const auto read = log->scrub_segment(at(0), [&](std::uint64_t) {
    EXPECT_TRUE(log->advance_log_start(at(3)));
    EXPECT_TRUE(log->remove_deleted_files(world.clock.now_ms() + 1'000'000));
    return true;
  });
  ASSERT_TRUE(read);
  // What was asked for before is read; it is one piece here.
  EXPECT_TRUE(read->outcome);
  EXPECT_TRUE(log->recovery().events.empty());
  EXPECT_EQ(log->scrub_segment(at(0), at_full_speed)->base_offset, at(3));
}

TEST_F(log_scrub, segment_that_is_compacted_meanwhile_is_no_damage) {
  auto log = world.open(compacted_config());
  for (int i = 0; i < 10; ++i)
    store(*log, make_keyed_batch({put("k" + std::to_string(i % 2), std::string(100, 'v'))}));
  seal(*log);
  store(*log, make_keyed_batch({put("z", "z")}));
  ASSERT_TRUE(log->flush());
  ASSERT_TRUE(scrub_while_it_is_cleaned(*log));
  EXPECT_TRUE(log->recovery().events.empty());
  EXPECT_EQ(log->scrub_segment(at(0), at_full_speed)->reach, extent::whole);
}

TEST_F(log_scrub, rolled_back_transaction_that_is_compacted_away_meanwhile_lacks_nothing) {
  auto log = world.open(compacted_config());
  const producer_fields who{.id = 1, .transactional = true};
  store(*log, make_keyed_batch({put("a", "v")}, model::compression_type::none, who));
  store(*log, make_marker(who, model::control_record_type::abort));
  store(*log, make_keyed_batch({put("b", "v")}));
  seal(*log);
  store(*log, make_keyed_batch({put("z", "z")}));
  ASSERT_TRUE(log->flush());
  const auto read = scrub_while_it_is_cleaned(*log);
  EXPECT_EQ(read->unlisted_rollbacks, 0U);
  EXPECT_TRUE(log->recovery().events.empty());
}

TEST_F(log_scrub, segment_that_the_disk_does_not_give_is_told_and_takes_nothing_offline) {
  const auto log = filled();
  files.inject({.what = operation::read, .error_number = EIO, .path_contains = "00000000000000000000.log"});
  const auto read = log->scrub_segment(at(0), at_full_speed);
  ASSERT_TRUE(read);
  ASSERT_FALSE(read->outcome);
  EXPECT_EQ(read->outcome.error().code, std::errc::io_error);
  EXPECT_EQ(log->health(), storage::log_health::online);
  EXPECT_TRUE(log->scrub_segment(at(1), at_full_speed)->outcome);
}

TEST_F(log_scrub, markers_are_read_with_everything_else) {
  const auto log = world.open(page_cache_config());
  const producer_fields who{.id = 1, .transactional = true};
  store(*log, make_keyed_batch({put("k", "v")}, model::compression_type::none, who));
  store(*log, make_marker(who, model::control_record_type::abort));
  seal(*log);
  ASSERT_TRUE(log->flush());
  files.evict_page_cache();
  std::uint64_t asked = 0;
  const auto read = log->scrub_segment(at(0), [&](std::uint64_t bytes) {
    asked += bytes;
    return true;
  });
  EXPECT_EQ(read->bytes, asked);
  const auto file = files.open(world.directory / "00000000000000000000.log", io::open_mode::read);
  EXPECT_EQ(*(*file)->size(), asked) << "each byte once, and with leave";
  EXPECT_FALSE((*file)->is_cached(0, 100));
}

TEST_F(log_scrub, page_cache_is_left_as_it_was) {
  const auto log = filled();
  const auto is_cached = [&](std::int64_t base) {
    const auto file = files.open(world.directory / fmt::format("{:020}.log", base), io::open_mode::read);
    return (*file)->is_cached(0, 100);
  };
  files.evict_page_cache();
  readable(*log);
  ASSERT_TRUE(is_cached(0));
  ASSERT_TRUE(log->scrub_segment(at(0), at_full_speed));
  EXPECT_TRUE(is_cached(0)) << "somebody may be reading it";
  files.evict_page_cache();
  ASSERT_TRUE(log->scrub_segment(at(0), at_full_speed));
  EXPECT_FALSE(is_cached(0)) << "only the scrub has read it";
}

}  // namespace
}  // namespace tidelog::test
