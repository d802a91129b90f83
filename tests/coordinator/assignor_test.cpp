#include "assignor_range.hpp"
#include "assignor_uniform.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>

namespace tidelog::coordinator {
namespace {

using assignor = assignor_output (*)(const assignor_input&);
enum class subscriptions { alike, different };

model::topic_id topic_id(std::uint32_t number) {
  model::topic_id id;
  id.bytes[14] = static_cast<std::byte>(number >> 8);
  id.bytes[15] = static_cast<std::byte>(number & 0xff);
  return id;
}

std::size_t load_of(const topic_partitions& assigned) {
  std::size_t load = 0;
  for (const auto& [topic, partitions] : assigned) load += partitions.size();
  return load;
}

/// An input that owns what it points to.
struct scenario {
  assignor_input input;
  assignor_output previous;

  void add_topics(std::uint32_t count, std::int32_t partitions) {
    for (std::uint32_t at = 0; at < count; ++at) {
      input.topics.push_back({topic_id(static_cast<std::uint32_t>(input.topics.size())), partitions});
    }
  }
  void add_member(const std::string& id, std::vector<std::uint32_t> topics) {
    input.members.push_back({id, std::nullopt, std::move(topics), nullptr});
  }
  void add_members(std::uint32_t count) {
    std::vector<std::uint32_t> all(input.topics.size());
    for (std::uint32_t at = 0; at < all.size(); ++at) all[at] = at;
    for (std::uint32_t at = 0; at < count; ++at) {
      add_member("m" + std::to_string(10'000 + input.members.size()), all);
    }
  }
  /// The members go on with what they were given.
  void remember(assignor_output output) {
    previous = std::move(output);
    for (std::size_t at = 0; at < previous.size(); ++at) input.members[at].previous = &previous[at];
  }
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> subscribers() const {
    std::vector<std::vector<std::uint32_t>> result(input.topics.size());
    for (std::uint32_t member = 0; member < input.members.size(); ++member) {
      for (const auto topic : input.members[member].topics) result[topic].push_back(member);
    }
    return result;
  }
};

scenario random_scenario(std::mt19937_64& random, subscriptions kind) {
  scenario made;
  const auto topics = static_cast<std::uint32_t>(random() % 8);
  for (std::uint32_t at = 0; at < topics; ++at) made.add_topics(1, static_cast<std::int32_t>(random() % 12));
  const auto members = 1 + random() % 9;
  if (kind == subscriptions::alike) {
    made.add_members(static_cast<std::uint32_t>(members));
  } else {
    for (std::uint32_t at = 0; at < members; ++at) {
      std::vector<std::uint32_t> subscribed;
      for (std::uint32_t topic = 0; topic < topics; ++topic) {
        if (random() % 2 == 0) subscribed.push_back(topic);
      }
      made.add_member("m" + std::to_string(at), subscribed);
    }
  }
  for (auto& member : made.input.members) {
    if (random() % 4 == 0) member.instance_id = "i" + member.member_id;
  }
  return made;
}

/// Complete, within subscriptions, each partition once, in order.
void expect_valid(const scenario& of, const assignor_output& output) {
  ASSERT_EQ(output.size(), of.input.members.size());
  std::map<std::pair<model::topic_id, std::int32_t>, std::size_t> owners;
  for (std::size_t member = 0; member < output.size(); ++member) {
    std::set<model::topic_id> subscribed;
    for (const auto topic : of.input.members[member].topics) subscribed.insert(of.input.topics[topic].id);
    for (const auto& [topic, partitions] : output[member]) {
      EXPECT_TRUE(subscribed.contains(topic));
      EXPECT_FALSE(partitions.empty());
      EXPECT_TRUE(std::is_sorted(partitions.begin(), partitions.end()));
      for (const auto partition : partitions) {
        EXPECT_TRUE(owners.emplace(std::pair(topic, partition), member).second) << "two owners";
      }
    }
  }
  std::size_t expected = 0;
  const auto subscribers = of.subscribers();
  for (std::size_t topic = 0; topic < subscribers.size(); ++topic) {
    if (subscribers[topic].empty()) continue;
    expected += static_cast<std::size_t>(of.input.topics[topic].partition_count);
  }
  EXPECT_EQ(owners.size(), expected);
}

/// No chain of members leads from one with more to one with at least two less.
void expect_even(const scenario& of, const assignor_output& output) {
  const auto subscribers = of.subscribers();
  std::map<model::topic_id, std::size_t> index;
  for (std::size_t at = 0; at < of.input.topics.size(); ++at) index.emplace(of.input.topics[at].id, at);
  for (std::size_t from = 0; from < output.size(); ++from) {
    std::set<std::size_t> reached{from};
    std::vector<std::size_t> queue{from};
    for (std::size_t at = 0; at < queue.size(); ++at) {
      for (const auto& [topic, partitions] : output[queue[at]]) {
        for (const auto member : subscribers[index.at(topic)]) {
          if (reached.insert(member).second) queue.push_back(member);
        }
      }
    }
    for (const auto to : reached) {
      EXPECT_LE(load_of(output[from]), load_of(output[to]) + 1) << from << " could hand on to " << to;
    }
  }
}

std::size_t moved(const assignor_output& before, const assignor_output& after) {
  std::size_t count = 0;
  for (std::size_t member = 0; member < before.size(); ++member) {
    for (const auto& [topic, partitions] : before[member]) {
      const auto now = after[member].find(topic);
      for (const auto partition : partitions) {
        const bool is_kept = now != after[member].end() &&
                             std::binary_search(now->second.begin(), now->second.end(), partition);
        if (!is_kept) ++count;
      }
    }
  }
  return count;
}

TEST(assignor, every_partition_goes_to_one_subscriber) {
  const auto seed = test::random_seed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    auto made = random_scenario(random, round % 2 == 0 ? subscriptions::alike : subscriptions::different);
    for (const assignor assign : {&assign_by_range, &assign_uniformly}) {
      expect_valid(made, assign(made.input));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(assignor, uniform_is_even_and_changes_nothing_when_nothing_changed) {
  const auto seed = test::random_seed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    auto made = random_scenario(random, round % 2 == 0 ? subscriptions::alike : subscriptions::different);
    const auto first = assign_uniformly(made.input);
    expect_even(made, first);
    made.remember(first);
    EXPECT_EQ(assign_uniformly(made.input), first);

    // Another member, larger topics, some topics gone: still valid and even.
    made.add_members(1);
    for (auto& topic : made.input.topics) topic.partition_count = static_cast<std::int32_t>(random() % 12);
    const auto second = assign_uniformly(made.input);
    expect_valid(made, second);
    expect_even(made, second);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(assignor, uniform_moves_no_more_than_a_new_member_needs) {
  for (const auto members : {1U, 3U, 7U, 20U}) {
    scenario made;
    made.add_topics(3, 40);
    made.add_members(members);
    made.remember(assign_uniformly(made.input));
    made.add_members(1);
    const auto after = assign_uniformly(made.input);
    EXPECT_EQ(moved(made.previous, after), load_of(after.back())) << members;
  }
}

TEST(assignor, uniform_gives_a_leavers_partitions_to_the_others_and_moves_nothing_else) {
  scenario made;
  made.add_topics(3, 40);
  made.add_members(6);
  made.remember(assign_uniformly(made.input));
  scenario after;
  after.add_topics(3, 40);
  after.add_members(5);
  auto left = made.previous;
  left.pop_back();
  after.remember(left);
  const auto output = assign_uniformly(after.input);
  EXPECT_EQ(moved(left, output), 0U);
  expect_even(after, output);
}

TEST(assignor, uniform_ignores_what_a_member_had_twice_or_may_not_have) {
  scenario made;
  made.add_topics(2, 4);
  made.add_member("a", {0});
  made.add_member("b", {0, 1});
  made.previous = {topic_partitions{{topic_id(0), {-1, 0, 1, 99}}, {topic_id(1), {0, 1}}, {topic_id(9), {0}}},
                   topic_partitions{{topic_id(0), {0, 1, 2}}}};
  made.remember(made.previous);
  const auto output = assign_uniformly(made.input);
  expect_valid(made, output);
  expect_even(made, output);
  EXPECT_EQ(output[0].at(topic_id(0)), (std::vector<std::int32_t>{0, 1, 2, 3}));
}

TEST(assignor, range_gives_the_same_numbers_of_all_topics_to_a_member) {
  scenario made;
  made.add_topics(3, 7);
  made.add_members(3);
  const auto output = assign_by_range(made.input);
  for (std::uint32_t topic = 0; topic < 3; ++topic) {
    EXPECT_EQ(output[0].at(topic_id(topic)), (std::vector<std::int32_t>{0, 1, 2}));
    EXPECT_EQ(output[1].at(topic_id(topic)), (std::vector<std::int32_t>{3, 4}));
    EXPECT_EQ(output[2].at(topic_id(topic)), (std::vector<std::int32_t>{5, 6}));
  }
}

TEST(assignor, range_orders_static_members_by_instance_id) {
  scenario made;
  made.add_topics(1, 2);
  made.add_member("a", {0});
  made.add_member("z", {0});
  made.input.members[0].instance_id = "second";
  made.input.members[1].instance_id = "first";
  const auto output = assign_by_range(made.input);
  EXPECT_EQ(output[1].at(topic_id(0)), (std::vector<std::int32_t>{0}));
  EXPECT_EQ(output[0].at(topic_id(0)), (std::vector<std::int32_t>{1}));
}

TEST(assignor, nobody_gets_nothing) {
  EXPECT_TRUE(assign_uniformly({}).empty());
  EXPECT_TRUE(assign_by_range({}).empty());
}

/// The bounds are generous: they are to catch a wrong order of growth, also on a busy machine and under a sanitizer.
TEST(assignor, large_groups_are_assigned_in_time) {
  for (const auto kind : {subscriptions::alike, subscriptions::different}) {
    scenario made;
    made.add_topics(100, 100);
    made.add_members(500);
    made.remember(assign_uniformly(made.input));
    made.add_members(500);
    if (kind == subscriptions::different) {
      for (std::size_t at = 0; at < made.input.members.size(); at += 3) {
        std::erase_if(made.input.members[at].topics,
                      [&](std::uint32_t topic) { return topic % 7 == at % 7; });
      }
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto output = assign_uniformly(made.input);
    const auto took = std::chrono::steady_clock::now() - begin;
    expect_valid(made, output);
    EXPECT_LT(took, std::chrono::seconds(5));
    RecordProperty(kind == subscriptions::alike ? "alike_us" : "different_us",
                   static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
}

}  // namespace
}  // namespace tidelog::coordinator
