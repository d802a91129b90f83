// What clients are told whose wishes are too large, and that others do not feel it.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/consumer_group_heartbeat.hpp"
#include "tidelog/protocol/describe_groups.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/offset_fetch.hpp"
#include "tidelog/protocol/sync_group.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using protocol::error_code;

class group_limits : public testing::Test {
 protected:
  group_limits() {
    broker.make_topic("t", 1);
    protocol::find_coordinator_request wanted;
    wanted.coordinator_keys = {"g"};
    static_cast<void>(broker.ask<protocol::find_coordinator_response>(wanted, 6));
    while (commit("loading", 1) == error_code::coordinator_load_in_progress) std::this_thread::yield();
  }

  /// The same partition, so often.
  error_code commit(const std::string& group, std::size_t rows, const std::string& metadata = "") {
    protocol::offset_commit_request wanted;
    wanted.group_id = group;
    auto& topic = wanted.topics.emplace_back();
    topic.name = "t";
    topic.partitions.assign(rows, {0, 7, -1, metadata});
    const auto answer = broker.ask<protocol::offset_commit_response>(wanted, 9);
    EXPECT_EQ(answer.topics.at(0).partitions.size(), rows);
    return answer.topics.at(0).partitions.back().error_code;
  }
  protocol::join_group_response join(const std::string& group, std::vector<std::byte> metadata) {
    protocol::join_group_request wanted;
    wanted.group_id = group;
    wanted.session_timeout_ms = wanted.rebalance_timeout_ms = 10'000;
    wanted.protocol_type = "consumer";
    wanted.protocols = {{"range", std::move(metadata)}};
    wanted.member_id = broker.ask<protocol::join_group_response>(wanted, 9).member_id;
    return broker.ask<protocol::join_group_response>(wanted, 9);
  }
  error_code sync(const std::string& group, const protocol::join_group_response& joined,
                  std::size_t assignment_bytes) {
    protocol::sync_group_request wanted;
    wanted.group_id = group;
    wanted.generation_id = joined.generation_id;
    wanted.member_id = joined.member_id;
    wanted.protocol_type = "consumer";
    wanted.protocol_name = "range";
    wanted.assignments = {{joined.member_id, std::vector<std::byte>(assignment_bytes)}};
    return broker.ask<protocol::sync_group_response>(wanted, 5).error_code;
  }

  /// A member of the new protocol, alone in its group.
  protocol::consumer_group_heartbeat_response join_new(const std::string& group,
                                                       std::vector<std::string> topics,
                                                       const std::string& pattern = "") {
    protocol::consumer_group_heartbeat_request wanted;
    wanted.group_id = group;
    wanted.member_id = "me";
    wanted.rebalance_timeout_ms = 10'000;
    wanted.subscribed_topic_names = std::move(topics);
    if (!pattern.empty()) wanted.subscribed_topic_regex = pattern;
    wanted.topic_partitions.emplace();
    return broker.ask<protocol::consumer_group_heartbeat_response>(wanted, 1);
  }

  test_broker broker{{.configuration_file = {{"group.initial.rebalance.delay.ms", "0"}}}};
};

