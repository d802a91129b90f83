#include <gtest/gtest.h>

#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"

#include <vector>

namespace tidelog::codec {

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

TEST(wire_reader, keeps_its_first_error_and_gives_nothing_from_then_on) {
  auto bytes = bytes_of({1, 2, 3});
  wire_reader reader(bytes);
  EXPECT_EQ(reader.read_integer<std::int16_t>(), 0x0102);
  EXPECT_EQ(reader.read_integer<std::int32_t>(), 0);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.read_integer<std::int8_t>(), 0);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_TRUE(reader.read_bytes(1).empty());
  reader.fail(errc::bad_length);
  EXPECT_EQ(reader.outcome().error().code, errc::truncated);
  EXPECT_NE(reader.outcome().error().context.find("byte 2 of 3"), std::string::npos);
}

TEST(wire_reader, tells_varints_that_end_early_from_those_that_are_too_long) {
  auto cut = bytes_of({0x80, 0x80});
  wire_reader first(cut);
  EXPECT_EQ(first.read_unsigned_varint(), 0U);
  EXPECT_EQ(first.outcome().error().code, errc::truncated);

  auto endless = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  wire_reader second(endless);
  EXPECT_EQ(second.read_unsigned_varint(), 0U);
  EXPECT_EQ(second.outcome().error().code, errc::bad_varint);

  auto largest = bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f, 5});
  wire_reader third(largest);
  EXPECT_EQ(third.read_unsigned_varint(), 0xffffffffU);
  EXPECT_EQ(third.read_unsigned_varint(), 5U);
  EXPECT_TRUE(third.outcome());
}

TEST(wire_reader, lets_no_more_elements_in_than_the_bytes_can_hold) {
  std::vector<std::byte> bytes(12);
  wire_reader fits(bytes);
  EXPECT_TRUE(fits.claim_elements(3, 4));
  wire_reader does_not(bytes);
  EXPECT_FALSE(does_not.claim_elements(4, 4));
  EXPECT_EQ(does_not.outcome().error().code, errc::truncated);
}

TEST(wire_reader, spends_one_budget_on_all_its_arrays) {
  std::vector<std::byte> bytes(base::limits::decoded_elements_per_request);
  wire_reader reader(bytes);
  EXPECT_TRUE(reader.claim_elements(bytes.size() - 1, 1));
  EXPECT_TRUE(reader.claim_elements(1, 1));
  EXPECT_FALSE(reader.claim_elements(1, 1));
  EXPECT_EQ(reader.outcome().error().code, errc::too_many_elements);
}

TEST(wire_reader, ends_where_its_section_ends_and_goes_on_after_it) {
  auto bytes = bytes_of({1, 2, 3});
  wire_reader reader(bytes);
  {
    const wire_reader::section section(reader, 2);
    EXPECT_EQ(reader.remaining(), 2U);
    reader.skip(2);
  }
  EXPECT_EQ(reader.read_integer<std::int8_t>(), 3);
  EXPECT_TRUE(reader.outcome());
}

TEST(wire_reader, fails_when_a_section_is_left_half_read_or_goes_beyond_the_end) {
  auto bytes = bytes_of({1, 2, 3});
  wire_reader half(bytes);
  {
    const wire_reader::section section(half, 2);
    half.skip(1);
  }
  EXPECT_EQ(half.outcome().error().code, errc::tagged_field_size);
  wire_reader beyond(bytes);
  { const wire_reader::section section(beyond, 4); }
  EXPECT_EQ(beyond.outcome().error().code, errc::truncated);
}

TEST(wire_writer, writes_what_the_reader_reads) {
  wire_writer writer;
  writer.write_integer<std::int8_t>(-3);
  writer.write_integer<std::uint16_t>(0xfedc);
  writer.write_integer<std::int64_t>(INT64_MIN);
  writer.write_double(-0.25);
  for (const std::uint32_t value : {0U, 127U, 128U, 16384U, 0xffffffffU}) writer.write_unsigned_varint(value);
  auto made = std::move(writer).take();
  wire_reader reader(made.memory);
  EXPECT_EQ(reader.read_integer<std::int8_t>(), -3);
  EXPECT_EQ(reader.read_integer<std::uint16_t>(), 0xfedc);
  EXPECT_EQ(reader.read_integer<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(reader.read_double(), -0.25);
  for (const std::uint32_t value : {0U, 127U, 128U, 16384U, 0xffffffffU}) {
    EXPECT_EQ(reader.read_unsigned_varint(), value);
  }
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_TRUE(reader.outcome());
}

TEST(wire_writer, grows_past_its_first_memory) {
  wire_writer writer;
  std::vector<std::byte> expected;
  for (std::uint16_t i = 0; i < 5000; ++i) {
    writer.write_integer(i);
    expected.push_back(static_cast<std::byte>(i >> 8));
    expected.push_back(static_cast<std::byte>(i & 0xff));
  }
  const std::vector<std::byte> large(100'000, std::byte{7});
  writer.write_bytes(large);
  expected.insert(expected.end(), large.begin(), large.end());
  EXPECT_EQ(std::move(writer).take().memory, expected);
}

TEST(wire_writer, puts_a_size_of_any_length_before_what_was_written) {
  for (const std::size_t bytes : {0U, 127U, 128U, 20'000U}) {
    wire_writer writer;
    writer.write_integer<std::int8_t>(1);
    const auto begin = writer.position();
    for (std::size_t i = 0; i < bytes; ++i) writer.write_integer(static_cast<std::uint8_t>(i & 0xff));
    writer.prefix_size(begin);
    writer.write_integer<std::int8_t>(2);
    auto made = std::move(writer).take();
    wire_reader reader(made.memory);
    EXPECT_EQ(reader.read_integer<std::int8_t>(), 1);
    EXPECT_EQ(reader.read_unsigned_varint(), bytes);
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(reader.read_integer<std::uint8_t>(), i & 0xff);
    EXPECT_EQ(reader.read_integer<std::int8_t>(), 2);
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(wire_writer, remembers_where_slices_leave) {
  wire_writer writer;
  writer.write_integer<std::int16_t>(0);
  writer.write_slice({nullptr, 5, 50});
  writer.write_integer<std::int8_t>(0);
  EXPECT_EQ(writer.position(), 3U);
  EXPECT_EQ(writer.total_bytes(), 53U);
  writer.patch_integer<std::int16_t>(0, 0x0102);
  const auto made = std::move(writer).take();
  EXPECT_EQ(made.memory, bytes_of({1, 2, 0}));
  ASSERT_EQ(made.inserts.size(), 1U);
  EXPECT_EQ(made.inserts[0].at, 2U);
  EXPECT_EQ(made.size(), 53U);
}

}  // namespace tidelog::codec
