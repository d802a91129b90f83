// The journal's ring grows while it is at work, and nothing that it has acknowledged depends on whether it came to that.
#include "support_commit_journal.hpp"

#include <algorithm>
#include <array>

namespace tidelog::test {
namespace {

constexpr std::uint64_t grown_bytes = 2 * small_ring_bytes;

class journal_growth_test : public journal_fixture {
 protected:
  void SetUp() override {
    journal_fixture::SetUp();
    begin_growing();
  }
  void TearDown() override { leave(); }

  /// Rounds of two logs are not enough for it, of three they are.
  void begin_growing(std::uint64_t most_bytes = grown_bytes) {
    auto wanted = settings_of(most_bytes);
    wanted.first_bytes = small_ring_bytes;
    wanted.bytes_for_each_log = small_ring_bytes / 5;
    wanted.background = &background_;
    begin(wanted);
  }
  void seat_all() {
    for (std::size_t i = 0; i < logs_.size(); ++i) seat(logs_[i], static_cast<int>(i) + 1);
    is_seated_ = true;
  }
  void leave() {
    if (!is_seated_) return;
    for (auto& each : logs_) journal_->leave(*each.account);
    journal_.reset();
    is_seated_ = false;
  }
  void sync_all() {
    for (auto& each : logs_) journal_->synced(*each.account, at(each.end));
  }
  /// To the first `count` logs in turn, which sync their segments when the ring is full.
  void offer_to(std::size_t count, std::size_t value_bytes = 5000) {
    auto& log = logs_[turn_++ % count];
    if (offer(log, value_bytes)) return log.log.wait_for(log.end);
    sync_all();
    std::this_thread::yield();
  }
  [[nodiscard]] std::uint64_t ring_bytes() { return static_cast<std::uint64_t>(counts().ring_bytes.value()); }
  void offer_until_grown() {
    while (ring_bytes() < grown_bytes) offer_to(logs_.size());
  }
  void offer_for_rounds(std::uint64_t rounds, std::size_t count) {
    const auto before = counts().rounds.value();
    while (counts().rounds.value() < before + rounds) offer_to(count);
  }
  [[nodiscard]] std::uint64_t file_bytes() {
    return *(*files_.open(journal_path, io::open_mode::read))->size();
  }
  [[nodiscard]] static std::uint64_t file_bytes_of(std::uint64_t ring) {
    return ring + storage::journal_header_blocks * storage::journal_block_bytes;
  }
  /// What a crash now would have to leave of each log: what it was told since its last sync.
  void check_left() {
    files_.restart(unsynced::lost);
    for (std::size_t i = 0; i < logs_.size(); ++i) {
      const auto left = left_in_file(static_cast<int>(i) + 1);
      for (auto offset = logs_[i].account->synced_end.value(); offset < logs_[i].end; ++offset) {
        EXPECT_TRUE(std::ranges::count(left, offset)) << "log " << i << ", offset " << offset;
      }
    }
  }

