// What verify may find odd, and repair never removes: batches whose checksum holds, and messages of the old formats.

#include "support_data_directory.hpp"

#include "tidelog/model/record_batch.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

class log_repair_kept : public data_directory_test {
 protected:
  /// Changes a batch without compression, and its checksum with it.
  template <class Change>
  void change_batch(const fs::path& segment, std::uint64_t position, Change change) {
    auto bytes = content(segment);
    auto all = std::as_writable_bytes(std::span(bytes)).subspan(position);
    const auto size = model::parse_record_batch(all).value().size_bytes();
    change(all.first(size));
    model::reseal_crc(all.first(size));
    write(segment, bytes);
  }
  static void set_base_offset(const fs::path& segment, std::uint64_t position, std::int64_t offset) {
    auto bytes = content(segment);
    model::set_base_offset(std::as_writable_bytes(std::span(bytes)).subspan(position), model::offset(offset));
    write(segment, bytes);
  }
};

TEST_F(log_repair_kept, batch_with_odd_offset_deltas_is_noted) {
  const auto segment = files_of(".log").front();
  const auto starts = positions(segment);
  // The first record's offset delta, behind its length, attributes and timestamp delta.
  change_batch(segment, starts[0],
               [](base::byte_span batch) { batch[model::batch_position::records + 4] = std::byte{2}; });
  const auto before = content(segment);
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "odd_offset_deltas", severity::note)) << listed(summary);
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
  repair();
  EXPECT_EQ(content(segment), before);
}

TEST_F(log_repair_kept, batch_whose_records_nobody_can_read_is_damage_and_stays) {
  const auto segment = files_of(".log").front();
  const auto starts = positions(segment);
  change_batch(segment, starts[0],
               [](base::byte_span batch) { batch[model::batch_position::records] = std::byte{0xff}; });
  const auto before = content(segment);
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "bad_records", severity::damaged)) << listed(summary);
  EXPECT_EQ(summary.batches, std::uint64_t{batches});
  repair();
  EXPECT_EQ(content(segment), before);
}

TEST_F(log_repair_kept, wrong_base_offset_is_put_right_by_what_stands_around_it) {
  for (const std::int64_t wrong : {0L, 4L, 1'000L, 5'000'000'000L}) {
    const auto segment = files_of(".log").front();
    const auto starts = positions(segment);
    const auto before = content(segment);
    set_base_offset(segment, starts[2], wrong);
    const auto summary = verify();
    EXPECT_TRUE(has(summary, "wrong_base_offset", severity::repairable)) << wrong << listed(summary);
    EXPECT_EQ(summary.batches, std::uint64_t{batches});
    expect_clean_after_repair();
    EXPECT_EQ(content(segment), before) << wrong;
  }
}

TEST_F(log_repair_kept, last_batch_with_a_wrong_offset_stays_and_no_checkpoint_is_lowered) {
  const auto segment = files_of(".log").back();
  set_base_offset(segment, positions(segment).back(), 3);
  const auto before = content(segment);
  const auto found = verify();
  EXPECT_TRUE(has(found, "wrong_base_offset", severity::damaged)) << listed(found);
  EXPECT_FALSE(has(found, "log_ends_early", severity::damaged)) << listed(found);
  repair();
  EXPECT_EQ(content(segment), before);
}

TEST_F(log_repair_kept, overlapping_batches_that_the_next_segment_lacks_stay) {
  const auto logs = files_of(".log");
  const auto next = content(logs.at(1));
  const auto starts = positions(logs[1]);
  write(logs.at(0), content(logs[0]) + next.substr(0, starts[1]));
  flip(logs[1], 70);
  const auto before = content(logs[0]);
  EXPECT_TRUE(has(verify(), "overlapping_segments", severity::damaged));
  repair();
  EXPECT_EQ(content(logs[0]), before);
}

/// A message of format 1, without key: offset, length, CRC-32, magic, attributes, timestamp, key length, value length.
std::string old_message(std::int64_t offset) {
  std::string of_checksum("\x01\0\0\0\0\0\0\0\x03\xe8\xff\xff\xff\xff\0\0\0\x05hello", 23);
  std::string bytes;
  const auto put = [&bytes](std::uint64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  };
  put(static_cast<std::uint64_t>(offset), 8);
  put(4 + of_checksum.size(), 4);
  put(0x942da341, 4);
  return bytes + of_checksum;
}

TEST_F(log_repair_kept, messages_of_the_old_formats_are_told_and_left) {
  const auto segment = files_of(".log").back();
  const auto end = std::int64_t{batches} * 3;
  write(segment, content(segment) + old_message(end) + old_message(end + 1));
  const auto before = content(segment);
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "unsupported_format", severity::note)) << listed(summary);
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
  repair();
  EXPECT_EQ(content(segment), before);
}

TEST_F(log_repair_kept, byte_that_looks_like_the_magic_of_an_old_format_is_damage) {
  const auto segment = files_of(".log").front();
  flip(segment, positions(segment)[1] + model::batch_position::magic, 2);
  EXPECT_TRUE(has(verify(), "damaged_batch", severity::damaged));
}

}  // namespace
}  // namespace tidelog::tools
