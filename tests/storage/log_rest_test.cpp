// Logs that nobody uses come to rest: without descriptors, and with next to nothing in memory.
#include "support_log.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using storage::read_bound;
using idleness = storage::log::idleness;

class log_rest_test : public testing::Test {
 protected:
  log_rest_test() {
    config_.segment_bytes = static_cast<std::int64_t>(50 * batch_bytes(10));
    config_.index_interval_bytes = 256;
    log_ = world_.open(config_);
  }
  void fill(int batches) {
    for (int i = 0; i < batches; ++i)
      append(*log_, {.timestamp = first_timestamp + log_->log_end_offset().value()});
  }
  void rest() {
    ASSERT_TRUE(log_->flush());
    // The first may find a new end, the next that files have been used since the last look before.
    for (int look = 0; look < 2; ++look) static_cast<void>(log_->rest_if_idle());
    ASSERT_GE(log_->rest_if_idle(), idleness::has_come_to_rest);
    ASSERT_EQ(log_->rest_if_idle(), idleness::at_rest);
    ASSERT_EQ(world_.open_files.open_files(), 0U);
  }
  /// Every record is found by offset and by time, and no index had to be made anew.
  void check(std::int64_t end) {
    for (std::int64_t offset = 0; offset < end; offset += 7) {
      const auto slice = log_->read(at(offset), {.max_bytes = 1}, read_bound::log_end());
      ASSERT_TRUE(slice) << slice.error().describe();
      ASSERT_EQ(offsets_of(*slice), std::vector<std::int64_t>{offset});
      const auto found = log_->offset_for_timestamp(model::timestamp(first_timestamp + offset));
      ASSERT_TRUE(found);
      ASSERT_TRUE(*found);
      ASSERT_EQ((*found)->offset, at(offset));
    }
    EXPECT_EQ(log_->recovery().indexes_rebuilt, 0U);
  }

  static constexpr std::int64_t first_timestamp = 1'700'000'000'000;
  fault_file_system files_;
  log_world world_{files_};
  storage::log_config config_ = page_cache_config();
  std::unique_ptr<storage::log> log_;
};

TEST_F(log_rest_test, idle_log_closes_its_files_and_is_as_it_was) {
  fill(120);
  ASSERT_NO_FATAL_FAILURE(rest());
  ASSERT_NO_FATAL_FAILURE(check(120));
  ASSERT_NO_FATAL_FAILURE(rest());
  fill(60);
  ASSERT_NO_FATAL_FAILURE(check(180));
  ASSERT_NO_FATAL_FAILURE(rest());
  ASSERT_TRUE(log_->close(storage::close_kind::clean));
  log_ = world_.open_clean(config_);
  ASSERT_NO_FATAL_FAILURE(check(180));
}

TEST_F(log_rest_test, power_cut_takes_nothing_from_a_log_at_rest) {
  fill(120);
  ASSERT_NO_FATAL_FAILURE(rest());
  files_.restart(unsynced::lost);
  log_.reset();
  log_ = world_.open(config_, {.recovery_point = at(120)});
  EXPECT_EQ(log_->log_end_offset(), at(120));
  EXPECT_EQ(read_all(*log_, at(0), read_bound::log_end()).size(), 120 * batch_bytes(10));
}

TEST_F(log_rest_test, log_that_is_read_keeps_what_is_read) {
  fill(120);
  ASSERT_NO_FATAL_FAILURE(rest());
  for (int look = 0; look < 5; ++look) {
    ASSERT_TRUE(log_->read(at(3), {.max_bytes = 100}, read_bound::log_end()));
    EXPECT_EQ(log_->rest_if_idle(), idleness::in_use);
    EXPECT_EQ(world_.open_files.open_files(), 2U) << "the segment and its index";
  }
}

TEST_F(log_rest_test, log_that_is_appended_to_does_not_come_to_rest) {
  for (int look = 0; look < 20; ++look) {
    fill(1);
    ASSERT_TRUE(log_->flush());
    EXPECT_EQ(log_->rest_if_idle(), idleness::in_use);
  }
}

