#include "tidelog/tools/latency_histogram.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace tidelog::tools {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

TEST(latency_histogram, empty_one_answers_zero) {
  const latency_histogram histogram;
  EXPECT_EQ(histogram.at(0.5), 0ns);
  EXPECT_EQ(histogram.mean(), 0ns);
  EXPECT_EQ(histogram.least(), 0ns);
}

TEST(latency_histogram, percentiles_are_within_a_hundredth_of_the_sorted_values) {
  std::mt19937_64 random(test::random_seed());
  std::lognormal_distribution<double> latencies(12, 2);
  std::vector<std::int64_t> all;
  latency_histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(std::min(latencies(random), 1e12));
    all.push_back(value);
    histogram.add(nanoseconds(value));
  }
  std::sort(all.begin(), all.end());
  for (const double part : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(all.size()))) - 1;
    const auto exact = static_cast<double>(all[rank]);
    EXPECT_NEAR(static_cast<double>(histogram.at(part).count()), exact, exact * 0.01 + 1) << part;
  }
  EXPECT_EQ(histogram.at(0).count(), all.front());
  EXPECT_EQ(histogram.at(1).count(), all.back());
}

TEST(latency_histogram, merged_ones_count_as_one) {
  latency_histogram low;
  latency_histogram high;
  for (int i = 0; i < 90; ++i) low.add(1ms);
  for (int i = 0; i < 10; ++i) high.add(1s);
  low.merge(high);
  EXPECT_EQ(low.count(), 100U);
  EXPECT_NEAR(static_cast<double>(low.at(0.90).count()), 1e6, 1e4);
  EXPECT_NEAR(static_cast<double>(low.at(0.91).count()), 1e9, 1e7);
  EXPECT_EQ(low.largest(), 1s);
  EXPECT_EQ(low.least(), 1ms);
}

TEST(latency_histogram, one_stall_stands_for_the_requests_it_held_back) {
  latency_histogram blind;
  latency_histogram corrected;
  for (int i = 0; i < 99; ++i) {
    blind.add_corrected(1ms, 0ms);
    corrected.add_corrected(1ms, 10ms);
  }
  blind.add_corrected(1s, 0ms);
  corrected.add_corrected(1s, 10ms);
  EXPECT_EQ(blind.count(), 100U);
  // One second at a pace of 10 ms: 99 more requests would have waited 990, 980, ... 10 ms.
  EXPECT_EQ(corrected.count(), 199U);
  EXPECT_LT(blind.at(0.9), 2ms);
  EXPECT_GT(corrected.at(0.9), 700ms);
}

TEST(latency_histogram, longest_waits_are_kept) {
  latency_histogram histogram;
  histogram.add(std::chrono::hours(100));
  histogram.add(1ms);
  EXPECT_EQ(histogram.at(1), std::chrono::hours(100));
}

TEST(latency_histogram, negative_latency_counts_as_none) {
  latency_histogram histogram;
  histogram.add(-5ns);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.largest(), 0ns);
}

}  // namespace
}  // namespace tidelog::tools
