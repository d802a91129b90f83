// Reads by threads that others wait for: never from the disk.

#include "support/random_seed.hpp"
#include "support_log.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <future>
#include <thread>

namespace tidelog::test {
namespace {

using storage::read_bound;
using testing::ElementsAre;
constexpr auto never_waits = io::patience::never_waits;

class log_cold_test : public testing::Test {
 protected:
  log_cold_test() {
    config_.segment_bytes = static_cast<std::int64_t>(50 * batch_bytes(10));
    config_.index_interval_bytes = 256;
  }

  void open(storage::start_kind start) {
    log_ = world_.open(config_, {.start = start, .recovery_point = log_end_});
  }
  void reopen() {
    log_end_ = log_->log_end_offset();
    EXPECT_TRUE(log_->close(storage::close_kind::clean));
    log_.reset();
    open(storage::start_kind::clean);
  }
  void fill(int batches) {
    for (int i = 0; i < batches; ++i) append(*log_, {});
  }
  /// From now on the disk answers nothing, so that whoever asks it is found out.
  void break_disk() {
    for (const auto each : {operation::open, operation::disk_read, operation::size})
      files_.inject({.what = each, .error_number = EIO, .times = for_ever});
  }
  void mend_disk() {
    EXPECT_EQ(files_.faults_met(), 0U) << "the disk was asked";
    files_.clear_faults();
  }

  fault_file_system files_;
  log_world world_{files_};
  storage::log_config config_ = page_cache_config();
  model::offset log_end_{0};
  std::unique_ptr<storage::log> log_;
};

TEST_F(log_cold_test, reader_without_patience_gets_what_is_in_memory) {
  open(storage::start_kind::unclean);
  fill(20);
  const auto slice =
      log_->read(at(7), {.max_bytes = 3 * batch_bytes(10)}, read_bound::high_watermark(), never_waits);
  ASSERT_TRUE(slice) << slice.error().describe();
  EXPECT_THAT(offsets_of(*slice), ElementsAre(7, 8, 9));
}

TEST_F(log_cold_test, reader_without_patience_is_sent_away_where_the_disk_would_have_to_be_asked) {
  open(storage::start_kind::unclean);
  fill(200);
  files_.evict_page_cache();
  break_disk();
  const auto slice = log_->read(at(120), {.max_bytes = 1000}, read_bound::high_watermark(), never_waits);
  mend_disk();
  ASSERT_FALSE(slice);
  EXPECT_TRUE(io::would_wait(slice.error())) << slice.error().describe();
  ASSERT_TRUE(log_->read(at(120), {.max_bytes = 1000}, read_bound::high_watermark()));
  EXPECT_TRUE(log_->read(at(120), {.max_bytes = 1000}, read_bound::high_watermark(), never_waits))
      << "what was brought in is there";
}

TEST_F(log_cold_test, indexes_of_a_log_just_opened_are_looked_at_by_a_patient_reader) {
  open(storage::start_kind::unclean);
  fill(120);
  reopen();
  break_disk();
  const auto slice = log_->read(at(60), {.max_bytes = 1000}, read_bound::high_watermark(), never_waits);
  mend_disk();
  ASSERT_FALSE(slice);
  EXPECT_TRUE(io::would_wait(slice.error())) << slice.error().describe();
}

TEST_F(log_cold_test, readers_with_and_without_patience_read_the_same) {
  std::mt19937_64 random(random_seed());
  open(storage::start_kind::unclean);
  fill(30);
  for (int round = 0; round < 300; ++round) {
    switch (random() % 8) {
      case 0:
        files_.evict_page_cache();
        break;
      case 1:
        reopen();
        break;
      case 2:
        fill(10);
        break;
      default:
        break;
    }
    const auto records = static_cast<std::uint64_t>(log_->log_end_offset().value());
    const auto wanted = at(static_cast<std::int64_t>(random() % records));
    const storage::read_limit limit{.max_bytes = random() % 2000};
    break_disk();
    const auto quick = log_->read(wanted, limit, read_bound::high_watermark(), never_waits);
    mend_disk();
    const auto slow = log_->read(wanted, limit, read_bound::high_watermark());
    ASSERT_TRUE(slow) << slow.error().describe();
    if (quick) {
      EXPECT_EQ(bytes_of(*quick), bytes_of(*slow)) << "from " << wanted.value();
    } else {
      EXPECT_TRUE(io::would_wait(quick.error())) << quick.error().describe();
    }
  }
}

/// A producer whose last batches are in the log, but all but the newest not in memory any more.
class log_cold_producer_test : public log_cold_test {
 protected:
  /// Its batches are at 0, 1 and 2, and at `last_`, behind others.
  void make_log(std::size_t others, std::size_t value_bytes) {
    config_.segment_bytes = static_cast<std::int64_t>(10 * batch_bytes(value_bytes));
    open(storage::start_kind::unclean);
    for (int i = 0; i < 3; ++i) append(*log_, {.producer_id = 9, .sequence = i});
    for (std::size_t i = 0; i < others; ++i) append(*log_, {.value_bytes = value_bytes});
    last_ = append(*log_, {.producer_id = 9, .sequence = 3}).base_offset;
    reopen();
  }
  [[nodiscard]] base::result<storage::appended> send(int sequence, io::patience patience) {
    auto batch = make_batch({.producer_id = 9, .sequence = sequence});
    return log_->append(batch, {.patience = patience});
  }
  void expect_original(const base::result<storage::appended>& answer, model::offset where) {
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->outcome, storage::append_outcome::duplicate);
    EXPECT_EQ(answer->base_offset, where);
  }

