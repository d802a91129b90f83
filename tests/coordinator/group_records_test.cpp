#include "group_records.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

#include <fstream>
#include <set>
#include <string>

namespace tidelog::coordinator {
namespace {

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

struct record_bytes {
  std::vector<std::byte> key;
  std::optional<std::vector<std::byte>> value;
};

/// What a Kafka 4.3.1 node wrote for classic groups, groups of the new protocol and consumers without a group.
std::vector<record_bytes> records_of_kafka() {
  std::ifstream file(TIDELOG_TEST_DATA "/coordinator/group_records.txt");
  std::vector<record_bytes> all;
  for (std::string key, value; file >> key >> value;) {
    all.push_back({from_hex(key), value == "-" ? std::nullopt : std::optional(from_hex(value))});
  }
  return all;
}

base::result<std::optional<group_record>> decode(const record_bytes& of) {
  return decode_group_record(of.key, of.value ? std::optional<base::byte_view>(*of.value) : std::nullopt);
}

TEST(group_records, what_kafka_wrote_is_read_and_written_the_same) {
  const auto all = records_of_kafka();
  ASSERT_GT(all.size(), 40U);
  std::set<std::size_t> kinds;
  for (const auto& bytes : all) {
    const auto record = decode(bytes);
    ASSERT_TRUE(record) << record.error().describe();
    ASSERT_TRUE(*record);
    kinds.insert((*record)->index());
    const auto again = encode_group_record(**record);
    EXPECT_EQ(again.key, bytes.key);
    EXPECT_EQ(again.value, bytes.value);
  }
  // All but the topics as older brokers kept them.
  EXPECT_EQ(kinds.size(), std::variant_size_v<group_record> - 1);
}

TEST(group_records, the_fields_are_where_they_belong) {
  bool seen = false;
  for (const auto& bytes : records_of_kafka()) {
    const auto record = decode(bytes);
    const auto* const commit = std::get_if<offset_commit_record>(&**record);
    if (commit == nullptr || commit->key.group != "old" || commit->key.partition != 0) continue;
    seen = true;
    EXPECT_EQ(commit->key.topic, "t1");
    ASSERT_TRUE(commit->value);
    EXPECT_EQ(commit->value->offset, 5);
    EXPECT_EQ(commit->value->metadata, "k\xc3\xa4se");
    EXPECT_EQ(commit->value->expire_timestamp - commit->value->commit_timestamp, 100'000);
  }
  EXPECT_TRUE(seen);
}

TEST(group_records, an_offset_of_the_first_key_version_is_an_offset) {
  auto bytes = encode_group_record(offset_commit_record{{"g", "t", 3}, offset_commit_value{}});
  bytes.key[1] = std::byte{0};
  const auto record = decode_group_record(bytes.key, *bytes.value);
  ASSERT_TRUE(record);
  EXPECT_EQ(std::get<offset_commit_record>(**record).key.partition, 3);
}

TEST(group_records, other_kinds_are_left_alone_and_nonsense_is_refused) {
  const auto share_group = from_hex("000b000467726f75");
  EXPECT_EQ(*decode_group_record(share_group, std::nullopt), std::nullopt);
  for (const auto& bytes :
       {std::string(""), std::string("00"), std::string("0001"), std::string("00010005ff")}) {
    EXPECT_EQ(decode_group_record(from_hex(bytes), std::nullopt).error().code, errc::invalid_request)
        << bytes;
  }
  const auto good = encode_group_record(group_metadata_record{{"g"}, group_metadata_value{}});
  EXPECT_EQ(decode_group_record(good.key, from_hex("0063")).error().code, errc::invalid_request);
  EXPECT_EQ(decode_group_record(good.key, from_hex("0003")).error().code, errc::invalid_request);
}

}  // namespace
}  // namespace tidelog::coordinator
