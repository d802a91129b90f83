// What readers are told of transactions that are open.

#include "support_cleaning.hpp"

#include <gtest/gtest.h>

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
  void end_transaction(std::int64_t producer, marker how = marker::commit) {
    store(*log_, make_marker({.id = producer, .transactional = true}, how));
  }
  void reopen() {
    log_.reset();
    log_ = world_.open(config_);
  }
  [[nodiscard]] std::optional<model::offset> first_open() { return log_->first_open_transaction(); }

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

}  // namespace
}  // namespace tidelog::test