TEST_F(group_limits, a_commit_that_makes_no_batch_is_refused_as_a_whole) {
  EXPECT_EQ(commit("g", 50'000), error_code::unknown_server_error);
  protocol::offset_fetch_request wanted;
  wanted.groups.push_back({"g", std::nullopt, -1, std::nullopt});
  const auto kept = broker.ask<protocol::offset_fetch_response>(wanted, 8);
  EXPECT_TRUE(kept.groups.at(0).topics.empty());
  EXPECT_EQ(commit("g", 1'000), error_code::none);
}

TEST_F(group_limits, metadata_of_a_commit_has_a_longest_size) {
  EXPECT_EQ(commit("g", 1, std::string(4'096, 'm')), error_code::none);
  EXPECT_EQ(commit("g", 1, std::string(4'097, 'm')), error_code::offset_metadata_too_large);
}

TEST_F(group_limits, a_member_that_makes_no_record_does_not_get_in) {
  EXPECT_EQ(join("g", std::vector<std::byte>(2'000'000)).error_code, error_code::unknown_server_error);
  EXPECT_EQ(join("g", std::vector<std::byte>(10)).members.size(), 1U);
}

TEST_F(group_limits, an_assignment_that_makes_no_record_is_refused_and_members_stay) {
  constexpr std::size_t too_large = 2'000'000;
  const auto small = join("h", std::vector<std::byte>(10));
  ASSERT_EQ(small.error_code, error_code::none);
  EXPECT_EQ(sync("h", small, too_large), error_code::unknown_server_error);
  // The leader may think again.
  EXPECT_EQ(sync("h", small, 10), error_code::none);
  protocol::heartbeat_request beat;
  beat.group_id = "h";
  beat.generation_id = small.generation_id;
  beat.member_id = small.member_id;
  EXPECT_EQ(broker.ask<protocol::heartbeat_response>(beat, 4).error_code, error_code::none);
}

TEST_F(group_limits, a_subscription_that_announces_what_is_not_there_hurts_nobody) {
  // Of the consumer protocol's version 3: two thousand million topics, and none of them.
  std::vector<std::byte> bomb(6, std::byte{0xff});
  bomb[0] = std::byte{0};
  bomb[1] = std::byte{3};
  bomb[2] = std::byte{0x7f};
  const auto joined = join("g", bomb);
  ASSERT_EQ(joined.error_code, error_code::none);
  EXPECT_EQ(joined.members.at(0).metadata, bomb) << "it is between the members what they say";
  EXPECT_EQ(sync("g", joined, 10), error_code::none);
  protocol::describe_groups_request wanted;
  wanted.groups = {"g"};
  const auto told = broker.ask<protocol::describe_groups_response>(wanted).groups.at(0);
  EXPECT_EQ(told.group_state, "Stable");
  EXPECT_EQ(told.members.at(0).member_metadata, bomb);
  // Where the broker has to understand it, it says that it does not.
  EXPECT_EQ(join_new("g", {"t"}).error_code, error_code::group_id_not_found);
  EXPECT_EQ(join_new("h", {"t"}).error_code, error_code::none);
  EXPECT_EQ(join("h", bomb).error_code, error_code::inconsistent_group_protocol);
  EXPECT_EQ(commit("other", 1), error_code::none);
}

TEST_F(group_limits, thousands_of_topics_are_subscribed_to_as_far_as_a_record_goes) {
  std::vector<std::string> names;
  const auto add_names = [&](int count) {
    for (int i = 0; i < count; ++i) names.push_back("topic-of-a-long-name-" + std::to_string(names.size()));
  };
  add_names(20'000);
  names.push_back("t");
  const auto joined = join_new("g", names);
  ASSERT_EQ(joined.error_code, error_code::none) << joined.error_message.value_or("");
  EXPECT_EQ(joined.assignment->topic_partitions.size(), 1U);
  add_names(40'000);
  EXPECT_EQ(join_new("h", names).error_code, error_code::unknown_server_error);
  EXPECT_EQ(join_new("h", {"t"}).assignment->topic_partitions.size(), 1U);
}

TEST_F(group_limits, a_pattern_that_explodes_is_refused_or_matched_in_time) {
  // Two hundred topics of the longest name there is, made to keep every branch of a pattern alive.
  for (int i = 0; i < 200; ++i) {
    std::string name = std::to_string(i);
    while (name.size() < 249) name.push_back("ab"[name.size() % 2]);
    broker.make_topic(name, 1);
  }
  EXPECT_EQ(join_new("g", {}, "((a{1,100}){1,100}){1,100}").error_code,
            error_code::invalid_regular_expression);
  EXPECT_EQ(join_new("g", {}, "(a+)+\\1").error_code, error_code::invalid_regular_expression);
  EXPECT_EQ(join_new("g", {}, std::string(2'000'000, '(')).error_code,
            error_code::invalid_regular_expression);
  // Exponential for whoever searches by trial and error.
  EXPECT_EQ(join_new("h", {}, "([ab]*)*([0-9a]*)*(a|b|ab)*x").error_code, error_code::none);
  EXPECT_EQ(join_new("i", {}, "(a?b?[0-9]?){1000}x").error_code, error_code::invalid_regular_expression);
  EXPECT_EQ(commit("other", 1), error_code::none);
}

}  // namespace
}  // namespace tidelog::test
