#include "tidelog/storage/checkpoint_file.hpp"

#include "support/fault_file_system.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {
namespace {

const io::path name = "/recovery-point-offset-checkpoint";

model::topic_partition at(const std::string& topic, std::int32_t partition) {
  return {topic, model::partition_index(partition)};
}

const partition_offsets sample{{at("orders", 0), model::offset(1530)},
                               {at("orders", 1), model::offset(1498)}};

TEST(checkpoint_file_test, text_is_byte_for_byte_kafkas) {
  EXPECT_EQ(format_offset_checkpoint(sample), "0\n2\norders 0 1530\norders 1 1498\n");
  EXPECT_EQ(format_offset_checkpoint({}), "0\n0\n");
}

TEST(checkpoint_file_test, reads_what_it_wrote) {
  test::fault_file_system files;
  ASSERT_TRUE(write_offset_checkpoint(files, name, sample));
  EXPECT_EQ(read_offset_checkpoint(files, name), sample);
}

TEST(checkpoint_file_test, lines_come_in_any_order_with_any_blanks) {
  const auto parsed = parse_offset_checkpoint("0\r\n2\r\norders  1\t1498\r\norders 0 1530 \r\n", name);
  EXPECT_EQ(parsed, sample);
}

TEST(checkpoint_file_test, no_file_and_an_empty_file_have_no_entries) {
  test::fault_file_system files;
  EXPECT_EQ(read_offset_checkpoint(files, name), partition_offsets{});
  ASSERT_TRUE(io::replace_file(files, name, {}));
  EXPECT_EQ(read_offset_checkpoint(files, name), partition_offsets{});
}

TEST(checkpoint_file_test, damaged_files_are_refused) {
  for (const auto* text :
       {"0", "0\n", "0\n1\n", "0\n1\na 0 1", "0\n1\na 0\n", "0\n1\na 0 1 2\n", "0\n1\na x 1\n",
        "0\n1\na 0 -1\n", "0\n1\na -1 0\n", "0\n1\na 0 99999999999999999999\n", "0\n1\na 99999999999 0\n",
        "0\n0\na 0 1\n", "0\n2147483648\n", "x\n0\n", "\xff\xfe\n\n", "0\n1\n\n"}) {
    const auto parsed = parse_offset_checkpoint(text, name);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::corrupt_checkpoint) << text;
  }
}

TEST(checkpoint_file_test, newer_version_is_told_from_damage) {
  EXPECT_EQ(parse_offset_checkpoint("1\n0\n", name).error().code, errc::unknown_format_version);
}

TEST(checkpoint_file_test, full_disk_leaves_the_old_file) {
  test::fault_file_system files;
  ASSERT_TRUE(write_offset_checkpoint(files, name, {}));
  files.inject({.what = test::operation::write, .error_number = ENOSPC, .bytes_written = 3});
  EXPECT_EQ(write_offset_checkpoint(files, name, sample).error().code, std::errc::no_space_on_device);
  EXPECT_EQ(read_offset_checkpoint(files, name), partition_offsets{});
  EXPECT_EQ(files.list("/")->size(), 1U);
}

TEST(checkpoint_file_test, power_cut_while_replacing_leaves_the_old_or_the_new_file) {
  const auto seed = test::random_seed();
  const partition_offsets old{{at("a", 0), model::offset(1)}};
  for (std::uint64_t change = 0;; ++change) {
    test::fault_file_system files;
    ASSERT_TRUE(write_offset_checkpoint(files, name, old));
    files.make_durable();
    files.cut_power_at(files.changes() + change);
    const bool written = write_offset_checkpoint(files, name, sample).has_value();
    const bool was_cut = files.is_down();
    files.restart(test::unsynced::random, seed + change);
    const auto found = read_offset_checkpoint(files, name);
    ASSERT_TRUE(found) << "change " << change << ": " << found.error().describe();
    EXPECT_TRUE(*found == sample || (!written && *found == old)) << "change " << change;
    if (!was_cut) break;
  }
}

}  // namespace
}  // namespace tidelog::storage
