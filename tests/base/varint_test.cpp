#include "tidelog/base/varint.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <vector>

namespace tidelog::base {
namespace {

[[nodiscard]] std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int each : values) out.push_back(static_cast<std::byte>(each));
  return out;
}

template <class T, class Write>
[[nodiscard]] std::vector<std::byte> written(T value, Write write) {
  std::array<std::byte, max_varint64_bytes> to{};
  const std::size_t length = write(to.data(), value);
  return {to.begin(), to.begin() + static_cast<std::ptrdiff_t>(length)};
}

/// The plain definition: seven bits a byte, least significant first.
[[nodiscard]] std::vector<std::byte> model(std::uint64_t value) {
  std::vector<std::byte> out;
  do {
    const std::uint64_t more = value > 127 ? 128 : 0;
    out.push_back(static_cast<std::byte>(value % 128 + more));
    value /= 128;
  } while (value != 0);
  return out;
}

[[nodiscard]] std::uint64_t any_size(std::mt19937_64& random) {
  return random() >> (random() % 64);
}

TEST(varint_test, known_encodings) {
  EXPECT_EQ(written(0U, write_unsigned_varint32), bytes({0x00}));
  EXPECT_EQ(written(127U, write_unsigned_varint32), bytes({0x7f}));
  EXPECT_EQ(written(128U, write_unsigned_varint32), bytes({0x80, 0x01}));
  EXPECT_EQ(written(300U, write_unsigned_varint32), bytes({0xac, 0x02}));
  EXPECT_EQ(written(0, write_varint32), bytes({0x00}));
  EXPECT_EQ(written(-1, write_varint32), bytes({0x01}));
  EXPECT_EQ(written(1, write_varint32), bytes({0x02}));
  EXPECT_EQ(written(std::numeric_limits<std::int32_t>::min(), write_varint32),
            bytes({0xff, 0xff, 0xff, 0xff, 0x0f}));
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min(), write_varint64),
            bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
}

TEST(varint_test, random_integers_match_the_definition_and_come_back) {
  std::mt19937_64 random(test::random_seed());
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t wide = any_size(random);
    const auto narrow = static_cast<std::uint32_t>(wide >> 32);
    ASSERT_EQ(written(wide, write_unsigned_varint64), model(wide));
    ASSERT_EQ(written(narrow, write_unsigned_varint32), model(narrow));
    ASSERT_EQ(unsigned_varint_size(wide), model(wide).size());
    ASSERT_EQ(read_unsigned_varint64(model(wide))->value, wide);
    ASSERT_EQ(read_unsigned_varint32(model(narrow))->value, narrow);

    const auto signed_wide = static_cast<std::int64_t>(wide);
    const auto signed_narrow = static_cast<std::int32_t>(narrow);
    const auto wide_bytes = written(signed_wide, write_varint64);
    const auto narrow_bytes = written(signed_narrow, write_varint32);
    ASSERT_EQ(read_varint64(wide_bytes)->value, signed_wide);
    ASSERT_EQ(read_varint64(wide_bytes)->bytes, wide_bytes.size());
    ASSERT_EQ(read_varint32(narrow_bytes)->value, signed_narrow);
    ASSERT_EQ(varint_size(signed_wide), wide_bytes.size());
    ASSERT_EQ(varint_size(signed_narrow), narrow_bytes.size());
  }
}

TEST(varint_test, limits_come_back_in_the_most_bytes) {
  const auto narrow = written(std::numeric_limits<std::uint32_t>::max(), write_unsigned_varint32);
  EXPECT_EQ(narrow.size(), max_varint32_bytes);
  EXPECT_EQ(read_unsigned_varint32(narrow)->value, std::numeric_limits<std::uint32_t>::max());
  const auto wide = written(std::numeric_limits<std::uint64_t>::max(), write_unsigned_varint64);
  EXPECT_EQ(wide.size(), max_varint64_bytes);
  EXPECT_EQ(read_unsigned_varint64(wide)->value, std::numeric_limits<std::uint64_t>::max());
  for (const auto extreme :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(read_varint64(written(extreme, write_varint64))->value, extreme);
  }
}

TEST(varint_test, bytes_that_end_early_are_refused) {
  EXPECT_FALSE(read_unsigned_varint32({}));
  EXPECT_FALSE(read_varint64({}));
  const auto whole = written(std::numeric_limits<std::uint64_t>::max(), write_unsigned_varint64);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(read_unsigned_varint64(byte_view(whole).first(length))) << length;
  }
}

TEST(varint_test, integer_that_does_not_fit_is_refused) {
  EXPECT_FALSE(read_unsigned_varint32(bytes({0xff, 0xff, 0xff, 0xff, 0x10})));
  EXPECT_FALSE(read_unsigned_varint32(bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x00})));
  EXPECT_FALSE(read_varint32(bytes({0xff, 0xff, 0xff, 0xff, 0x1f})));
  EXPECT_FALSE(read_unsigned_varint64(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})));
  EXPECT_FALSE(read_varint64(bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00})));
}

TEST(varint_test, longer_form_of_a_small_integer_is_read_as_kafka_reads_it) {
  const auto padded = read_unsigned_varint32(bytes({0x85, 0x80, 0x80, 0x80, 0x00}));
  ASSERT_TRUE(padded);
  EXPECT_EQ(padded->value, 5U);
  EXPECT_EQ(padded->bytes, 5U);
}

TEST(varint_test, what_follows_is_left_alone) {
  const auto read = read_unsigned_varint32(bytes({0xac, 0x02, 0xff, 0xff}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, 300U);
  EXPECT_EQ(read->bytes, 2U);
}

TEST(varint_test, random_bytes_never_read_beyond_their_end) {
  std::mt19937_64 random(test::random_seed());
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> noise(random() % 12);
    for (auto& each : noise) each = static_cast<std::byte>(random());
    const auto wide = read_unsigned_varint64(noise);
    ASSERT_TRUE(!wide || wide->bytes <= noise.size());
    const auto narrow = read_varint32(noise);
    ASSERT_TRUE(!narrow || narrow->bytes <= std::min(noise.size(), max_varint32_bytes));
  }
}

}  // namespace
}  // namespace tidelog::base
