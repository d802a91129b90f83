#include "tidelog/storage/partition_metadata.hpp"

#include "support/fault_file_system.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/storage_error.hpp"

namespace tidelog::storage {
namespace {

constexpr const char* sample_id = "lKCUcx-RQoSnbMaKiFgZDA";
constexpr const char* sample = "version: 0\ntopic_id: lKCUcx-RQoSnbMaKiFgZDA";

TEST(partition_metadata_test, text_is_byte_for_byte_kafkas) {
  EXPECT_EQ(format_partition_metadata(*base::parse_uuid(sample_id)), sample);
}

TEST(partition_metadata_test, reads_with_and_without_a_last_line_end) {
  const auto id = *base::parse_uuid(sample_id);
  EXPECT_EQ(parse_partition_metadata(sample, "f"), id);
  EXPECT_EQ(parse_partition_metadata(std::string(sample) + "\n", "f"), id);
}

TEST(partition_metadata_test, metadata_logs_own_id_is_read) {
  const auto id = parse_partition_metadata("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", "f");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->hex(), "00000000000000000000000000000001");
}

TEST(partition_metadata_test, damaged_files_are_refused) {
  for (const auto* text :
       {"", "\n", "version: 0", "version: 0\n", "version: x\ntopic_id: lKCUcx-RQoSnbMaKiFgZDA",
        "version: 0\ntopic_id: lKCUcx-RQoSnbMaKiFgZD", "version: 0\ntopic: lKCUcx-RQoSnbMaKiFgZDA",
        "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
        "version: 0\ntopic_id: lKCUcx-RQoSnbMaKiFgZDA\nmore"}) {
    const auto parsed = parse_partition_metadata(text, "f");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::corrupt_partition_metadata) << text;
  }
  EXPECT_EQ(parse_partition_metadata("version: 1\ntopic_id: lKCUcx-RQoSnbMaKiFgZDA", "f").error().code,
            errc::unknown_format_version);
}

TEST(partition_metadata_test, reads_what_it_wrote) {
  test::fault_file_system files;
  ASSERT_TRUE(files.make_directories("/p"));
  const auto id = base::random_uuid();
  EXPECT_EQ(read_partition_metadata(files, "/p").error().code, std::errc::no_such_file_or_directory);
  ASSERT_TRUE(write_partition_metadata(files, "/p", id));
  EXPECT_EQ(read_partition_metadata(files, "/p"), id);
}

}  // namespace
}  // namespace tidelog::storage
