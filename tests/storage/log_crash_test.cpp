// The machine stops at every single change of the disk, and what was promised is still true afterwards.
#include "support/random_seed.hpp"
#include "support_log.hpp"

#include <random>

namespace tidelog::test {
namespace {

using storage::read_bound;

struct ledger {
  std::int64_t acknowledged = 0;  ///< offsets below were confirmed
  std::int64_t log_start = 0;
  std::int64_t recovery_point = 0;
  bool closed = false;
};

/// Values that differ, so that no batch can pass for another.
[[nodiscard]] std::string value_of(std::int64_t offset) {
  return "record " + std::to_string(offset) + std::string(static_cast<std::size_t>(offset % 50), '.');
}

/// A short life of a log; returns when something fails, which means that the power is off.
void live(log_world& world, const storage::log_config& config, ledger& book) {
  auto opened = world.try_open(
      config, {.recovery_point = at(book.recovery_point), .log_start_offset = at(book.log_start)});
  if (!opened) return;
  storage::log& log = **opened;
  for (int i = 0; i < 12; ++i) {
    auto batch =
        make_batch({.producer_id = 5, .sequence = i, .value = value_of(log.log_end_offset().value())});
    auto done = log.append(
        batch, {.leader_epoch = model::leader_epoch(i / 4), .origin = storage::append_origin::internal});
    if (!done) return;
    if (i % 3 != 2) continue;
    if (config.is_durable() ? !wait_committed(log, done->end_offset()) : !log.flush()) return;
    book.acknowledged = done->end_offset().value();
    book.recovery_point = log.recovery_point().value();
    if (i != 8) continue;
    const auto start = log.log_start_offset() + 2;
    if (!log.advance_log_start(start)) return;
    world.clock.advance(std::chrono::minutes(2));
    if (!log.remove_deleted_files(world.clock.now_ms())) return;
    // What says where the log starts is written by somebody else, at leisure: not knowing it is no harm.
    book.log_start = log.log_start_offset().value();
  }
  if (!log.close(storage::close_kind::clean)) return;
  book.closed = true;
}

void check(log_world& world, const storage::log_config& config, const ledger& book) {
  const auto log =
      world.open(config, {.start = book.closed ? storage::start_kind::clean : storage::start_kind::unclean,
                          .recovery_point = at(book.recovery_point),
                          .log_start_offset = at(book.log_start)});
  ASSERT_GE(log->log_end_offset().value(), book.acknowledged);
  const auto bytes = read_all(*log, log->log_start_offset(), read_bound::log_end());
  base::byte_view rest(bytes);
  std::int64_t expected = -1;
  while (!rest.empty()) {
    const auto batch = model::parse_record_batch(rest);
    ASSERT_TRUE(batch) << batch.error().describe();
    ASSERT_TRUE(model::verify_crc(*batch));
    if (expected >= 0) {
      ASSERT_EQ(batch->base_offset(), at(expected));
    }
    const auto value = value_of(batch->base_offset().value());
    const auto text = base::as_text(batch->bytes());
    ASSERT_NE(text.find(value), std::string_view::npos);
    expected = batch->next_offset().value();
    rest = rest.subspan(batch->size_bytes());
  }
  if (expected >= 0) {
    ASSERT_EQ(log->log_end_offset(), at(expected));
  }
  // And it goes on.
  append(*log, {.value = value_of(log->log_end_offset().value())});
}

void crash_everywhere(const storage::log_config& config, unsynced fate) {
  const std::uint64_t seed = random_seed();
  for (std::uint64_t change = 0;; ++change) {
    SCOPED_TRACE(change);
    fault_file_system files;
    ledger book;
    {
      log_world world(files);
      files.cut_power_at(files.changes() + change);
      live(world, config, book);
    }
    const bool survived = !files.is_down();
    files.restart(fate, seed + change);
    log_world world(files);
    ASSERT_NO_FATAL_FAILURE(check(world, config, book));
    if (survived) {
      EXPECT_GT(change, 30U);
      return;
    }
  }
}

[[nodiscard]] storage::log_config crash_config(std::int64_t flush_messages) {
  storage::log_config config;
  config.flush_messages = flush_messages;
  config.segment_bytes = 450;
  config.index_interval_bytes = 100;
  return config;
}

TEST(log_crash_test, durable_log_keeps_what_it_acknowledged_when_unsynced_changes_are_lost) {
  crash_everywhere(crash_config(1), unsynced::lost);
}

TEST(log_crash_test, durable_log_keeps_what_it_acknowledged_when_some_unsynced_changes_survive) {
  crash_everywhere(crash_config(1), unsynced::random);
}

TEST(log_crash_test, page_cache_log_is_a_prefix_after_a_power_cut) {
  crash_everywhere(crash_config(storage::never_flush), unsynced::random);
}

TEST(log_crash_test, page_cache_log_keeps_what_it_flushed) {
  crash_everywhere(crash_config(storage::never_flush), unsynced::lost);
}

TEST(log_crash_test, killed_process_loses_nothing) {
  fault_file_system files;
  {
    log_world world(files);
    const auto log = world.open(crash_config(storage::never_flush));
    for (int i = 0; i < 20; ++i) append(*log, {.value = value_of(i)});
  }
  files.restart(unsynced::kept);
  log_world world(files);
  EXPECT_EQ(world.open(crash_config(storage::never_flush))->log_end_offset(), at(20));
}

TEST(log_crash_test, power_cut_while_several_segments_are_deleted_leaves_no_hole) {
  const std::uint64_t seed = random_seed();
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  config.retention_bytes = 3 * config.segment_bytes;
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(seed + round);
    fault_file_system files;
    {
      log_world world(files);
      const auto log = world.open(config);
      for (int i = 0; i < 16; ++i) append(*log, {});
      ASSERT_TRUE(log->flush());
      files.cut_power_at(files.changes() + round % 25);
      static_cast<void>(log->delete_old_segments(world.clock.now_ms()));
      files.cut_power();
    }
    files.restart(unsynced::random, seed + round);
    log_world world(files);
    ASSERT_EQ(world.open(config)->log_end_offset(), at(16));
  }
}

TEST(log_crash_test, power_cut_after_deletions_whose_names_could_not_be_synced_leaves_no_hole) {
  const std::uint64_t seed = random_seed();
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  for (std::uint64_t round = 0; round < 50; ++round) {
    SCOPED_TRACE(seed + round);
    fault_file_system files;
    {
      log_world world(files);
      const auto log = world.open(config);
      for (int i = 0; i < 16; ++i) append(*log, {});
      ASSERT_TRUE(log->flush());
      files.inject({.what = operation::sync_directory, .error_number = EIO, .times = 2});
      EXPECT_FALSE(log->advance_log_start(at(2)));
      EXPECT_FALSE(log->advance_log_start(at(4)));
      files.cut_power();
    }
    files.restart(unsynced::random, seed + round);
    log_world world(files);
    ASSERT_EQ(world.open(config)->log_end_offset(), at(16));
  }
}

/// Two batches of that size fill a segment; an even larger one does not fit behind one of them.
[[nodiscard]] storage::log_config two_batch_segments(std::int64_t flush_messages) {
  storage::log_config config;
  config.flush_messages = flush_messages;
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  return config;
}

TEST(log_crash_test, roll_that_fails_leaves_nothing_that_could_end_the_segment) {
  fault_file_system files;
  {
    log_world world(files);
    const auto log = world.open(two_batch_segments(storage::never_flush));
    append(*log, {});
    files.inject({.what = operation::truncate, .error_number = EIO, .path_contains = "0001.log"});
    auto too_large = make_batch({.value_bytes = 60});
    ASSERT_FALSE(log->append(too_large, {}));
    for (int i = 0; i < 4; ++i) append(*log, {});
  }
  files.restart(unsynced::kept);
  log_world world(files);
  const auto log = world.open(two_batch_segments(storage::never_flush));
  EXPECT_EQ(log->log_end_offset(), at(5));
  EXPECT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 5 * batch_bytes(10));
}