  model::offset last_{};
};

TEST_F(log_cold_producer_test, batch_sent_again_is_not_looked_for_on_the_disk_without_patience) {
  make_log(60, 10);
  const auto end = log_->log_end_offset();
  files_.evict_page_cache();
  break_disk();
  EXPECT_EQ(send(1, never_waits).error().code, std::errc::resource_unavailable_try_again);
  expect_original(send(3, never_waits), last_);
  EXPECT_EQ(log_->log_end_offset(), end);
  mend_disk();
  expect_original(send(1, io::patience::waits_for_disk), at(1));
  expect_original(send(2, never_waits), at(2));
  EXPECT_EQ(log_->log_end_offset(), end);
}

TEST_F(log_cold_producer_test, gap_is_told_from_a_batch_sent_again_without_the_disk) {
  make_log(60, 10);
  files_.evict_page_cache();
  break_disk();
  EXPECT_EQ(send(7, never_waits).error().code, storage::errc::out_of_order_sequence);
  mend_disk();
}

TEST_F(log_cold_producer_test, batch_sent_again_is_not_looked_for_far_back_without_patience) {
  make_log(30, std::size_t{100} * 1024);
  std::uint64_t reads = 0;
  files_.watch_reads([&](const io::path&) { ++reads; });
  EXPECT_EQ(send(1, never_waits).error().code, std::errc::resource_unavailable_try_again);
  // All of it is in the page cache, and each large batch is one read.
  EXPECT_LE(reads, 30U);
  files_.watch_reads({});
  expect_original(send(1, io::patience::waits_for_disk), at(1));
}

TEST_F(log_cold_producer_test, others_append_while_a_batch_sent_again_is_looked_for_on_the_disk) {
  make_log(60, 10);
  // What the segment in use begins with is asked for once.
  append(*log_, {});
  files_.evict_page_cache();
  std::promise<void> reading;
  bool is_reading = false;
  files_.watch_reads([&](const io::path&) {
    if (!std::exchange(is_reading, true)) reading.set_value();
  });
  files_.stall_disk();
  base::result<storage::appended> answer;
  std::thread patient([&] { answer = send(1, io::patience::waits_for_disk); });
  reading.get_future().wait();
  const auto end = log_->log_end_offset();
  auto others = make_batch({});
  const auto appended = log_->append(others, {.patience = never_waits});
  EXPECT_TRUE(appended);
  EXPECT_EQ(log_->log_end_offset(), end + 1);
  files_.resume_disk();
  patient.join();
  expect_original(answer, at(1));
}

}  // namespace
}  // namespace tidelog::test
