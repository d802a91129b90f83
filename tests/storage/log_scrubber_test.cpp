// The rounds over all segments: their order, their pauses, and what a restart makes of them.
#include "tidelog/storage/log_scrubber.hpp"

#include "support_cleaning.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <thread>

namespace tidelog::test {
namespace {

using storage::log_scrubber;
using storage::log_scrubber_settings;

class log_scrubber_test : public testing::Test {
 protected:
  log_scrubber_test() {
    directory = *storage::log_directory::open(world.environment(), "/data/d", {});
    settings.io_max_bytes_per_second = 0;
    restart();
  }
  ~log_scrubber_test() override { scrubber.reset(); }

  void restart() {
    scrubber.reset();
    scrubber = std::make_unique<log_scrubber>(*directory, files, world.clock, settings);
  }
  [[nodiscard]] static model::topic_partition name(int index) { return {"t", model::partition_index(index)}; }
  /// A log that gets so many segments more, of one batch each.
  std::shared_ptr<storage::log> make_log(int index, int more_segments) {
    storage::log_config config;
    config.segment_bytes = static_cast<std::int64_t>(batch_bytes(100));
    auto opened = directory->open_log({name(index), topic_id, config}, storage::when_missing::create);
    if (!opened) throw std::runtime_error(opened.error().describe());
    for (int i = 0; i < more_segments; ++i) append(**opened, {.value_bytes = 100});
    EXPECT_TRUE(wait_committed(**opened, (*opened)->log_end_offset()));
    return *opened;
  }
  /// As a restart does it; no log is open then.
  void reopen_directory() {
    scrubber.reset();
    base::worker_pool closing("closing", 1);
    ASSERT_TRUE(directory->close(closing, 0));
    directory.reset();
    directory = *storage::log_directory::open(world.environment(), "/data/d", {});
    restart();
  }
  /// As often as there is something to do.
  void finish_round() {
    while (scrubber->scrub_next()) {
    }
  }
  [[nodiscard]] std::chrono::milliseconds interval() const {
    return std::chrono::hours(settings.interval_hours);
  }
  [[nodiscard]] std::uint64_t segments() const { return scrubber->current().segments; }

