#include "checked_ranges.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace tidelog::test {
namespace {

TEST(checked_ranges_test, neighbours_become_one) {
  storage::checked_ranges ranges;
  ranges.add(10, 20);
  ranges.add(30, 40);
  EXPECT_EQ(ranges.end_from(10), 20U);
  EXPECT_EQ(ranges.end_from(20), 20U);
  EXPECT_EQ(ranges.end_from(5), 5U);
  ranges.add(20, 30);
  EXPECT_EQ(ranges.end_from(12), 40U);
  ranges.forget_from(25);
  EXPECT_EQ(ranges.end_from(12), 25U);
  EXPECT_EQ(ranges.end_from(30), 30U);
}

TEST(checked_ranges_test, agrees_with_a_model) {
  std::mt19937_64 random(random_seed());
  storage::checked_ranges ranges;
  std::array<bool, 100> model{};
  for (int round = 0; round < 2000; ++round) {
    const auto from = static_cast<std::size_t>(random() % model.size());
    const auto to = std::min<std::size_t>(model.size(), from + random() % 10);
    if (random() % 8 == 0) {
      ranges.forget_from(from);
      for (std::size_t i = from; i < model.size(); ++i) model[i] = false;
    } else {
      ranges.add(from, to);
      for (std::size_t i = from; i < to; ++i) model[i] = true;
    }
    for (std::size_t at = 0; at < model.size(); ++at) {
      std::size_t end = at;
      while (end < model.size() && model[end]) ++end;
      ASSERT_EQ(ranges.end_from(at), end) << "round " << round << " at " << at;
    }
  }
}

TEST(checked_ranges_test, forgets_the_smallest_where_there_are_many) {
  storage::checked_ranges ranges;
  ranges.add(0, 1000);
  for (std::uint64_t i = 0; i < 500; ++i) ranges.add(2000 + 10 * i, 2001 + 10 * i);
  EXPECT_EQ(ranges.end_from(0), 1000U);
  std::size_t known = 0;
  for (std::uint64_t i = 0; i < 500; ++i) known += ranges.end_from(2000 + 10 * i) > 2000 + 10 * i ? 1U : 0U;
  EXPECT_EQ(known, 63U);
}

}  // namespace
}  // namespace tidelog::test