TEST_F(log_rest_test, log_that_is_not_synced_for_long_asks_for_it) {
  fill(3);
  int looks = 0;
  while (log_->rest_if_idle() == idleness::in_use) ++looks;
  EXPECT_GE(looks, 5);
  EXPECT_EQ(log_->recovery_point(), at(0));
  EXPECT_EQ(log_->rest_if_idle(), idleness::unsynced);
  log_->sync_soon();
  while (log_->recovery_point() < at(3)) std::this_thread::yield();
  ASSERT_NO_FATAL_FAILURE(rest());
}

TEST_F(log_rest_test, descriptor_whose_failure_nobody_has_been_told_is_not_let_go_of) {
  fill(3);
  for (int look = 0; look < 10; ++look) static_cast<void>(log_->rest_if_idle());
  files_.fail_write_back();
  EXPECT_FALSE(log_->flush()) << "what the kernel could not write was lost unnoticed";
}

TEST_F(log_rest_test, descriptor_of_a_write_that_was_cut_off_again_is_not_let_go_of) {
  fill(3);
  ASSERT_TRUE(log_->flush());
  files_.inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = ".log", .bytes_written = 5});
  auto batch = make_batch({});
  ASSERT_FALSE(log_->append(batch, {.origin = storage::append_origin::internal}));
  EXPECT_EQ(log_->recovery_point(), log_->log_end_offset());
  for (int look = 0; look < 10; ++look) EXPECT_EQ(log_->rest_if_idle(), idleness::in_use);
  EXPECT_EQ(world_.open_files.open_files(), 1U);
}

TEST_F(log_rest_test, log_that_was_closed_and_read_looks_into_its_indexes_afterwards) {
  fill(180);
  ASSERT_TRUE(log_->close(storage::close_kind::clean));
  log_ = world_.open_clean(config_);
  ASSERT_NO_FATAL_FAILURE(check(180));
  ASSERT_NO_FATAL_FAILURE(rest());
  int index_reads = 0;
  files_.watch_reads([&](const io::path& name) { index_reads += name.extension() == ".index" ? 1 : 0; });
  ASSERT_TRUE(log_->read(at(49), {.max_bytes = 1}, read_bound::log_end()));
  files_.watch_reads({});
  EXPECT_GT(index_reads, 0);
}

TEST_F(log_rest_test, each_of_the_last_five_batches_of_a_producer_is_a_duplicate_afterwards) {
  constexpr std::int64_t producer = 7;
  const auto sent = [](int sequence) { return batch_spec{.producer_id = producer, .sequence = sequence}; };
  const auto send = [&](int sequence) {
    auto batch = make_batch(sent(sequence));
    return log_->append(batch, {.origin = storage::append_origin::client});
  };
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(i));
  ASSERT_NO_FATAL_FAILURE(rest());
  for (int i = 7; i >= 3; --i) {
    const auto again = send(i);
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(again->outcome, storage::append_outcome::duplicate);
    EXPECT_EQ(again->base_offset, at(i));
  }
  EXPECT_FALSE(send(2)) << "it was not one of the five before either";
  ASSERT_TRUE(send(8));
  EXPECT_EQ(log_->log_end_offset(), at(9));
}

TEST_F(log_rest_test, index_that_cannot_be_written_stays_in_memory) {
  fill(40);
  ASSERT_TRUE(log_->flush());
  files_.inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = ".index", .times = for_ever});
  for (int look = 0; look < 4; ++look) EXPECT_EQ(log_->rest_if_idle(), idleness::in_use);
  files_.clear_faults();
  ASSERT_NO_FATAL_FAILURE(check(40));
  ASSERT_NO_FATAL_FAILURE(rest());
  ASSERT_NO_FATAL_FAILURE(check(40));
}

TEST_F(log_rest_test, segment_that_was_deleted_at_rest_is_gone_for_good) {
  fill(120);
  ASSERT_NO_FATAL_FAILURE(rest());
  ASSERT_TRUE(log_->advance_log_start(at(60)));
  ASSERT_TRUE(log_->remove_deleted_files(world_.clock.now_ms() + 3'600'000));
  const auto left = files_.list(world_.directory);
  ASSERT_TRUE(left);
  for (const auto& each : *left)
    EXPECT_EQ(each.name.find("00000000000000000000."), std::string::npos) << each.name;
  fill(10);
  ASSERT_NO_FATAL_FAILURE(rest());
  EXPECT_EQ(log_->log_end_offset(), at(130));
}

}  // namespace
}  // namespace tidelog::test
