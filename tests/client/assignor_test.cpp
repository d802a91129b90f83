#include "tidelog/client/assignor.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace tidelog::client {
namespace {

std::vector<std::int32_t> indexes(const group_assignment& assignment, const std::string& member,
                                  const std::string& topic) {
  std::vector<std::int32_t> found;
  for (const auto& at : assignment.at(member))
    if (at.topic == topic) found.push_back(at.partition.value());
  return found;
}

using numbers = std::vector<std::int32_t>;

TEST(range_assignor, first_members_take_one_more) {
  const std::vector<subscribed_member> members{
      {"b", {}, {"t", "u"}}, {"a", {}, {"t", "u"}}, {"c", {}, {"t"}}};
  const auto assignment = assign_range(members, {{"t", 8}, {"u", 3}});
  EXPECT_EQ(indexes(assignment, "a", "t"), (numbers{0, 1, 2}));
  EXPECT_EQ(indexes(assignment, "b", "t"), (numbers{3, 4, 5}));
  EXPECT_EQ(indexes(assignment, "c", "t"), (numbers{6, 7}));
  EXPECT_EQ(indexes(assignment, "a", "u"), (numbers{0, 1}));
  EXPECT_EQ(indexes(assignment, "b", "u"), (numbers{2}));
  EXPECT_TRUE(indexes(assignment, "c", "u").empty());
}

TEST(range_assignor, static_members_come_first_and_by_their_instance) {
  const std::vector<subscribed_member> members{
      {"a", {}, {"t"}}, {"b", "instance-2", {"t"}}, {"c", "instance-1", {"t"}}};
  const auto assignment = assign_range(members, {{"t", 3}});
  EXPECT_EQ(indexes(assignment, "c", "t"), (numbers{0}));
  EXPECT_EQ(indexes(assignment, "b", "t"), (numbers{1}));
  EXPECT_EQ(indexes(assignment, "a", "t"), (numbers{2}));
}

TEST(range_assignor, topic_named_twice_is_one_subscription) {
  const std::vector<subscribed_member> members{{"a", {}, {"t", "t"}}, {"b", {}, {"t"}}};
  const auto assignment = assign_range(members, {{"t", 2}});
  EXPECT_EQ(indexes(assignment, "a", "t"), (numbers{0}));
  EXPECT_EQ(indexes(assignment, "b", "t"), (numbers{1}));
}

TEST(range_assignor, unknown_topic_is_nobodys) {
  const std::vector<subscribed_member> members{{"a", {}, {"nowhere"}}};
  const auto assignment = assign_range(members, {{"t", 4}});
  EXPECT_TRUE(assignment.at("a").empty());
}

TEST(range_assignor, every_partition_has_one_owner_who_wants_it) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, std::int32_t> counts;
    for (int topic = 0; topic < 4; ++topic)
      counts["t" + std::to_string(topic)] = static_cast<std::int32_t>(random() % 20);
    std::vector<subscribed_member> members(1 + random() % 6);
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < members.size(); ++i) {
      members[i].id = "m" + std::to_string(i);
      if (random() % 3 == 0) members[i].instance_id = "i" + std::to_string(random());
      for (const auto& [topic, count] : counts)
        if (random() % 2 == 0) members[i].topics.push_back(topic);
      wanted.insert(members[i].topics.begin(), members[i].topics.end());
    }
    const auto assignment = assign_range(members, counts);
    std::set<model::topic_partition> owned;
    for (const auto& member : members) {
      std::map<std::string, std::int32_t> shares;
      for (const auto& at : assignment.at(member.id)) {
        EXPECT_TRUE(owned.insert(at).second) << at.text();
        EXPECT_NE(std::find(member.topics.begin(), member.topics.end(), at.topic), member.topics.end());
        ++shares[at.topic];
      }
      for (const auto& [topic, share] : shares) {
        const auto wants = [&name = topic](const auto& other) {
          return std::find(other.topics.begin(), other.topics.end(), name) != other.topics.end();
        };
        const auto readers = std::count_if(members.begin(), members.end(), wants);
        EXPECT_LE(share, (counts[topic] + readers - 1) / readers);
      }
    }
    std::size_t expected = 0;
    for (const auto& topic : wanted) expected += static_cast<std::size_t>(counts[topic]);
    EXPECT_EQ(owned.size(), expected);
  }
}

}  // namespace
}  // namespace tidelog::client
