#include "deadline_queue.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tidelog::coordinator {
namespace {

TEST(deadline_queue, a_key_stands_at_its_earliest_time_until_it_is_taken) {
  deadline_queue<int> queue;
  queue.put(1, 50);
  queue.put(1, 70);
  queue.put(1, 30);
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.next_ms(), 30);
  EXPECT_EQ(queue.take_due(29), std::nullopt);
  EXPECT_EQ(queue.take_due(30), 1);
  EXPECT_EQ(queue.next_ms(), std::nullopt);
  queue.put(1, 70);
  queue.remove(1);
  EXPECT_EQ(queue.take_due(100), std::nullopt);
}

TEST(deadline_queue, behaves_as_a_map_of_times) {
  std::mt19937_64 random(test::random_seed());
  deadline_queue<int> queue;
  std::map<int, std::int64_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto key = static_cast<int>(random() % 50);
    const auto time = static_cast<std::int64_t>(random() % 1'000);
    switch (random() % 4) {
      case 0:
      case 1: {
        queue.put(key, time);
        const auto known = model.emplace(key, time).first;
        known->second = std::min(known->second, time);
        break;
      }
      case 2:
        queue.remove(key);
        model.erase(key);
        break;
      default: {
        const auto due = queue.take_due(time);
        const auto least = std::ranges::min_element(model, {}, [](const auto& each) { return each.second; });
        ASSERT_EQ(due.has_value(), !model.empty() && least->second <= time);
        if (!due) break;
        ASSERT_EQ(model.at(*due), least->second);
        model.erase(*due);
      }
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

}  // namespace
}  // namespace tidelog::coordinator
