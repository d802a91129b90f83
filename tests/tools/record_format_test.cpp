#include "tidelog/tools/record_format.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"

namespace tidelog::tools {
namespace {

/// Formats one record that a builder made.
std::string formatted(std::string_view format, const model::nullable_bytes& key,
                      const model::nullable_bytes& value,
                      std::span<const model::record_header_view> headers = {}) {
  model::record_batch_builder builder;
  builder.add(model::timestamp(1700000000123), key, value, headers);
  const auto bytes = builder.build();
  const auto batch = model::parse_record_batch(bytes);
  model::record_reader reader(batch->records(), 1);
  const auto record = reader.next();
  const auto parsed = record_format::parse(format);
  if (!parsed) return parsed.error().describe();
  std::string text;
  parsed->print(
      {"orders", model::partition_index(3), model::offset(42), model::timestamp(1700000000123), **record},
      text);
  return text;
}

TEST(record_format, every_letter_prints_its_part) {
  EXPECT_EQ(formatted("%t/%p@%o %T %k=%v (%K,%V)\\n", base::as_bytes("id"), base::as_bytes("body")),
            "orders/3@42 1700000000123 id=body (2,4)\n");
}

TEST(record_format, null_prints_as_nothing_and_has_minus_one_bytes) {
  EXPECT_EQ(formatted("[%k|%v|%K|%V]", {}, {}), "[||-1|-1]");
  EXPECT_EQ(formatted("[%k|%K]", base::as_bytes(""), {}), "[|0]");
}

TEST(record_format, headers_are_name_and_value) {
  const model::record_header_view headers[] = {{base::as_bytes("a"), base::as_bytes("1")},
                                               {base::as_bytes("b"), std::nullopt}};
  EXPECT_EQ(formatted("%h", {}, {}, headers), "a=1,b=");
}

TEST(record_format, percent_and_backslash_can_be_written) {
  EXPECT_EQ(formatted("100%% \\\\ \\x41\\t", {}, {}), "100% \\ A\t");
  EXPECT_EQ(formatted("\\0", {}, {}), std::string(1, '\0'));
}

TEST(record_format, bytes_go_through_unchanged) {
  const std::string odd("\x00\xff\n%k", 5);
  EXPECT_EQ(formatted("%v", {}, base::as_bytes(odd)), odd);
}

TEST(record_format, what_it_does_not_know_is_refused_with_the_choice) {
  EXPECT_FALSE(record_format::parse("%"));
  EXPECT_FALSE(record_format::parse("\\"));
  EXPECT_FALSE(record_format::parse("\\xg0"));
  EXPECT_FALSE(record_format::parse("\\x4"));
  EXPECT_FALSE(record_format::parse("\\q"));
  const auto refused = record_format::parse("%z");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().describe().find("%k"), std::string::npos);
}

TEST(record_format, separators_are_unescaped_alike) {
  EXPECT_EQ(unescape("\\t"), "\t");
  EXPECT_EQ(unescape("a:b"), "a:b");
  EXPECT_FALSE(unescape("\\"));
}

}  // namespace
}  // namespace tidelog::tools
