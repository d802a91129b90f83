#include "tidelog/tools/quantity.hpp"

#include <gtest/gtest.h>

namespace tidelog::tools {
namespace {

using namespace std::chrono_literals;

TEST(quantity, sizes_are_powers_of_1024_however_written) {
  EXPECT_EQ(parse_size("256"), 256U);
  EXPECT_EQ(parse_size("16KiB"), 16384U);
  EXPECT_EQ(parse_size("16k"), 16384U);
  EXPECT_EQ(parse_size("1.5MB"), 1572864U);
  EXPECT_EQ(parse_size("2gib"), 2147483648U);
}

TEST(quantity, what_is_no_size_is_refused) {
  for (const char* text :
       {"", "KiB", "-1", "1x", "1 KiB", "nan", "inf", "99999999999999999999", "9999999999TiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(quantity, bare_duration_is_seconds) {
  EXPECT_EQ(parse_duration("10"), 10s);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("0.5s"), 500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_FALSE(parse_duration("fast"));
}

TEST(quantity, point_in_time_is_read_in_utc) {
  EXPECT_EQ(parse_point_in_time("1700000000123", 0), 1700000000123);
  EXPECT_EQ(parse_point_in_time("2023-11-14T22:13:20Z", 0), 1700000000000);
  EXPECT_EQ(parse_point_in_time("1970-01-02", 0), 86400000);
  EXPECT_EQ(parse_point_in_time("-15m", 10'000'000), 10'000'000 - 900'000);
}

TEST(quantity, what_is_no_point_in_time_is_refused) {
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z",
                           "2026-01-01T00:00:00", "2026-01-01Tx", "-x"})
    EXPECT_FALSE(parse_point_in_time(text, 0)) << text;
}

TEST(quantity, people_read_three_digits) {
  EXPECT_EQ(size_for_people(512), "512 B");
  EXPECT_EQ(size_for_people(1536), "1.5 KiB");
  EXPECT_EQ(latency_for_people(853us), "853 us");
  EXPECT_EQ(latency_for_people(1500us), "1.50 ms");
  EXPECT_EQ(latency_for_people(2s), "2.00 s");
}

TEST(quantity, people_read_ages_in_two_units) {
  EXPECT_EQ(age_for_people(999ms), "0s");
  EXPECT_EQ(age_for_people(45s), "45s");
  EXPECT_EQ(age_for_people(200s), "3m 20s");
  EXPECT_EQ(age_for_people(18'180s), "5h 3m");
  EXPECT_EQ(age_for_people(52h), "2d 4h");
}

TEST(quantity, people_read_times_as_they_may_write_them) {
  EXPECT_EQ(time_for_people(0), "1970-01-01T00:00:00Z");
  const auto text = time_for_people(1700000000123);
  EXPECT_EQ(text, "2023-11-14T22:13:20Z");
  EXPECT_EQ(parse_point_in_time(text, 0), 1700000000000);
}

}  // namespace
}  // namespace tidelog::tools
