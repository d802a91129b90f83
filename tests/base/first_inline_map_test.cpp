#include "tidelog/base/first_inline_map.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tidelog::base {
namespace {

using tested_map = first_inline_map<int, std::string>;

std::map<int, std::string> content(const tested_map& of) {
  std::map<int, std::string> found;
  of.for_each([&](int key, const std::string& value) { EXPECT_TRUE(found.emplace(key, value).second); });
  return found;
}

TEST(first_inline_map, a_missing_entry_is_made_and_found_again) {
  tested_map map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find(1), nullptr);
  map[1] = "one";
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), "one");
  EXPECT_EQ(map[1], "one");
  EXPECT_EQ(map.size(), 1U);
}

TEST(first_inline_map, values_stay_where_they_are_while_others_come_and_go) {
  tested_map map;
  map[1] = "one";
  map[2] = "two";
  const auto* first = map.find(1);
  const auto* second = map.find(2);
  for (int key = 3; key < 100; ++key) map[key] = "other";
  EXPECT_EQ(map.erase_if([](int key, const std::string&) { return key > 2; }), 97U);
  map.shrink();
  EXPECT_EQ(map.find(1), first);
  EXPECT_EQ(map.find(2), second);
}

TEST(first_inline_map, agrees_with_a_map_whatever_is_done_to_it) {
  std::mt19937_64 random(test::random_seed());
  tested_map map;
  std::map<int, std::string> model;
  for (int step = 0; step < 3000; ++step) {
    const int key = static_cast<int>(random() % 5);
    switch (random() % 4) {
      case 0:
        EXPECT_EQ(map.erase_if([key](int each, const std::string&) { return each == key; }),
                  model.erase(key));
        break;
      case 1:
        map.for_each([](int, std::string& value) { value += "."; });
        for (auto& [each, value] : model) value += ".";
        break;
      default:
        map[key] = model[key] = std::to_string(step);
        break;
    }
    if (step % 200 == 0) {
      map.clear();
      model.clear();
    }
    ASSERT_EQ(content(map), model);
    ASSERT_EQ(map.size(), model.size());
    ASSERT_EQ(map.find(key) != nullptr, model.contains(key));
  }
}

}  // namespace
}  // namespace tidelog::base