  storage::group_commit background_{2};
  std::array<seated_log, 3> logs_;
  bool is_seated_ = false;
  std::size_t turn_ = 0;
};

TEST_F(journal_growth_test, ring_grows_when_a_round_has_many_logs_and_goes_on) {
  seat_all();
  offer_until_grown();
  EXPECT_EQ(file_bytes(), file_bytes_of(grown_bytes));
  offer_for_rounds(3, logs_.size());
  EXPECT_EQ(counts().failures.value(), 0U);
  leave();
  check_left();
}

TEST_F(journal_growth_test, ring_has_more_room_when_it_has_grown) {
  seat_all();
  offer_until_grown();
  sync_all();
  // The first group after the syncs says that all is free.
  while (!offer(logs_[0], 10)) std::this_thread::yield();
  logs_[0].log.wait_for(logs_[0].end);
  std::uint64_t taken = 0;
  while (offer(logs_[0], 20'000)) {
    logs_[0].log.wait_for(logs_[0].end);
    taken += 20'000;
  }
  EXPECT_GT(taken, small_ring_bytes + small_ring_bytes / 2);
}

TEST_F(journal_growth_test, ring_stays_for_rounds_of_few_logs) {
  seat_all();
  offer_for_rounds(6, 2);
  EXPECT_EQ(ring_bytes(), small_ring_bytes);
  EXPECT_EQ(file_bytes(), file_bytes_of(small_ring_bytes));
}

TEST_F(journal_growth_test, next_run_has_the_ring_that_has_grown) {
  seat_all();
  offer_until_grown();
  leave();
  begin_growing();
  seat_all();
  offer_until_taken(logs_[0]);
  EXPECT_EQ(ring_bytes(), grown_bytes);
}

TEST_F(journal_growth_test, ring_that_is_larger_than_it_may_be_is_laid_out_anew) {
  seat_all();
  offer_until_grown();
  leave();
  begin_growing(small_ring_bytes);
  seat_all();
  offer_until_taken(logs_[0]);
  EXPECT_EQ(ring_bytes(), small_ring_bytes);
  EXPECT_EQ(file_bytes(), file_bytes_of(small_ring_bytes));
}

TEST_F(journal_growth_test, what_a_stop_left_of_a_growth_is_given_back) {
  seat_all();
  offer_until_taken(logs_[0]);
  leave();
  ASSERT_TRUE((*files_.open(journal_path, io::open_mode::read_write))->truncate(file_bytes_of(grown_bytes)));
  begin_growing();
  seat_all();
  offer_until_taken(logs_[0]);
  EXPECT_EQ(ring_bytes(), small_ring_bytes);
  EXPECT_EQ(file_bytes(), file_bytes_of(small_ring_bytes));
}

TEST_F(journal_growth_test, growth_that_finds_no_room_is_given_back_and_nobody_waits_for_it) {
  seat_all();
  offer_until_taken(logs_[0]);
  files_.inject({.what = operation::write,
                 .error_number = ENOSPC,
                 .path_contains = storage::journal_file_name,
                 .from_position = file_bytes_of(small_ring_bytes),
                 .bytes_written = 5000});
  while (files_.faults_met() == 0) offer_to(logs_.size());
  offer_for_rounds(20, logs_.size());
  EXPECT_EQ(ring_bytes(), small_ring_bytes) << "it is not tried again";
  EXPECT_EQ(counts().failures.value(), 0U);
  leave();
  EXPECT_EQ(file_bytes(), file_bytes_of(small_ring_bytes));
  check_left();
}

TEST_F(journal_growth_test, small_disk_is_not_for_a_larger_ring) {
  seat_all();
  files_.set_capacity_bytes(9 * (grown_bytes - small_ring_bytes));
  offer_for_rounds(6, logs_.size());
  EXPECT_EQ(ring_bytes(), small_ring_bytes);
  EXPECT_EQ(file_bytes(), file_bytes_of(small_ring_bytes));
}

TEST_F(journal_growth_test, header_that_fails_makes_a_new_file_and_loses_nothing) {
  seat_all();
  offer_until_taken(logs_[0]);
  // Groups have one block at least and stand behind the headers.
  files_.inject({.what = operation::write,
                 .error_number = EIO,
                 .path_contains = storage::journal_file_name,
                 .below_position = storage::journal_header_blocks * storage::journal_block_bytes});
  while (counts().failures.value() == 0) {
    for (auto& each : logs_) {
      if (!offer(each, 5000)) sync_all();
    }
    std::this_thread::yield();
  }
  EXPECT_EQ(files_.faults_met(), 1U);
  for (auto& each : logs_) each.log.wait_until_asked(1);
  offer_until_grown();
  EXPECT_FALSE(journal_->is_refusing());
  leave();
  check_left();
}

/// The file alone.
class journal_disk_growth_test : public journal_fixture {
 protected:
  static constexpr std::uint64_t first_blocks = 16;
  void SetUp() override {
    journal_fixture::SetUp();
    ASSERT_TRUE(disk_.begin_run(storage::journal_disk::file_choice::any));
    auto begun = disk_.begin_growth(2 * first_blocks);
    ASSERT_TRUE(begun);
    growth_ = std::move(*begun);
  }
  /// One batch with that offset.
  [[nodiscard]] base::status write_group(std::uint64_t block) {
    auto batch = make_batch({});
    model::set_base_offset(batch, at(offset_++));
    storage::journal_group group;
    group.add_batch(log_id(1), batch);
    return disk_.write_group(group.seal(disk_.run_id(), static_cast<std::uint64_t>(offset_), 1), block);
  }

  storage::journal_disk disk_{files_, data, directory_id_, {first_blocks, 2 * first_blocks}};
  std::shared_ptr<storage::journal_growth> growth_;
  std::int64_t offset_ = 0;
};

TEST_F(journal_disk_growth_test, groups_are_found_while_more_room_is_laid_out) {
  ASSERT_TRUE(write_group(first_blocks - 1));
  ASSERT_TRUE(growth_->lay_out_piece());
  ASSERT_TRUE(growth_->is_laid_out());
  EXPECT_EQ(left_of(), std::vector<std::int64_t>{0});
}

TEST_F(journal_disk_growth_test, groups_are_found_when_the_ring_has_the_room) {
  ASSERT_TRUE(write_group(first_blocks - 1));
  ASSERT_TRUE(growth_->lay_out_piece());
  ASSERT_TRUE(disk_.take(*growth_));
  EXPECT_EQ(disk_.ring_blocks(), 2 * first_blocks);
  ASSERT_TRUE(write_group(first_blocks));
  EXPECT_EQ(left_of(), (std::vector<std::int64_t>{0, 1}));
}

TEST_F(journal_disk_growth_test, failed_sync_of_more_room_is_told_to_the_groups_too) {
  files_.inject({.what = operation::sync, .error_number = EIO});
  // Whatever of a group was on its way to the disk may have been dropped with it.
  EXPECT_FALSE(growth_->lay_out_piece());
  EXPECT_FALSE(write_group(0));
}

}  // namespace
}  // namespace tidelog::test