TEST(log_crash_test, roll_that_fails_does_not_come_back_in_a_power_cut) {
  const std::uint64_t seed = random_seed();
  for (std::uint64_t round = 0; round < 100; ++round) {
    SCOPED_TRACE(seed + round);
    fault_file_system files;
    {
      log_world world(files);
      const auto log = world.open(two_batch_segments(storage::never_flush));
      append(*log, {});
      ASSERT_TRUE(log->flush());
      files.inject({.what = operation::truncate, .error_number = EIO, .path_contains = "0001.log"});
      auto too_large = make_batch({.value_bytes = 60});
      ASSERT_FALSE(log->append(too_large, {}));
      append(*log, {});
      files.cut_power();
    }
    files.restart(unsynced::random, seed + round);
    log_world world(files);
    const auto log = world.open(two_batch_segments(storage::never_flush), {.recovery_point = at(1)});
    for (int i = 0; i < 2; ++i) append(*log, {});
    const auto bytes = read_all(*log, at(0), read_bound::log_end());
    ASSERT_EQ(bytes.size(), static_cast<std::size_t>(log->log_end_offset().value()) * batch_bytes(10));
  }
}

TEST(log_crash_test, empty_file_in_the_middle_of_a_segment_ends_nothing) {
  fault_file_system files;
  log_world world(files);
  {
    const auto log = world.open(two_batch_segments(storage::never_flush));
    for (int i = 0; i < 5; ++i) append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  ASSERT_TRUE(files.open("/data/t-0/00000000000000000001.log", io::open_mode::create));
  const auto log = world.open(two_batch_segments(storage::never_flush));
  EXPECT_EQ(log->log_end_offset(), at(5));
  EXPECT_EQ(log->segment_count(), 3U);
}

TEST(log_crash_test, segment_that_was_cut_back_and_closed_is_synced_with_the_next_one) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    fault_file_system files;
    {
      log_world world(files);
      const auto log = world.open(two_batch_segments(1));
      ASSERT_TRUE(wait_committed(*log, append(*log, {}).end_offset()));
      files.inject(
          {.what = operation::write, .error_number = ENOSPC, .path_contains = ".log", .bytes_written = 40});
      auto refused = make_batch({.value_bytes = 10});
      ASSERT_FALSE(log->append(refused, {}));
      ASSERT_TRUE(log->roll());
      ASSERT_TRUE(wait_committed(*log, append(*log, {}).end_offset()));
      files.cut_power();
    }
    files.restart(unsynced::random, seed);
    log_world world(files);
    ASSERT_EQ(world.open(two_batch_segments(1))->log_end_offset(), at(2));
  }
}

