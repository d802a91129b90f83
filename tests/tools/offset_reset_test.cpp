#include "offset_reset.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tidelog::tools {
namespace {

using model::offset;

reset_facts facts(std::int64_t begin, std::int64_t end, std::int64_t committed, std::int64_t at_time = -1) {
  return {{"t", model::partition_index(0)}, offset(begin), offset(end), offset(committed), offset(at_time)};
}

std::int64_t moved(const reset_target& target, const reset_facts& known) {
  const auto outcome = new_offset(target, known);
  EXPECT_TRUE(outcome) << outcome.error().describe();
  return outcome ? outcome->value() : -99;
}

reset_target shift(std::int64_t distance) {
  return {.kind = reset_kind::shift, .distance = distance};
}
reset_target to(std::int64_t wish) {
  return {.kind = reset_kind::offset, .offset = offset(wish)};
}

TEST(offset_reset, ends_are_where_the_partition_has_them) {
  EXPECT_EQ(moved({.kind = reset_kind::earliest}, facts(5, 90, 40)), 5);
  EXPECT_EQ(moved({.kind = reset_kind::latest}, facts(5, 90, 40)), 90);
}

TEST(offset_reset, number_stays_within_the_partition) {
  EXPECT_EQ(moved(to(50), facts(5, 90, -1)), 50);
  EXPECT_EQ(moved(to(0), facts(5, 90, -1)), 5);
  EXPECT_EQ(moved(to(1000), facts(5, 90, -1)), 90);
}

TEST(offset_reset, time_after_the_last_record_is_the_end) {
  EXPECT_EQ(moved({.kind = reset_kind::time}, facts(5, 90, 40, 70)), 70);
  EXPECT_EQ(moved({.kind = reset_kind::time}, facts(5, 90, 40, -1)), 90);
}

TEST(offset_reset, shift_starts_from_what_is_committed) {
  EXPECT_EQ(moved(shift(10), facts(5, 90, 40)), 50);
  EXPECT_EQ(moved(shift(-10), facts(5, 90, 40)), 30);
  EXPECT_EQ(moved(shift(-100), facts(5, 90, 40)), 5);
  EXPECT_EQ(moved(shift(std::numeric_limits<std::int64_t>::max()), facts(5, 90, 40)), 90);
  EXPECT_EQ(moved(shift(std::numeric_limits<std::int64_t>::min()), facts(5, 90, 40)), 5);
  EXPECT_EQ(new_offset(shift(1), facts(5, 90, -1)).error().code, std::errc::invalid_argument);
}

TEST(offset_reset, topics_may_name_their_partitions) {
  EXPECT_TRUE(parse_topic_choice("orders")->partitions.empty());
  const auto some = parse_topic_choice("orders:0,12");
  ASSERT_TRUE(some);
  EXPECT_EQ(some->topic, "orders");
  EXPECT_EQ(some->partitions, (std::vector{model::partition_index(0), model::partition_index(12)}));
  for (const auto* const wrong : {"", ":1", "orders:", "orders:x", "orders:1,", "orders:-1", "orders:1 "})
    EXPECT_FALSE(parse_topic_choice(wrong)) << wrong;
}

TEST(offset_reset, durations_may_be_written_in_either_way) {
  using std::chrono::milliseconds;
  EXPECT_EQ(*parse_reset_duration("90m"), milliseconds(5'400'000));
  EXPECT_EQ(*parse_reset_duration("PT1H30M"), milliseconds(5'400'000));
  EXPECT_EQ(*parse_reset_duration("P1DT0.5S"), milliseconds(86'400'500));
  EXPECT_EQ(*parse_reset_duration("P2D"), milliseconds(172'800'000));
  for (const auto* const wrong :
       {"P", "PT", "P1", "P1H", "PT1D", "PT1M1H", "P1DT", "PT-1H", "soon", "PT1e3S"})
    EXPECT_FALSE(parse_reset_duration(wrong)) << wrong;
}

}  // namespace
}  // namespace tidelog::tools
