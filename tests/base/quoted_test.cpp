#include "tidelog/base/quoted.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <random>

namespace tidelog::base {
namespace {

TEST(quoted_test, text_is_shown_as_it_is) {
  EXPECT_EQ(quoted(""), "''");
  EXPECT_EQ(quoted("plain 'text'"), "'plain 'text''");
  EXPECT_EQ(quoted("\u00e4\u20ac\U0001f600"), "'\u00e4\u20ac\U0001f600'");
  EXPECT_TRUE(is_readable("\u00e4\u20ac\U0001f600"));
}

TEST(quoted_test, what_controls_a_terminal_or_is_no_text_is_shown_by_its_bytes) {
  EXPECT_EQ(quoted("a\nb\x1b[2J\x7f"), "'a\\x0ab\\x1b[2J\\x7f'");
  EXPECT_EQ(quoted("\xff\xc3("), "'\\xff\\xc3('");
  EXPECT_EQ(quoted("\xc2\x9b"), "'\\xc2\\x9b'");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), "'\\x00'");
  EXPECT_EQ(quoted("\xe2\x82"), "'\\xe2\\x82'") << "a character that is cut off";
  for (const auto* text : {"\n", "\xff", "\xc2\x9b", "a\xe2\x82"}) EXPECT_FALSE(is_readable(text));
}

TEST(quoted_test, long_text_is_cut_between_characters) {
  EXPECT_EQ(quoted("12345", 5), "'12345'");
  EXPECT_EQ(quoted("123456", 5), "'12345'... (6 bytes)");
  EXPECT_EQ(quoted("1234\u20ac", 5), "'1234'... (7 bytes)");
  EXPECT_EQ(quoted("1234\xff\xff", 5), "'1234\\xff'... (6 bytes)");
}

TEST(quoted_test, whatever_the_bytes_are_readable_makes_them_readable) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 40, ' ');
    // Any bytes, and such as only go on in a character of several.
    const bool goes_on = round % 2 != 0;
    for (auto& each : bytes) each = static_cast<char>(goes_on ? 0x80 + random() % 64 : random() % 256);
    EXPECT_TRUE(is_readable(readable(bytes)));
    EXPECT_TRUE(is_readable(quoted(bytes, random() % 10)));
  }
}

}  // namespace
}  // namespace tidelog::base