/// A log of one durable record whose process died after it had cut a refused batch off again.
class log_that_was_cut_back {
 public:
  log_that_was_cut_back() {
    {
      log_world world(files);
      const auto log = world.open(two_batch_segments(1));
      EXPECT_TRUE(wait_committed(*log, append(*log, {}).end_offset()));
      files.inject(
          {.what = operation::write, .error_number = EIO, .path_contains = ".log", .bytes_written = 1000});
      auto refused = make_batch({.value = "refused"});
      EXPECT_FALSE(log->append(refused, {}));
    }
    files.restart(unsynced::kept);
  }
  [[nodiscard]] std::unique_ptr<storage::log> open(storage::start_kind start) {
    world_.reset();
    world_ = std::make_unique<log_world>(files);
    return world_->open(two_batch_segments(1), {.start = start, .recovery_point = at(1)});
  }

  fault_file_system files;

 private:
  std::unique_ptr<log_world> world_;
};

TEST(log_crash_test, what_a_process_that_died_has_cut_off_does_not_come_back_in_front_of_the_next_segment) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    log_that_was_cut_back cut;
    auto log = cut.open(storage::start_kind::unclean);
    ASSERT_TRUE(log->roll());
    ASSERT_TRUE(wait_committed(*log, append(*log, {.value = "acknowledged"}).end_offset()));
    log.reset();
    cut.files.restart(unsynced::random, seed);
    log = cut.open(storage::start_kind::unclean);
    const auto bytes = read_all(*log, at(0), read_bound::log_end());
    ASSERT_EQ(base::as_text(bytes).find("refused"), std::string_view::npos);
    ASSERT_NE(base::as_text(bytes).find("acknowledged"), std::string_view::npos);
  }
}

TEST(log_crash_test, what_a_process_that_died_has_cut_off_does_not_come_back_after_a_clean_stop) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    log_that_was_cut_back cut;
    ASSERT_TRUE(cut.open(storage::start_kind::unclean)->close(storage::close_kind::clean));
    cut.files.restart(unsynced::random, seed);
    ASSERT_EQ(cut.open(storage::start_kind::clean)->log_end_offset(), at(1));
  }
}

TEST(log_crash_test, power_cut_while_a_swap_is_finished_gives_nothing_back) {
  const std::uint64_t seed = random_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(seed + round);
    fault_file_system files;
    {
      log_world world(files);
      const auto log = world.open(two_batch_segments(storage::never_flush));
      for (int i = 0; i < 8; ++i) append(*log, {});
      ASSERT_TRUE(log->close(storage::close_kind::clean));
      // Only the last record of the first three segments, offsets 0 to 5, is left.
      std::vector<std::byte> last(batch_bytes(10));
      ASSERT_TRUE((*files.open("/data/t-0/00000000000000000004.log", io::open_mode::read))
                      ->read_at(last, last.size()));
      ASSERT_TRUE(
          (*files.open("/data/t-0/00000000000000000000.log.swap", io::open_mode::create))->write_at(last, 0));
    }
    files.make_durable();
    {
      log_world world(files);
      files.cut_power_at(files.changes() + round % 20);
      static_cast<void>(world.try_open(two_batch_segments(storage::never_flush), {}));
      files.cut_power();
    }
    files.restart(unsynced::random, seed + round);
    log_world world(files);
    const auto log = world.open(two_batch_segments(storage::never_flush));
    ASSERT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 3 * batch_bytes(10));
  }
}

