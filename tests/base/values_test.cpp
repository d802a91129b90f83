// Bytes, checksums, identifiers, strong types, results: what has a value and no thread.

#include "support/manual_clock.hpp"
#include "support/random_seed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tidelog/base/assert.hpp"
#include "tidelog/base/crc32c.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/base/strong_type.hpp"
#include "tidelog/base/uuid.hpp"

#include <array>
#include <cerrno>
#include <concepts>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace tidelog::base {
namespace {

TEST(bytes_test, integers_are_stored_most_significant_byte_first) {
  std::array<std::byte, 9> at{};
  store_big_endian<std::int32_t>(at.data() + 1, 0x01020304);
  EXPECT_EQ(at[1], std::byte{1});
  EXPECT_EQ(at[4], std::byte{4});
  EXPECT_EQ(load_big_endian<std::int32_t>(at.data() + 1), 0x01020304);
  store_big_endian<std::int64_t>(at.data() + 1, -2);
  EXPECT_EQ(load_big_endian<std::int64_t>(at.data() + 1), -2);
  EXPECT_EQ(load_big_endian<std::uint16_t>(at.data() + 7), 0xfffe);
  store_big_endian<std::int8_t>(at.data(), -7);
  EXPECT_EQ(load_big_endian<std::int8_t>(at.data()), -7);
}

TEST(crc32c_test, known_vectors) {
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  // RFC 3720, B.4: 32 bytes of zeros, of ones, rising.
  EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43U);
  std::vector<std::byte> rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<std::byte>(i));
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
}

/// Bit by bit, from the polynomial.
[[nodiscard]] std::uint32_t plain_crc32c(byte_view bytes) {
  std::uint32_t state = 0xffffffff;
  for (const std::byte each : bytes) {
    state ^= std::to_integer<std::uint32_t>(each);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~state;
}

TEST(crc32c_test, random_bytes_in_any_pieces_match_the_definition) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> bytes(random() % 2000);
    for (auto& each : bytes) each = static_cast<std::byte>(random());
    const std::uint32_t expected = plain_crc32c(bytes);
    ASSERT_EQ(crc32c(bytes), expected);
    const std::size_t cut = random() % (bytes.size() + 1);
    ASSERT_EQ(extend_crc32c(crc32c(byte_view(bytes).first(cut)), byte_view(bytes).subspan(cut)), expected);
  }
}

TEST(uuid_test, text_comes_back) {
  for (int i = 0; i < 1000; ++i) {
    const uuid made = random_uuid();
    ASSERT_EQ(made.text().size(), 22U);
    ASSERT_EQ(parse_uuid(made.text()), made);
  }
}

TEST(uuid_test, texts_are_those_of_kafkas_tools) {
  EXPECT_EQ(uuid{}.text(), "AAAAAAAAAAAAAAAAAAAAAA");
  uuid one;
  one.bytes[15] = std::byte{1};
  EXPECT_EQ(one.text(), "AAAAAAAAAAAAAAAAAAAAAQ") << "the id of the cluster metadata topic";
  uuid ones;
  ones.bytes.fill(std::byte{0xff});
  EXPECT_EQ(ones.text(), "_____________________w");
  EXPECT_EQ(ones.hex(), std::string(32, 'f'));
  EXPECT_EQ(one.hex(), std::string(30, '0') + "01");
}

TEST(uuid_test, texts_that_are_none_are_refused) {
  for (const char* text : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA=",
                           "AAAAAAAAAA+AAAAAAAAAAA", "AAAAAAAAAA/AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA\xff"}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
  EXPECT_FALSE(parse_uuid("AAAAAAAAAAAAAAAAAAAAAB")) << "bits behind the last byte";
  EXPECT_FALSE(parse_uuid(std::string(22, '\0')));
}

TEST(uuid_test, random_ones_are_version_4_distinct_and_no_options) {
  std::unordered_set<uuid> seen;
  for (int i = 0; i < 2000; ++i) {
    const uuid made = random_uuid();
    ASSERT_FALSE(made.is_zero());
    ASSERT_NE(made.text().front(), '-');
    ASSERT_EQ(made.bytes[6] >> 4, std::byte{4});
    ASSERT_EQ(made.bytes[8] >> 6, std::byte{2});
    ASSERT_TRUE(seen.insert(made).second);
  }
}

