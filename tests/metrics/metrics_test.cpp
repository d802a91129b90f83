#include "support/random_seed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tidelog/metrics/registry.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <thread>

namespace tidelog::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(counter_test, sums_what_all_threads_added) {
  counter requests;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10'000; ++j) requests.add();
      requests.add(5);
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(requests.value(), 16U * 10'005U);
}

TEST(counter_test, threads_spread_over_shards) {
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < shard_count; ++i) {
    std::thread([&] { seen.insert(this_threads_shard()); }).join();
  }
  EXPECT_EQ(seen.size(), shard_count);
}

TEST(gauge_test, rises_falls_and_is_set) {
  gauge connections;
  connections.add(3);
  connections.add(-5);
  EXPECT_EQ(connections.value(), -2);
  connections.set(7);
  EXPECT_EQ(connections.value(), 7);
}

TEST(histogram_test, bound_belongs_to_its_bucket) {
  histogram sizes({10, 20});
  for (const std::uint64_t value : {0U, 10U, 11U, 20U, 21U, 1'000'000U}) sizes.record(value);
  const auto reading = sizes.read();
  EXPECT_THAT(reading.counts, ElementsAre(2, 2, 2));
  EXPECT_EQ(reading.sum, 1'000'062U);
  EXPECT_EQ(reading.count(), 6U);
}

TEST(histogram_test, random_values_match_a_trivial_count) {
  std::mt19937_64 random(test::random_seed());
  const auto bounds = exponential_bounds(1, 1'000'000, 1.7);
  histogram sizes(bounds);
  std::vector<std::uint64_t> counts(bounds.size() + 1);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t value = random() >> (44 + random() % 20);
    sizes.record(value);
    std::size_t bucket = 0;
    while (bucket < bounds.size() && value > bounds[bucket]) ++bucket;
    ++counts[bucket];
  }
  EXPECT_EQ(sizes.read().counts, counts);
}

TEST(histogram_test, loses_nothing_between_threads) {
  histogram sizes(exponential_bounds(1, 100, 2));
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t j = 0; j < 1000; ++j) sizes.record(j % 100);
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(sizes.read().count(), 12'000U);
  EXPECT_EQ(sizes.read().sum, 12U * 10U * 4950U);
}

TEST(histogram_test, exponential_bounds_rise_strictly_and_reach_the_last) {
  EXPECT_THAT(exponential_bounds(1, 8, 1.2), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(exponential_bounds(100, 1000, 4), ElementsAre(100, 400, 1600));
}

TEST(registry_test, same_name_and_labels_give_the_same_instrument) {
  registry metrics;
  auto& first = metrics.make_counter("requests", "Requests.", {{"api", "Fetch"}, {"version", "4"}});
  auto& again = metrics.make_counter("requests", "Requests.", {{"version", "4"}, {"api", "Fetch"}});
  auto& other = metrics.make_counter("requests", "Requests.", {{"api", "Fetch"}, {"version", "5"}});
  EXPECT_EQ(&first, &again);
  EXPECT_NE(&first, &other);
}

TEST(registry_test, prometheus_text_is_exact) {
  registry metrics;
  metrics.make_counter("tidelog_requests", "Requests taken.", {{"api", "Produce"}}).add(3);
  metrics.make_counter("tidelog_requests", "Requests taken.", {{"api", "Fetch"}}).add(2);
  metrics.make_gauge("tidelog_connections", "Connections now.").set(-4);
  auto& waits = metrics.make_histogram("tidelog_sync_seconds", "Time of a sync.", {500, 1'000'000},
                                       microseconds_as_seconds, {{"disk", "a"}});
  waits.record(500);
  waits.record(700);
  waits.record(2'000'000);
  EXPECT_EQ(metrics.text(text_format::prometheus),
            "# HELP tidelog_connections Connections now.\n"
            "# TYPE tidelog_connections gauge\n"
            "tidelog_connections -4\n"
            "# HELP tidelog_requests_total Requests taken.\n"
            "# TYPE tidelog_requests_total counter\n"
            "tidelog_requests_total{api=\"Fetch\"} 2\n"
            "tidelog_requests_total{api=\"Produce\"} 3\n"
            "# HELP tidelog_sync_seconds Time of a sync.\n"
            "# TYPE tidelog_sync_seconds histogram\n"
            "tidelog_sync_seconds_bucket{disk=\"a\",le=\"0.0005\"} 1\n"
            "tidelog_sync_seconds_bucket{disk=\"a\",le=\"1.0\"} 2\n"
            "tidelog_sync_seconds_bucket{disk=\"a\",le=\"+Inf\"} 3\n"
            "tidelog_sync_seconds_sum{disk=\"a\"} 2.0012\n"
            "tidelog_sync_seconds_count{disk=\"a\"} 3\n");
}

TEST(registry_test, openmetrics_declares_counters_without_total_and_ends_with_eof) {
  registry metrics;
  metrics.make_counter("requests", "Requests.").add(1);
  EXPECT_EQ(metrics.text(text_format::openmetrics),
            "# HELP requests Requests.\n"
            "# TYPE requests counter\n"
            "requests_total 1\n"
            "# EOF\n");
  EXPECT_NE(content_type(text_format::openmetrics), content_type(text_format::prometheus));
}

TEST(registry_test, label_values_and_help_are_escaped) {
  registry metrics;
  metrics.make_gauge("g", "says \"a\\b\"\nand more", {{"client", "a\"b\\c\nd"}}).set(1);
  EXPECT_EQ(metrics.text(text_format::prometheus),
            "# HELP g says \"a\\\\b\"\\nand more\n"
            "# TYPE g gauge\n"
            "g{client=\"a\\\"b\\\\c\\nd\"} 1\n");
  EXPECT_THAT(metrics.text(text_format::openmetrics), HasSubstr("# HELP g says \\\"a\\\\b\\\"\\nand more\n"));
}

TEST(registry_test, callback_is_asked_at_each_scrape_and_gone_with_its_registration) {
  registry metrics;
  double value = 1.5;
  {
    const auto kept = metrics.add_callback_gauge("level", "Level.", {{"tank", "1"}}, [&] { return value; });
    const auto also = metrics.add_callback_counter("drops", "Drops.", {}, [] { return 9.0; });
    EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("level{tank=\"1\"} 1.5\n"));
    EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("drops_total 9\n"));
    value = std::numeric_limits<double>::infinity();
    EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("level{tank=\"1\"} +Inf\n"));
    value = std::nan("");
    EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("level{tank=\"1\"} NaN\n"));
  }
  EXPECT_EQ(metrics.text(text_format::prometheus), "");
}