class damaged_tail_test : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto log = world_.open(page_cache_config());
    for (int i = 0; i < 5; ++i) append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
    data_ = *files_.open("/data/t-0/00000000000000000000.log", io::open_mode::read_write);
  }
  [[nodiscard]] std::unique_ptr<storage::log> reopen(std::int64_t recovery_point = 0) {
    return world_.open(page_cache_config(), {.recovery_point = at(recovery_point)});
  }

  fault_file_system files_;
  log_world world_{files_};
  std::shared_ptr<io::file> data_;
  std::uint64_t one_ = batch_bytes(10);
};

TEST_F(damaged_tail_test, torn_batch_is_cut_off) {
  ASSERT_TRUE(data_->truncate(5 * one_ - 3));
  const auto log = reopen();
  EXPECT_EQ(log->log_end_offset(), at(4));
  EXPECT_EQ(*data_->size(), 4 * one_);
}

TEST_F(damaged_tail_test, zeros_at_the_end_are_cut_off) {
  ASSERT_TRUE(data_->truncate(5 * one_ + 4096));
  EXPECT_EQ(reopen()->log_end_offset(), at(5));
  EXPECT_EQ(*data_->size(), 5 * one_);
}

TEST_F(damaged_tail_test, log_ends_before_the_first_damaged_batch) {
  const std::array<std::byte, 1> wrong{std::byte{0xff}};
  ASSERT_TRUE(data_->write_at(wrong, 3 * one_ - 2));
  EXPECT_EQ(reopen()->log_end_offset(), at(2));
}

TEST_F(damaged_tail_test, batches_below_the_recovery_point_are_not_checked) {
  const std::array<std::byte, 1> wrong{std::byte{0xff}};
  ASSERT_TRUE(data_->write_at(wrong, 3 * one_ - 2));
  EXPECT_EQ(reopen(5)->log_end_offset(), at(5));
}

TEST_F(damaged_tail_test, damage_below_the_recovery_point_does_not_take_what_follows_with_it) {
  auto config = page_cache_config();
  config.index_interval_bytes = 0;
  {
    const auto log = world_.open(config, {.recovery_point = at(5)});
    append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  const std::array<std::byte, 1> wrong{std::byte{0xff}};
  ASSERT_TRUE(data_->write_at(wrong, one_ + model::batch_position::magic));
  const auto log = world_.open(config, {.recovery_point = at(6)});
  EXPECT_EQ(log->log_end_offset(), at(6));
  EXPECT_EQ(offsets_of(*log->read(at(5), {.max_bytes = 1000}, read_bound::log_end())),
            std::vector<std::int64_t>{5});
}

TEST_F(damaged_tail_test, offsets_that_go_back_are_damage) {
  std::vector<std::byte> first(one_);
  ASSERT_TRUE(data_->read_at(first, 0));
  ASSERT_TRUE(data_->write_at(first, 5 * one_));
  EXPECT_EQ(reopen()->log_end_offset(), at(5));
}

TEST(partition_directory_test, leftovers_are_removed_and_strange_files_left_alone) {
  fault_file_system files;
  log_world world(files);
  {
    const auto log = world.open(page_cache_config());
    append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  for (const char* name : {"00000000000000000000.log.deleted", "00000000000000000007.index",
                           "00000000000000000003.log.cleaned", "notes.txt"}) {
    ASSERT_TRUE(files.open(io::path("/data/t-0") / name, io::open_mode::create));
  }
  const auto log = world.open_clean(page_cache_config());
  EXPECT_EQ(log->log_end_offset(), at(1));
  EXPECT_FALSE(*files.exists("/data/t-0/00000000000000000000.log.deleted"));
  EXPECT_FALSE(*files.exists("/data/t-0/00000000000000000007.index"));
  EXPECT_FALSE(*files.exists("/data/t-0/00000000000000000003.log.cleaned"));
  EXPECT_TRUE(*files.exists("/data/t-0/notes.txt"));
}

TEST(partition_directory_test, finished_swap_file_takes_the_place_of_what_it_covers) {
  fault_file_system files;
  log_world world(files);
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  {
    const auto log = world.open(config);
    for (int i = 0; i < 6; ++i) append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  // Compaction has put the first two segments, offsets 0 to 3, into one that kept only the last record.
  std::vector<std::byte> last(batch_bytes(10));
  ASSERT_TRUE(
      (*files.open("/data/t-0/00000000000000000002.log", io::open_mode::read))->read_at(last, last.size()));
  const auto swap = *files.open("/data/t-0/00000000000000000000.log.swap", io::open_mode::create);
  ASSERT_TRUE(swap->write_at(last, 0));
  const auto log = world.open_clean(config);
  EXPECT_EQ(log->segment_count(), 2U);
  EXPECT_EQ(offsets_of(*log->read(at(0), {.max_bytes = 1000}, read_bound::log_end())),
            std::vector<std::int64_t>{3});
  EXPECT_EQ(read_all(*log, at(0), read_bound::log_end()).size(), 3 * batch_bytes(10));
}

}  // namespace
}  // namespace tidelog::test
