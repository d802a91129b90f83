// What readers are told of transactions that are open.

#include "support_cleaning.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/transaction_end.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using compression = model::compression_type;
using marker = model::control_record_type;

class log_transactions : public testing::Test {
 protected:
  void write_in_transaction(std::int64_t producer, std::int32_t sequence) {
    store(*log_, make_keyed_batch({put("k", "v")}, compression::none,
                                  {.id = producer, .sequence = sequence, .transactional = true}));
  }
  /// Of the first producer, whose batches have sequences that go on.
  [[nodiscard]] base::result<storage::appended> append_in_transaction(
      std::int16_t epoch, std::int32_t sequence, std::optional<std::uint64_t> verified = {}) {
    auto batch = make_keyed_batch({put("k", "v")}, compression::none,
                                  {.id = 7, .epoch = epoch, .sequence = sequence, .transactional = true});
    return log_->append(batch, {.verified_at_marker = verified});
  }
  [[nodiscard]] base::result<storage::appended> append_end(const model::transaction_end& end) {
    auto batch = model::encode_transaction_end(end, model::timestamp(1'700'000'000'000));
    return log_->append(batch, {.origin = storage::append_origin::internal});
  }
  void end_transaction(std::int64_t producer, marker how = marker::commit) {
    store(*log_, make_marker({.id = producer, .transactional = true}, how));
  }
  void reopen() {
    log_.reset();
    log_ = world_.open(config_);
  }
  [[nodiscard]] std::optional<model::offset> first_open() { return log_->first_unstable_offset(); }

  const storage::log_config config_ = page_cache_config();
  fault_file_system files_;
  log_world world_{files_};
  std::unique_ptr<storage::log> log_ = world_.open(config_);
};

TEST_F(log_transactions, first_that_is_open_is_told_as_they_begin_and_end) {
  append(*log_, {});
  EXPECT_EQ(first_open(), std::nullopt);
  write_in_transaction(7, 0);
  EXPECT_EQ(first_open(), at(1));
  write_in_transaction(8, 0);
  write_in_transaction(7, 1);
  EXPECT_EQ(first_open(), at(1));
  end_transaction(7);
  EXPECT_EQ(first_open(), at(2));
  write_in_transaction(7, 2);
  end_transaction(8, marker::abort);
  EXPECT_EQ(first_open(), at(5));
  end_transaction(7);
  EXPECT_EQ(first_open(), std::nullopt);
}

TEST_F(log_transactions, first_that_is_open_is_known_after_a_start_and_a_truncation) {
  write_in_transaction(7, 0);
  end_transaction(7);
  write_in_transaction(8, 0);
  EXPECT_EQ(first_open(), at(2));
  reopen();
  EXPECT_EQ(first_open(), at(2));
  ASSERT_TRUE(log_->truncate_to(at(1)));
  EXPECT_EQ(first_open(), at(0));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(at(50)));
  EXPECT_EQ(first_open(), std::nullopt);
}

TEST_F(log_transactions, reader_does_not_wait_for_an_append) {
  append(*log_, {});
  ASSERT_TRUE(log_->flush());
  // The append has to begin a segment, and the disk takes its time.
  files_.hold_back("00000000000000000001.log");
  std::thread appending([&] { EXPECT_TRUE(log_->roll()); });
  files_.await_held_back();
  EXPECT_EQ(first_open(), std::nullopt);
  files_.let_through();
  appending.join();
}

TEST_F(log_transactions, marker_is_checked_against_the_epochs_of_those_before) {
  const model::transaction_end end{model::producer_id(7), model::producer_epoch(2),
                                   model::transaction_outcome::committed, 5};
  ASSERT_TRUE(append_end(end));
  auto of_older = end;
  of_older.epoch = model::producer_epoch(1);
  EXPECT_EQ(append_end(of_older).error().code, storage::errc::invalid_producer_epoch);
  auto by_older = end;
  by_older.coordinator_epoch = 4;
  EXPECT_EQ(append_end(by_older).error().code, storage::errc::coordinator_fenced);
  EXPECT_EQ(log_->log_end_offset(), at(1));
  reopen();
  EXPECT_EQ(append_end(by_older).error().code, storage::errc::coordinator_fenced);
  ASSERT_EQ(log_->producers().size(), 1);
  EXPECT_EQ(log_->producers().front().coordinator_epoch, 5);
  EXPECT_TRUE(append_end(end));
}

TEST_F(log_transactions, epoch_of_a_marker_begins_with_sequence_0) {
  ASSERT_TRUE(append_in_transaction(0, 0));
  ASSERT_TRUE(append_end({model::producer_id(7), model::producer_epoch(1)}));
  EXPECT_EQ(append_in_transaction(0, 1).error().code, storage::errc::invalid_producer_epoch);
  EXPECT_EQ(append_in_transaction(1, 1).error().code, storage::errc::out_of_order_sequence);
  EXPECT_TRUE(append_in_transaction(1, 0));
}

TEST_F(log_transactions, batch_that_begins_one_is_refused_when_a_marker_has_come_since_it_was_verified) {
  const auto verified = log_->markers_taken();
  end_transaction(8);
  EXPECT_EQ(log_->markers_taken(), verified + 1);
  EXPECT_EQ(append_in_transaction(0, 0, verified).error().code, storage::errc::transaction_may_have_ended);
  EXPECT_EQ(log_->log_end_offset(), at(1));
  ASSERT_TRUE(append_in_transaction(0, 0, log_->markers_taken()));
  end_transaction(8);
  // It is open here, so nobody has ended it. And a duplicate is answered, however old.
  EXPECT_TRUE(append_in_transaction(0, 1, verified));
  end_transaction(7);
  EXPECT_EQ(append_in_transaction(0, 1, verified)->outcome, storage::append_outcome::duplicate);
  EXPECT_TRUE(append_in_transaction(0, 2));
}

TEST_F(log_transactions, one_that_has_ended_above_the_high_watermark_is_not_stable_yet) {
  log_.reset();
  log_ = world_.open({});
  write_in_transaction(7, 0);
  ASSERT_TRUE(wait_committed(*log_, at(1)));
  // A new segment's name has to be on disk before what is appended is committed.
  files_.hold_back_syncs_of("/data/t-0");
  ASSERT_TRUE(log_->roll());
  end_transaction(7);
  write_in_transaction(8, 0);
  EXPECT_EQ(log_->high_watermark(), at(1));
  EXPECT_EQ(first_open(), at(0));
  files_.let_through();
  ASSERT_TRUE(wait_committed(*log_, at(3)));
  EXPECT_EQ(first_open(), at(2));
}

TEST_F(log_transactions, one_whose_marker_is_cut_off_before_it_is_committed_is_open_again) {
  log_.reset();
  log_ = world_.open({});
  write_in_transaction(7, 0);
  ASSERT_TRUE(wait_committed(*log_, at(1)));
  end_transaction(7);
  ASSERT_TRUE(log_->truncate_to(at(1)));
  EXPECT_EQ(first_open(), at(0));
  end_transaction(7);
  ASSERT_TRUE(wait_committed(*log_, at(2)));
  EXPECT_EQ(first_open(), std::nullopt);
}

}  // namespace
}  // namespace tidelog::test
