#include "response_queue.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <map>

namespace tidelog::network {
namespace {

codec::encoded answer_of(std::size_t bytes) {
  return {std::vector<std::byte>(bytes), {}};
}

TEST(response_queue_test, an_answer_is_not_seen_before_it_is_there) {
  response_queue queue;
  const auto first = queue.push(10);
  const auto second = queue.push(20);
  EXPECT_TRUE(queue.settle(second, answer_of(5)));
  EXPECT_EQ(queue.at(0), nullptr);
  EXPECT_NE(queue.at(1), nullptr);
  EXPECT_EQ(queue.request_bytes(), 10U);
  EXPECT_TRUE(queue.settle(first, no_answer{}));
  EXPECT_TRUE(std::holds_alternative<no_answer>(*queue.at(0)));
  EXPECT_EQ(queue.at(2), nullptr);
}

TEST(response_queue_test, a_slot_is_settled_once) {
  response_queue queue;
  const auto slot = queue.push(1);
  EXPECT_TRUE(queue.settle(slot, answer_of(1)));
  EXPECT_FALSE(queue.settle(slot, answer_of(1)));
  queue.pop();
  EXPECT_FALSE(queue.settle(slot, answer_of(1)));
  EXPECT_FALSE(queue.settle(slot + 1, answer_of(1)));
}

TEST(response_queue_test, slots_from_before_a_clear_are_unknown) {
  response_queue queue;
  const auto slot = queue.push(1);
  queue.clear();
  EXPECT_FALSE(queue.settle(slot, answer_of(1)));
  const auto later = queue.push(1);
  EXPECT_TRUE(queue.settle(later, answer_of(1)));
}

TEST(response_queue_test, behaves_like_a_map_of_slots) {
  std::mt19937_64 random(test::random_seed());
  response_queue queue;
  std::map<std::uint64_t, std::optional<std::size_t>> model;
  for (int step = 0; step < 50'000; ++step) {
    switch (random() % 3) {
      case 0:
        model[queue.push(1)] = std::nullopt;
        break;
      case 1: {
        if (model.empty()) break;
        auto target = model.begin();
        std::advance(target, static_cast<std::ptrdiff_t>(random() % model.size()));
        const auto bytes = random() % 100;
        EXPECT_EQ(queue.settle(target->first, answer_of(bytes)), !target->second.has_value());
        if (!target->second) target->second = bytes;
        break;
      }
      default:
        while (!model.empty() && model.begin()->second) {
          const auto* front = queue.at(0);
          ASSERT_NE(front, nullptr);
          EXPECT_EQ(std::get<codec::encoded>(*front).memory.size(), *model.begin()->second);
          queue.pop();
          model.erase(model.begin());
        }
    }
    std::size_t unsettled = 0;
    std::size_t bytes = 0;
    if (step % 100 == 0) {
      for (const auto& [slot, answer] : model) {
        unsettled += answer ? 0 : 1;
        bytes += answer.value_or(0);
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.unsettled(), unsettled);
      ASSERT_EQ(queue.request_bytes(), unsettled);
      ASSERT_EQ(queue.queued_bytes(), bytes);
      if (model.size() > 200) {
        queue.clear();
        model.clear();
      }
    }
  }
}

}  // namespace
}  // namespace tidelog::network