using apple_id = strong_id<struct apple_tag, int>;
using pear_id = strong_id<struct pear_tag, int>;
using place = strong_point<struct place_tag, std::int64_t>;

static_assert(!std::is_convertible_v<int, apple_id>);
static_assert(!std::is_convertible_v<apple_id, int>);
static_assert(!std::is_constructible_v<apple_id, pear_id>);
static_assert(!std::equality_comparable_with<apple_id, pear_id>);
template <class T>
concept can_be_added_to_itself = requires(T value) {
  value + value;
};
static_assert(!can_be_added_to_itself<apple_id>);
static_assert(!can_be_added_to_itself<place>);

TEST(strong_type_test, ids_compare_and_points_move) {
  EXPECT_LT(apple_id(1), apple_id(2));
  EXPECT_EQ(apple_id(), apple_id(0));
  EXPECT_EQ(std::hash<apple_id>{}(apple_id(7)), std::hash<int>{}(7));
  place at(10);
  at += 5;
  EXPECT_EQ(at, place(15));
  EXPECT_EQ(at + 1, place(16));
  EXPECT_EQ(at - 1, place(14));
  EXPECT_EQ(place(20) - at, 5);
  EXPECT_EQ((std::unordered_set<place>{place(1), place(1), place(2)}.size()), 2U);
}

[[nodiscard]] result<std::unique_ptr<int>> halved(int number) {
  if (number % 2 != 0) return fail(std::make_error_code(std::errc::invalid_argument), "number {}", number);
  return std::make_unique<int>(number / 2);
}
[[nodiscard]] result<int> quartered(int number) {
  TIDELOG_TRY(const auto half, halved(number));
  TIDELOG_TRY(const auto quarter, halved(*half));
  return *quarter;
}
[[nodiscard]] status checked(int number, int& reached) {
  TIDELOG_DO(halved(number));
  reached = number;
  return {};
}

TEST(result_test, try_hands_on_values_and_errors) {
  EXPECT_EQ(quartered(12), 3);
  const auto failed = quartered(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, std::errc::invalid_argument);
  EXPECT_EQ(failed.error().context, "number 3");
}

TEST(result_test, do_stops_at_the_first_error) {
  int reached = 0;
  EXPECT_TRUE(checked(2, reached));
  EXPECT_EQ(reached, 2);
  EXPECT_FALSE(checked(3, reached));
  EXPECT_EQ(reached, 2);
}

TEST(result_test, errno_is_kept_and_described) {
  const status failed = fail_errno(ENOSPC, "write {}", "/data/log");
  EXPECT_EQ(failed.error().code, std::error_code(ENOSPC, std::system_category()));
  EXPECT_EQ(failed.error().code, std::errc::no_space_on_device);
  EXPECT_EQ(failed.error().describe(), "write /data/log: No space left on device");
  EXPECT_EQ((error{failed.error().code, ""}).describe(), "No space left on device");
}

TEST(result_test, forwarded_error_is_unchanged) {
  auto failed = quartered(1);
  const status forwarded = forward_error(failed);
  EXPECT_EQ(forwarded.error().context, "number 1");
}

TEST(clock_test, machines_clocks_go_on) {
  const auto& clock = system_clock();
  EXPECT_GT(clock.now_ms(), 1'600'000'000'000);
  const auto before = clock.steady_now();
  EXPECT_LE(before, clock.steady_now());
}

TEST(clock_test, manual_clock_moves_when_it_is_moved) {
  test::manual_clock clock(1000);
  const auto before = clock.steady_now();
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.now_ms(), 3000);
  EXPECT_EQ(clock.steady_now() - before, std::chrono::seconds(2));
  clock.set_wall_clock(5);
  EXPECT_EQ(clock.now_ms(), 5);
  EXPECT_EQ(clock.steady_now() - before, std::chrono::seconds(2));
}

TEST(assert_death_test, failed_assertion_tells_fact_and_values_and_aborts) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const int start = 5;
  const int end = 3;
  TIDELOG_ASSERT(end < start, "start={} end={}", start, end);
  EXPECT_EXIT(TIDELOG_ASSERT(end >= start, "start={} end={}", start, end), ::testing::KilledBySignal(SIGABRT),
              "values_test.cpp:.*end >= start: start=5 end=3");
}

}  // namespace
}  // namespace tidelog::base
