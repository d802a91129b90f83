// The journal's file: what was written comes back, and what a crash or a bad disk leaves is told apart from it.
#include "tidelog/storage/journal_file.hpp"

#include "support/journal_header.hpp"
#include "support_log.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tidelog::test {
namespace {

using storage::journal_block_bytes;

constexpr std::uint64_t ring_begin = storage::journal_header_blocks * journal_block_bytes;

[[nodiscard]] storage::journal_log_id log_id(int number) {
  storage::journal_log_id id;
  id.topic.bytes[0] = std::byte{static_cast<unsigned char>(number)};
  id.partition = model::partition_index(number);
  return id;
}

[[nodiscard]] std::vector<std::byte> batch_at(std::int64_t base, std::size_t value_bytes = 10) {
  auto batch = make_batch({.value_bytes = value_bytes});
  model::set_base_offset(batch, at(base));
  model::set_partition_leader_epoch(batch, model::leader_epoch(3));
  return batch;
}

class journal_file_test : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = *files_.open("/journal", io::open_mode::create);
    header_.directory_id = base::random_uuid();
    header_.run_id = base::random_uuid();
    header_.generation = 7;
    header_.ring_blocks = 16;
    ASSERT_TRUE(file_->truncate(header_.file_bytes()));
    write_header();
  }
  void write_header() {
    ASSERT_TRUE(file_->write_at(storage::encode_journal_header(header_),
                                storage::journal_header_position(header_.generation)));
  }
  /// Writes the group at the block and returns the block behind it.
  std::uint64_t write(storage::journal_group& group, std::uint64_t block, std::uint64_t sequence,
                      std::uint64_t oldest) {
    const auto bytes = group.seal(header_.run_id, sequence, oldest);
    for (std::size_t done = 0; done < bytes.size(); done += journal_block_bytes) {
      EXPECT_TRUE(file_->write_at(bytes.subspan(done, journal_block_bytes),
                                  ring_begin + block % header_.ring_blocks * journal_block_bytes));
      ++block;
    }
    return block;
  }
  /// A group of one batch.
  std::uint64_t write_one(std::uint64_t block, std::uint64_t sequence, std::uint64_t oldest,
                          std::int64_t base, std::size_t value_bytes = 10) {
    storage::journal_group group;
    group.add_batch(log_id(1), batch_at(base, value_bytes));
    return write(group, block, sequence, oldest);
  }
  [[nodiscard]] storage::journal_contents read() {
    auto found = storage::read_journal(*file_);
    if (!found) throw std::runtime_error(found.error().describe());
    return std::move(*found);
  }
  [[nodiscard]] static std::vector<std::int64_t> offsets(const storage::journal_contents& of, int log = 1) {
    std::vector<std::int64_t> all;
    const auto found = of.batches.find(log_id(log));
    if (found == of.batches.end()) return all;
    for (const auto& each : found->second) all.push_back(each.base_offset.value());
    return all;
  }
  void damage(std::uint64_t position) {
    std::array<std::byte, 1> one{};
    ASSERT_TRUE(file_->read_at(one, position));
    one[0] ^= std::byte{0xff};
    ASSERT_TRUE(file_->write_at(one, position));
  }

  fault_file_system files_;
  std::shared_ptr<io::file> file_;
  storage::journal_header header_;
};

using offset_list = std::vector<std::int64_t>;

TEST_F(journal_file_test, header_comes_back) {
  const auto found = storage::read_journal_header(*file_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->directory_id, header_.directory_id);
  EXPECT_EQ(found->run_id, header_.run_id);
  EXPECT_EQ(found->generation, 7U);
  EXPECT_EQ(found->ring_blocks, 16U);
}

TEST_F(journal_file_test, newer_of_two_headers_counts_and_the_older_stands_in_for_it) {
  const auto older = header_.run_id;
  header_.run_id = base::random_uuid();
  ++header_.generation;
  write_header();
  EXPECT_EQ(storage::read_journal_header(*file_)->run_id, header_.run_id);
  damage(storage::journal_header_position(header_.generation) + 30);
  EXPECT_EQ(storage::read_journal_header(*file_)->run_id, older);
}

TEST_F(journal_file_test, file_without_a_good_header_is_corrupt) {
  damage(storage::journal_header_position(header_.generation) + 30);
  EXPECT_EQ(storage::read_journal(*file_).error().code, storage::errc::corrupt_journal);
  ASSERT_TRUE(file_->truncate(0));
  EXPECT_EQ(storage::read_journal(*file_).error().code, storage::errc::corrupt_journal);
}