  const model::topic_id topic_id{base::random_uuid()};
  fault_file_system files;
  log_world world{files};
  std::unique_ptr<storage::log_directory> directory;
  log_scrubber_settings settings;
  std::unique_ptr<log_scrubber> scrubber;
};

TEST_F(log_scrubber_test, round_takes_each_segment_once_and_the_next_comes_an_interval_later) {
  make_log(0, 2);
  make_log(1, 1);
  make_log(2, 2);
  finish_round();
  EXPECT_EQ(segments(), 5U);
  EXPECT_EQ(scrubber->current().rounds, 1U);
  EXPECT_GE(scrubber->current().bytes, 5 * batch_bytes(100));
  world.clock.advance(interval() - std::chrono::milliseconds(1));
  finish_round();
  EXPECT_EQ(segments(), 5U);
  world.clock.advance(std::chrono::milliseconds(1));
  finish_round();
  EXPECT_EQ(segments(), 10U);
}

TEST_F(log_scrubber_test, restart_goes_on_where_the_round_was) {
  make_log(0, 3);
  make_log(1, 3);
  scrubber->start();
  while (scrubber->current().rounds == 0) std::this_thread::yield();
  restart();
  finish_round();
  EXPECT_EQ(segments(), 0U) << "the round is over, and the next one not due";

  world.clock.advance(interval());
  while (segments() < 4) ASSERT_TRUE(scrubber->scrub_next());
  scrubber->stop();
  restart();
  finish_round();
  EXPECT_EQ(segments(), 2U);
}

TEST_F(log_scrubber_test, progress_that_makes_no_sense_is_a_round_from_its_beginning) {
  make_log(0, 2);
  const auto later = std::to_string(world.clock.now_ms() + 1'000'000'000);
  for (const std::string& text : {std::string("garbage"), std::string("0\n1\n\n"), "0\n1\n" + later + "\n",
                                  std::string("0\n1\n0 t -1 5\n"), std::string("0\n1\n0 t 7\n")}) {
    ASSERT_TRUE(io::replace_file(files, "/data/d/.scrub-progress", base::as_bytes(text)));
    restart();
    finish_round();
    EXPECT_EQ(segments(), 2U) << text;
  }
}

TEST_F(log_scrubber_test, partition_that_is_deleted_during_the_round_is_passed_over) {
  make_log(0, 1);
  make_log(1, 1);
  make_log(2, 1);
  while (segments() < 1) ASSERT_TRUE(scrubber->scrub_next());
  ASSERT_TRUE(directory->delete_log(name(1), 0));
  finish_round();
  EXPECT_EQ(segments(), 2U);
}

TEST_F(log_scrubber_test, log_that_is_not_open_yet_has_its_turn_when_it_is) {
  make_log(0, 1);
  make_log(1, 1);
  reopen_directory();
  make_log(1, 0);
  finish_round();
  EXPECT_EQ(segments(), 1U);
  EXPECT_EQ(scrubber->current().rounds, 0U);
  make_log(0, 0);
  finish_round();
  EXPECT_EQ(segments(), 2U);
  EXPECT_EQ(scrubber->current().rounds, 1U);
}

TEST_F(log_scrubber_test, log_that_never_opens_does_not_keep_the_next_round_from_coming) {
  make_log(0, 1);
  ASSERT_TRUE(files.make_directories("/data/d/t-1"));
  reopen_directory();
  make_log(0, 0);
  finish_round();
  EXPECT_EQ(segments(), 1U);
  EXPECT_EQ(scrubber->current().rounds, 0U);
  world.clock.advance(interval());
  finish_round();
  finish_round();
  EXPECT_EQ(segments(), 2U);
}

TEST_F(log_scrubber_test, nothing_is_read_where_that_is_switched_off) {
  make_log(0, 1);
  auto off = settings;
  off.interval_hours = -1;
  scrubber->update(off);
  EXPECT_FALSE(scrubber->scrub_next());
  EXPECT_EQ(segments(), 0U);
  scrubber->update(settings);
  finish_round();
  EXPECT_EQ(segments(), 1U);
}

TEST_F(log_scrubber_test, unreadable_segment_does_not_keep_the_others_from_their_turn) {
  make_log(0, 2);
  files.inject({.what = operation::read, .error_number = EIO, .path_contains = "00000000000000000000.log"});
  finish_round();
  EXPECT_EQ(scrubber->current().unreadable, 1U);
  EXPECT_EQ(segments(), 1U);
}

TEST_F(log_scrubber_test, missing_segment_is_told_once) {
  make_log(0, 3);
  reopen_directory();
  ASSERT_TRUE(files.remove_file("/data/d/t-0/00000000000000000001.log"));
  make_log(0, 0);
  finish_round();
  EXPECT_EQ(scrubber->current().gaps, 1U);
  world.clock.advance(interval());
  finish_round();
  EXPECT_EQ(scrubber->current().rounds, 2U);
  EXPECT_EQ(scrubber->current().gaps, 1U);
}

TEST_F(log_scrubber_test, incomplete_index_of_rolled_back_transactions_is_told_once) {
  storage::log_config config;
  auto log = *directory->open_log({name(0), topic_id, config}, storage::when_missing::create);
  const producer_fields who{.id = 1, .transactional = true};
  store(*log, make_keyed_batch({put("k", "v")}, model::compression_type::none, who));
  store(*log, make_marker(who, model::control_record_type::abort));
  ASSERT_TRUE(wait_committed(*log, at(2)));
  seal(*log);
  finish_round();
  EXPECT_EQ(scrubber->current().incomplete_indexes, 0U);
  log.reset();
  reopen_directory();
  ASSERT_TRUE(files.remove_file("/data/d/t-0/00000000000000000000.txnindex"));
  make_log(0, 0);
  for (int round = 0; round < 2; ++round) {
    world.clock.advance(interval());
    finish_round();
  }
  EXPECT_EQ(scrubber->current().incomplete_indexes, 1U);
}

TEST_F(log_scrubber_test, damage_is_counted_for_the_whole_directory) {
  make_log(0, 2);
  const auto file = *files.open("/data/d/t-0/00000000000000000001.log", io::open_mode::read_write);
  std::array<std::byte, 1> byte{};
  ASSERT_TRUE(file->write_at(byte, 100));
  finish_round();
  EXPECT_EQ(directory->recovery().damaged_ranges, 1U);
}

TEST_F(log_scrubber_test, stop_does_not_wait_for_the_pace) {
  make_log(0, 2);
  settings.io_max_bytes_per_second = 1;
  restart();
  scrubber->start();
  // The clock stands still, so this would take as many seconds as there are bytes.
  std::this_thread::yield();
  scrubber->stop();
  EXPECT_EQ(segments(), 0U);
}

}  // namespace
}  // namespace tidelog::test