TEST(registry_test, a_family_of_callbacks_has_the_series_that_there_are_at_each_scrape) {
  registry metrics;
  std::vector<series_value> tanks{{{{"tank", "1"}}, 1.5}, {{{"side", "left"}, {"tank", "2"}}, 7}};
  {
    const auto kept = metrics.add_callback_gauges("level", "Level.", [&] { return tanks; });
    EXPECT_EQ(metrics.text(text_format::prometheus),
              "# HELP level Level.\n"
              "# TYPE level gauge\n"
              "level{tank=\"1\"} 1.5\n"
              "level{side=\"left\",tank=\"2\"} 7\n");
    tanks.clear();
    EXPECT_EQ(metrics.text(text_format::prometheus), "");
    tanks.push_back({{}, 3});
  }
  EXPECT_EQ(metrics.text(text_format::prometheus), "");
}

TEST(registry_test, moved_registration_keeps_and_assigned_one_ends) {
  registry metrics;
  auto first = metrics.add_callback_gauge("a", "A.", {}, [] { return 1.0; });
  auto moved = std::move(first);
  EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("a 1\n"));
  moved = metrics.add_callback_gauge("b", "B.", {}, [] { return 2.0; });
  EXPECT_THAT(metrics.text(text_format::prometheus), Not(HasSubstr("a 1\n")));
  EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("b 2\n"));
}

TEST(registry_test, scrape_beside_writers_and_makers_is_whole) {
  registry metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics, i] {
      for (int j = 0; j < 200; ++j) {
        metrics.make_counter("c", "C.", {{"thread", std::to_string(i)}, {"turn", std::to_string(j % 10)}})
            .add();
        const auto kept =
            metrics.add_callback_gauge("g", "G.", {{"thread", std::to_string(i)}}, [] { return 0.0; });
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const auto text = metrics.text(text_format::openmetrics);
    EXPECT_TRUE(text.ends_with("# EOF\n"));
  }
  for (auto& each : threads) each.join();
  EXPECT_THAT(metrics.text(text_format::prometheus), HasSubstr("c_total{thread=\"3\",turn=\"9\"} 20\n"));
}

TEST(registry_death_test, broken_promises_stop_the_program) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  registry metrics;
  metrics.make_gauge("a", "A.").set(1);
  EXPECT_DEATH(static_cast<void>(metrics.make_counter("a", "A.")), "its_kind == wanted");
  EXPECT_DEATH(static_cast<void>(metrics.make_gauge("a", "B.")), "help == help");
  EXPECT_DEATH(static_cast<void>(metrics.make_gauge("1a", "A.")), "is_metric_name");
  EXPECT_DEATH(static_cast<void>(metrics.make_counter("a_total", "A.")), "is_metric_name");
  EXPECT_DEATH(static_cast<void>(metrics.make_gauge("b", "B.", {{"x-y", ""}})), "is_label_name");
  EXPECT_DEATH(static_cast<void>(metrics.add_callback_gauge("a", "A.", {}, [] { return 0.0; })), "is_new");
  EXPECT_DEATH(histogram({5, 5}), "not_rising");
}

}  // namespace
}  // namespace tidelog::metrics