TEST_F(journal_file_test, header_that_was_cut_off_at_any_byte_leaves_the_other_one_in_force) {
  const auto next = storage::encode_journal_header(
      {header_.directory_id, base::random_uuid(), header_.generation + 1, header_.ring_blocks});
  const auto position = storage::journal_header_position(header_.generation + 1);
  std::size_t length = 62;
  while (next[length - 1] == std::byte{0}) --length;
  for (std::size_t written = 0; written < length; ++written) {
    ASSERT_TRUE(file_->write_at(std::vector<std::byte>(storage::journal_block_bytes), position));
    ASSERT_TRUE(file_->write_at(base::byte_view(next).first(written), position));
    const auto found = storage::read_journal(*file_);
    ASSERT_TRUE(found) << written << ": " << found.error().describe();
    EXPECT_EQ(found->header.run_id, header_.run_id) << written;
  }
}

TEST_F(journal_file_test, another_version_is_told_apart_from_damage) {
  set_journal_version(*file_, storage::journal_header_position(header_.generation), 2);
  EXPECT_EQ(storage::read_journal(*file_).error().code, storage::errc::unknown_format_version);
}

TEST_F(journal_file_test, one_bit_of_a_version_is_damage_and_the_other_header_stays_in_force) {
  damage(storage::journal_header_position(header_.generation) + journal_version_position + 1);
  const auto other = header_.generation + 1;
  auto header = header_;
  header.generation = other;
  ASSERT_TRUE(
      file_->write_at(storage::encode_journal_header(header), storage::journal_header_position(other)));
  EXPECT_EQ(read().header.generation, other);
}

TEST_F(journal_file_test, blocks_that_cannot_be_read_cost_only_their_groups) {
  const auto next = write_one(2, 1, 1, 5);
  const auto after = write_one(next, 2, 1, 6);
  write_one(after, 3, 1, 7);
  // Behind the two headers the ring is read at once, and then, since that fails, block by block up to the third.
  files_.inject({.what = operation::read, .error_number = EIO, .after = 2});
  files_.inject({.what = operation::read, .error_number = EIO, .after = 4});
  const auto found = read();
  EXPECT_EQ(found.unreadable_blocks, 1U);
  EXPECT_EQ(found.groups, 2U);
  EXPECT_EQ(found.groups_missing, 1U);
}

TEST_F(journal_file_test, header_that_cannot_be_read_is_not_taken_for_damaged) {
  files_.inject({.what = operation::read, .error_number = EIO, .times = 2});
  EXPECT_EQ(storage::read_journal(*file_).error().code, std::errc::io_error);
}

TEST_F(journal_file_test, ring_that_was_never_written_is_empty) {
  const auto found = read();
  EXPECT_TRUE(found.batches.empty());
  EXPECT_EQ(found.groups, 0U);
  EXPECT_EQ(found.groups_missing, 0U);
}

TEST_F(journal_file_test, batches_come_back_by_log_in_order_and_byte_for_byte) {
  storage::journal_group group;
  group.add_batch(log_id(1), batch_at(5));
  group.add_batch(log_id(2), batch_at(70, 6000));
  group.add_batch(log_id(1), batch_at(6));
  EXPECT_EQ(group.blocks(), 2U);
  const auto next = write(group, 3, 1, 1);
  write_one(next, 2, 1, 7);
  const auto found = read();
  EXPECT_EQ(found.groups, 2U);
  EXPECT_EQ(found.groups_missing, 0U);
  EXPECT_EQ(offsets(found, 1), (offset_list{5, 6, 7}));
  EXPECT_EQ(offsets(found, 2), offset_list{70});
  const auto& large = found.batches.at(log_id(2)).front();
  EXPECT_EQ(large.leader_epoch, model::leader_epoch(3));
  EXPECT_EQ(*storage::read_journal_batch(*file_, found.header, large), batch_at(70, 6000));
}

