#include "config_file.hpp"

#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include "tidelog/metadata/config_table.hpp"

namespace tidelog::app {
namespace {

using metadata::config_errc;

std::string error_of(std::string_view content) {
  const auto parsed = parse_config_file(content, "f.toml");
  return parsed ? "no error" : parsed.error().context;
}

TEST(config_file, values_become_the_texts_of_the_table) {
  const auto parsed = parse_config_file(
      "# comment\n"
      "\"log.retention.ms\" = 604_800_000\n"
      "\"auto.create.topics.enable\" = false\n"
      "\"log.cleaner.min.cleanable.ratio\" = 0.25\n"
      "\"log.level\" = \"debug\"\n"
      "\"log.cleanup.policy\" = [\"compact\", \"delete\"]\n",
      "f.toml");
  ASSERT_TRUE(parsed) << parsed.error().context;
  ASSERT_EQ(parsed->size(), 5U);
  EXPECT_EQ((*parsed)[0].key, "log.retention.ms");
  EXPECT_EQ((*parsed)[0].text, "604800000");
  EXPECT_EQ((*parsed)[0].line, 2U);
  EXPECT_EQ((*parsed)[1].text, "false");
  EXPECT_EQ((*parsed)[2].text, "0.25");
  EXPECT_EQ((*parsed)[3].text, "debug");
  EXPECT_EQ((*parsed)[4].text, "compact,delete");
  EXPECT_TRUE((*parsed)[4].is_array);
}

TEST(config_file, empty_file_sets_nothing) {
  EXPECT_TRUE(parse_config_file("", "f.toml")->empty());
}

TEST(config_file, unquoted_key_is_explained) {
  EXPECT_EQ(error_of("\nlog.retention.ms = 5\n"),
            "f.toml:2: log: a table is no value; write keys in quotes: \"log.retention.ms\" = ...");
}

TEST(config_file, key_given_twice_names_the_second_line) {
  const auto message = error_of("\"node.id\" = 1\n\"node.id\" = 2\n");
  EXPECT_EQ(message.rfind("f.toml:2: ", 0), 0U) << message;
}

TEST(config_file, bad_toml_names_its_line) {
  const auto message = error_of("\"node.id\" = 1\n\"log.level\" = debug\n");
  EXPECT_EQ(message.rfind("f.toml:2: ", 0), 0U) << message;
}

TEST(config_file, types_that_no_key_takes_are_refused) {
  EXPECT_EQ(error_of("\"log.level\" = 2026-01-01\n"),
            "f.toml:1: log.level: dates and times are no values here");
  EXPECT_EQ(error_of("\"listeners\" = [[1]]\n"),
            "f.toml:1: listeners: a list holds texts, numbers and nothing empty");
  EXPECT_EQ(error_of("\"listeners\" = [\"a,b\"]\n"),
            "f.toml:1: listeners: an element of a list may not contain a comma");
}

TEST(config_file, missing_file_keeps_its_errno) {
  const test::temp_directory directory;
  const auto missing = read_config_file(directory.path() / "none.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(read_config_file(directory.path()).error().code, std::errc::is_a_directory);
}

}  // namespace
}  // namespace tidelog::app
