#include "group_offsets_file.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <random>

namespace tidelog::tools {
namespace {

group_offset_row row(std::optional<std::string> group, std::string topic, std::int32_t partition,
                     std::int64_t offset) {
  return {std::move(group), {std::move(topic), model::partition_index(partition)}, model::offset(offset)};
}

bool same(const group_offset_row& left, const group_offset_row& right) {
  return left.group == right.group && left.at == right.at && left.offset == right.offset;
}

TEST(group_offsets_file, of_kafkas_tool_is_read) {
  // As kafka-consumer-groups --export writes it: long fields in quotes.
  const auto rows = read_group_offsets("\"a-topic-with-a-name-longer-than-24\",1,5\norders,0,351\n\n");
  ASSERT_TRUE(rows) << rows.error().describe();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_TRUE(same((*rows)[0], row({}, "a-topic-with-a-name-longer-than-24", 1, 5)));
  EXPECT_TRUE(same((*rows)[1], row({}, "orders", 0, 351)));
}

TEST(group_offsets_file, of_several_groups_names_them) {
  const auto rows = read_group_offsets("g1,orders,0,7\r\n\"g,\"\"2\"\"\",orders,1,0");
  ASSERT_TRUE(rows) << rows.error().describe();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_TRUE(same((*rows)[0], row("g1", "orders", 0, 7)));
  EXPECT_TRUE(same((*rows)[1], row("g,\"2\"", "orders", 1, 0)));
}

TEST(group_offsets_file, is_written_without_quotes_where_none_are_needed) {
  EXPECT_EQ(write_group_offsets(std::vector{row({}, "orders", 0, 351)}), "orders,0,351\n");
  EXPECT_EQ(write_group_offsets(std::vector{row("my group", "orders", 2, 9)}), "\"my group\",orders,2,9\n");
}

TEST(group_offsets_file, broken_line_is_named) {
  const std::vector<std::pair<std::string, std::string>> broken{
      {"orders,0\n", "line 1: 2 fields"},
      {"orders,0,1\ng,orders,0,1\n", "line 2: rows with a group"},
      {"orders,0,1\n\norders,x,1\n", "line 3: \"x\" is no partition"},
      {"orders,0,-1\n", "line 1: \"-1\" is no offset"},
      {"orders,0,99999999999999999999\n", "is no offset"},
      {"\"orders,0,1\n", "line 1: a quote is not closed"},
      {"\"orders\"x,0,1\n", "a comma is missing behind \"orders\""},
      {",0,1\n", "the topic is missing"},
      {"a,b,c,d,e\n", "5 fields"},
  };
  for (const auto& [text, complaint] : broken) {
    const auto rows = read_group_offsets(text);
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.error().code, std::errc::invalid_argument);
    EXPECT_NE(rows.error().context.find(complaint), std::string::npos) << rows.error().context;
  }
}

TEST(group_offsets_file, comes_back_as_it_was_written) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 500; ++round) {
    const bool with_group = random() % 2 == 0;
    std::vector<group_offset_row> rows(random() % 5);
    for (auto& one : rows) {
      std::string group;
      for (auto left = random() % 8; left != 0; --left) group += "ab,\"\n\r ;"[random() % 8];
      one = row(with_group ? std::optional(group) : std::nullopt, "t" + std::to_string(random() % 9),
                static_cast<std::int32_t>(random() % 100), static_cast<std::int64_t>(random() >> 1));
    }
    const auto text = write_group_offsets(rows);
    const auto again = read_group_offsets(text);
    ASSERT_TRUE(again) << again.error().describe() << '\n' << text;
    ASSERT_EQ(again->size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_TRUE(same(rows[i], (*again)[i])) << text;
  }
}

}  // namespace
}  // namespace tidelog::tools