TEST_F(journal_file_test, group_goes_on_at_the_rings_beginning) {
  write_one(14, 1, 1, 5, 12'000);
  const auto found = read();
  ASSERT_EQ(offsets(found), offset_list{5});
  EXPECT_EQ(*storage::read_journal_batch(*file_, found.header, found.batches.at(log_id(1)).front()),
            batch_at(5, 12'000));
}

TEST_F(journal_file_test, torn_newest_group_is_as_if_it_had_not_been_written) {
  write_one(0, 1, 1, 5);
  write_one(1, 2, 1, 6);
  damage(ring_begin + journal_block_bytes + 100);
  const auto found = read();
  EXPECT_EQ(offsets(found), offset_list{5});
  EXPECT_EQ(found.groups_missing, 0U);
}

TEST_F(journal_file_test, groups_that_the_newest_does_not_need_are_left_out) {
  write_one(0, 1, 1, 5);
  write_one(1, 2, 1, 6);
  write_one(2, 3, 2, 7);
  EXPECT_EQ(offsets(read()), (offset_list{6, 7}));
}

TEST_F(journal_file_test, damaged_group_in_the_middle_is_counted_and_the_others_are_read) {
  write_one(0, 1, 1, 5);
  write_one(1, 2, 1, 6);
  write_one(2, 3, 1, 7);
  damage(ring_begin + journal_block_bytes + 100);
  const auto found = read();
  EXPECT_EQ(offsets(found), (offset_list{5, 7}));
  EXPECT_EQ(found.groups, 2U);
  EXPECT_EQ(found.groups_missing, 1U);
}

TEST_F(journal_file_test, groups_of_another_run_mean_nothing) {
  write_one(0, 1, 1, 5);
  header_.run_id = base::random_uuid();
  ++header_.generation;
  write_header();
  EXPECT_TRUE(read().batches.empty());
  write_one(1, 1, 1, 9);
  EXPECT_EQ(offsets(read()), offset_list{9});
}

TEST_F(journal_file_test, whole_group_inside_of_a_batch_is_no_group) {
  storage::journal_group forged;
  forged.add_batch(log_id(9), batch_at(500));
  const auto bytes = forged.seal(header_.run_id, 40, 1);
  // So placed that it begins with a block of the ring.
  std::string value(3 * journal_block_bytes, 'x');
  storage::journal_group group;
  auto batch = make_batch({.value = value});
  const std::size_t value_begins = static_cast<std::size_t>(base::as_text(batch).find("xxxx")) + 48 + 45;
  const auto place = 2 * journal_block_bytes - value_begins;
  value.replace(place, bytes.size(), base::as_text(bytes));
  batch = make_batch({.value = value});
  group.add_batch(log_id(1), batch);
  write(group, 2, 1, 1);
  std::vector<std::byte> there(4);
  ASSERT_TRUE(file_->read_at(there, ring_begin + 4 * journal_block_bytes));
  ASSERT_EQ(base::as_text(there), "TLJG");
  const auto found = read();
  EXPECT_EQ(found.groups, 1U);
  EXPECT_TRUE(offsets(found, 9).empty());
}

TEST_F(journal_file_test, truncation_takes_back_what_came_before_it_and_no_more) {
  storage::journal_group group;
  for (const int base : {5, 6, 7}) group.add_batch(log_id(1), batch_at(base));
  group.add_batch(log_id(2), batch_at(7));
  group.add_truncation(log_id(1), at(6));
  group.add_batch(log_id(1), batch_at(6));
  write(group, 0, 1, 1);
  EXPECT_EQ(offsets(read(), 1), (offset_list{5, 6}));
  EXPECT_EQ(offsets(read(), 2), offset_list{7});
}

TEST_F(journal_file_test, file_that_was_cut_short_tells_what_is_missing) {
  write_one(0, 1, 1, 5);
  write_one(10, 2, 1, 6);
  write_one(1, 3, 1, 7);
  ASSERT_TRUE(file_->truncate(ring_begin + 5 * journal_block_bytes));
  const auto found = read();
  EXPECT_EQ(offsets(found), (offset_list{5, 7}));
  EXPECT_EQ(found.groups_missing, 1U);
}

TEST_F(journal_file_test, batch_that_changed_after_the_group_was_checked_is_not_given_out) {
  write_one(0, 1, 1, 5);
  const auto found = read();
  damage(ring_begin + 140);
  EXPECT_EQ(
      storage::read_journal_batch(*file_, found.header, found.batches.at(log_id(1)).front()).error().code,
      storage::errc::corrupt_journal);
}

TEST(journal_group_test, cleared_group_has_nothing_of_before) {
  storage::journal_group group;
  group.add_batch(log_id(1), batch_at(5, 9000));
  EXPECT_EQ(group.blocks(), 3U);
  group.clear();
  EXPECT_EQ(group.entry_count(), 0U);
  EXPECT_EQ(group.blocks(), 1U);
  EXPECT_EQ(group.blocks_with(9000), 3U);
}

}  // namespace
}  // namespace tidelog::test
