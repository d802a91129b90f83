#include "group_shard.hpp"

#include "coordinator/support_classic_world.hpp"
#include "coordinator/support_group_step.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

namespace tidelog::coordinator {
namespace {

using test::caught;
using test::fake_topics;

class group_shard_test : public testing::Test {
 protected:
  group_shard_test() { step.catalog.put("t", fake_topics::id_of(1), 4); }

  template <class Request, class Answer>
  Answer call(void (group_shard::*event)(group_step&, Request, reply<Answer>), Request request) {
    caught<Answer> answer;
    (shard.*event)(step, std::move(request), answer.to());
    step.deliver();
    return answer.answer();
  }
  std::error_code commit(const std::string& group, std::int64_t offset, std::int32_t generation = -1,
                         const std::string& member = "") {
    commit_request request;
    request.group_id = group;
    request.generation_or_epoch = generation;
    request.member_id = member;
    request.topics = {
        {"t", fake_topics::id_of(1), {{0, {model::offset(offset), model::leader_epoch(2), "m"}}}}};
    return call(&group_shard::commit_offsets, std::move(request)).error;
  }
  std::int64_t committed(const std::string& group) {
    fetch_offsets_request request;
    request.group_id = group;
    request.topics.emplace().push_back({"t", {0}});
    const auto answer = call(&group_shard::fetch_offsets, std::move(request));
    EXPECT_FALSE(answer.error);
    return answer.topics.at(0).partitions.at(0).value.offset.value();
  }
  static join_request join_of(const std::string& group, const std::string& member = "") {
    join_request request;
    request.group_id = group;
    request.member_id = member;
    request.protocol_type = "consumer";
    request.protocols = {{"range", test::subscription_to({"t"})}};
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 60'000;
    request.without_member_id = first_join::counts;
    return request;
  }
  /// One classic member that has joined and synced.
  std::string join_alone(const std::string& group) {
    caught<join_answer> joined;
    shard.join(step, join_of(group), joined.to());
    pass_until([&] { return joined.has_answer(); });
    const auto member = joined.answer().member_id;
    EXPECT_FALSE(joined.answer().error);
    sync_request request;
    request.group_id = group;
    request.generation = joined.answer().generation;
    request.member_id = member;
    request.assignments = {{member, write_assignment({}, 0)}};
    EXPECT_FALSE(call(&group_shard::sync, std::move(request)).error);
    return member;
  }
  template <class Condition>
  void pass_until(const Condition& is_met) {
    step.deliver();
    for (int i = 0; i < 1'000 && !is_met(); ++i) {
      const auto next = shard.next_deadline_ms();
      ASSERT_TRUE(next);
      step.pass(std::max<std::int64_t>(0, *next - step.now));
      shard.advance(step);
      step.deliver();
    }
  }
  std::error_code leave(const std::string& group, const std::string& member) {
    return call(&group_shard::leave, leave_request{group, {{member, std::nullopt, ""}}}).error;
  }
  consumer_heartbeat_answer beat(const std::string& group, const std::string& member, std::int32_t epoch) {
    consumer_heartbeat_request request;
    request.group_id = group;
    request.member_id = member;
    request.member_epoch = epoch;
    if (epoch == 0) {
      request.rebalance_timeout_ms = 60'000;
      request.subscribed_topic_names = {"t"};
      request.owned.emplace();
    }
    return call(&group_shard::consumer_heartbeat, std::move(request));
  }
  std::map<std::string, group_listing> listed(const group_shard& of) const {
    std::vector<group_listing> all;
    of.list(all);
    std::map<std::string, group_listing> by_id;
    for (auto& each : all) by_id.emplace(each.group_id, each);
    return by_id;
  }
  /// What a broker that starts makes of all that was written.
  void expect_reloaded_is_the_same() {
    group_shard reloaded;
    for (const auto& record : step.written) {
      // Through the bytes, as the log has it.
      const auto bytes = encode_group_record(record);
      const auto again = decode_group_record(
          bytes.key, bytes.value ? std::optional<base::byte_view>(*bytes.value) : std::nullopt);
      ASSERT_TRUE(again);
      reloaded.replay(**again);
    }
    reloaded.loaded(step);
    step.deliver();
    const auto before = listed(shard);
    const auto after = listed(reloaded);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [id, group] : before) {
      ASSERT_TRUE(after.contains(id)) << id;
      EXPECT_EQ(group.type, after.at(id).type) << id;
      EXPECT_EQ(group.protocol_type, after.at(id).protocol_type) << id;
    }
    const auto counted = shard.counts();
    const auto recounted = reloaded.counts();
    EXPECT_EQ(counted.offsets, recounted.offsets);
    EXPECT_EQ(counted.classic_members, recounted.classic_members);
    EXPECT_EQ(counted.consumer_members, recounted.consumer_members);
  }

  test::fake_group_step step;
  group_shard shard;
};

TEST_F(group_shard_test, a_commit_without_generation_makes_a_group_that_is_only_its_offsets) {
  EXPECT_FALSE(commit("g", 7));
  EXPECT_EQ(committed("g"), 7);
  const auto group = listed(shard).at("g");
  EXPECT_EQ(group.type, group_type::classic);
  EXPECT_EQ(group.state, group_state::empty);
  EXPECT_EQ(group.protocol_type, "");
  const auto described = call(&group_shard::describe_classic, std::string("g"));
  EXPECT_FALSE(described.error);
  EXPECT_EQ(described.state, group_state::empty);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, who_names_a_generation_must_be_in_a_group) {
  EXPECT_EQ(commit("g", 7, 3, "m"), errc::group_not_found);
  EXPECT_EQ(shard.group_count(), 0U);
  ASSERT_FALSE(commit("g", 7));
  EXPECT_EQ(commit("g", 8, 3, "m"), errc::unknown_member);
  EXPECT_EQ(committed("g"), 7);
}

TEST_F(group_shard_test, a_refused_write_leaves_no_group_behind) {
  step.refusal = errc::not_available;
  EXPECT_EQ(commit("g", 7), errc::not_available);
  EXPECT_EQ(shard.group_count(), 0U);
  EXPECT_TRUE(beat("c", "m", 0).error);
  EXPECT_EQ(shard.group_count(), 0U);
}

TEST_F(group_shard_test, requests_to_groups_that_are_not_there_are_refused_and_make_none) {
  EXPECT_EQ(call(&group_shard::heartbeat, heartbeat_request{"g", 1, "m", {}}).error, errc::unknown_member);
  EXPECT_EQ(call(&group_shard::sync, sync_request{"g", 1, "m", {}, {}, {}, {}}).error, errc::unknown_member);
  EXPECT_EQ(leave("g", "m"), errc::unknown_member);
  EXPECT_EQ(beat("g", "m", 5).error, errc::group_not_found);
  EXPECT_EQ(call(&group_shard::delete_group, std::string("g")).error, errc::group_not_found);
  EXPECT_EQ(call(&group_shard::delete_offsets, delete_offsets_request{"g", {}}).error, errc::group_not_found);
  EXPECT_EQ(call(&group_shard::describe_classic, std::string("g")).error, errc::group_not_found);
  EXPECT_EQ(call(&group_shard::describe_consumer, std::string("g")).error, errc::group_not_found);
  EXPECT_EQ(call(&group_shard::join, join_of("")).error, errc::invalid_group_id);
  EXPECT_EQ(committed("g"), -1);
  EXPECT_EQ(shard.group_count(), 0U);
  EXPECT_TRUE(step.written.empty());
}

TEST_F(group_shard_test, a_classic_group_lives_until_its_members_and_offsets_are_gone) {
  const auto member = join_alone("g");
  EXPECT_EQ(shard.activity().rebalances, 1U);
  EXPECT_FALSE(commit("g", 5, 1, member));
  EXPECT_EQ(commit("g", 6, 0, member), errc::illegal_generation);
  EXPECT_EQ(call(&group_shard::delete_group, std::string("g")).error, errc::non_empty_group);
  expect_reloaded_is_the_same();
  EXPECT_FALSE(leave("g", member));
  EXPECT_EQ(listed(shard).at("g").state, group_state::empty);
  EXPECT_FALSE(call(&group_shard::delete_group, std::string("g")).error);
  EXPECT_EQ(shard.group_count(), 0U);
  EXPECT_EQ(shard.next_deadline_ms(), std::nullopt);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, a_member_that_falls_silent_is_found_by_its_deadline) {
  const auto member = join_alone("g");
  // Heartbeats do not move the queue; what it finds too early it looks for again.
  for (int i = 0; i < 5; ++i) {
    step.pass(6'000);
    shard.advance(step);
    ASSERT_FALSE(call(&group_shard::heartbeat, heartbeat_request{"g", 1, member, {}}).error);
  }
  EXPECT_EQ(listed(shard).at("g").state, group_state::stable);
  step.pass(10'001);
  shard.advance(step);
  step.deliver();
  EXPECT_EQ(listed(shard).at("g").state, group_state::empty);
}

TEST_F(group_shard_test, an_empty_classic_group_becomes_one_of_the_new_protocol_and_keeps_its_offsets) {
  const auto member = join_alone("g");
  ASSERT_FALSE(commit("g", 5, 1, member));
  ASSERT_FALSE(leave("g", member));
  const auto joined = beat("g", "new", 0);
  EXPECT_FALSE(joined.error) << joined.error_message;
  EXPECT_EQ(listed(shard).at("g").type, group_type::consumer);
  EXPECT_EQ(committed("g"), 5);
  EXPECT_EQ(call(&group_shard::describe_classic, std::string("g")).error, errc::group_not_found);
  EXPECT_FALSE(call(&group_shard::describe_consumer, std::string("g")).error);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, offsets_alone_become_a_group_of_either_protocol) {
  ASSERT_FALSE(commit("a", 5));
  ASSERT_FALSE(commit("b", 6));
  ASSERT_FALSE(beat("a", "new", 0).error);
  join_alone("b");
  EXPECT_EQ(listed(shard).at("a").type, group_type::consumer);
  EXPECT_EQ(listed(shard).at("b").type, group_type::classic);
  EXPECT_EQ(committed("a"), 5);
  EXPECT_EQ(committed("b"), 6);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, an_empty_group_of_the_new_protocol_becomes_a_classic_one) {
  const auto joined = beat("g", "new", 0);
  ASSERT_FALSE(joined.error);
  ASSERT_FALSE(beat("g", "new", -1).error);
  EXPECT_EQ(listed(shard).at("g").state, group_state::empty);
  join_alone("g");
  EXPECT_EQ(listed(shard).at("g").type, group_type::classic);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, a_live_group_goes_up_and_down_with_its_members) {
  const auto member = join_alone("g");
  const auto joined = beat("g", "new", 0);
  ASSERT_FALSE(joined.error) << joined.error_message;
  EXPECT_EQ(listed(shard).at("g").type, group_type::consumer);
  EXPECT_EQ(shard.counts().consumer_members, 2U);
  expect_reloaded_is_the_same();
  ASSERT_FALSE(beat("g", "new", -1).error);
  EXPECT_EQ(listed(shard).at("g").type, group_type::classic);
  EXPECT_EQ(shard.counts().classic_members, 1U);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, migration_that_is_disabled_refuses_and_changes_nothing) {
  step.config.consumer_migration = migration_policy::disabled;
  join_alone("g");
  EXPECT_EQ(beat("g", "new", 0).error, errc::group_not_found);
  EXPECT_EQ(listed(shard).at("g").type, group_type::classic);
  EXPECT_EQ(listed(shard).at("g").state, group_state::stable);
}

TEST_F(group_shard_test, offsets_of_a_subscribed_topic_stay) {
  join_alone("g");
  ASSERT_FALSE(call(&group_shard::delete_offsets, delete_offsets_request{"g", {{"t", {0}}}}).error);
  const auto answer = call(&group_shard::delete_offsets, delete_offsets_request{"g", {{"t", {0}}}});
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error, errc::subscribed_to_topic);
}

TEST_F(group_shard_test, what_has_expired_goes_and_an_empty_group_with_it) {
  const auto member = join_alone("classic");
  ASSERT_FALSE(commit("classic", 1, 1, member));
  const auto keeper = join_alone("kept");
  ASSERT_FALSE(commit("kept", 1, 1, keeper));
  ASSERT_FALSE(beat("new", "n", 0).error);
  ASSERT_FALSE(leave("classic", member));
  ASSERT_FALSE(beat("new", "n", -1).error);
  ASSERT_FALSE(commit("simple", 1));
  step.unix_now += step.config.offsets_retention_ms - 1;
  shard.expire_offsets(step);
  EXPECT_EQ(committed("simple"), 1);
  step.unix_now += 1'000'000;
  shard.expire_offsets(step);
  EXPECT_EQ(committed("simple"), -1);
  EXPECT_EQ(committed("kept"), 1);
  const auto left = listed(shard);
  EXPECT_EQ(left.size(), 1U);
  EXPECT_TRUE(left.contains("kept"));
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, offsets_of_a_deleted_topic_are_forgotten) {
  ASSERT_FALSE(commit("simple", 1));
  shard.forget_topics(step, {{"other", fake_topics::id_of(9)}});
  EXPECT_EQ(committed("simple"), 1);
  shard.forget_topics(step, {{"t", fake_topics::id_of(1)}});
  EXPECT_EQ(shard.group_count(), 0U);
  expect_reloaded_is_the_same();
}

TEST_F(group_shard_test, giving_up_answers_everybody_who_waits) {
  caught<join_answer> joined;
  shard.join(step, join_of("g"), joined.to());
  step.deliver();
  ASSERT_FALSE(joined.has_answer());
  shard.give_up(step, errc::not_coordinator);
  step.deliver();
  EXPECT_EQ(joined.answer().error, errc::not_coordinator);
  EXPECT_EQ(shard.group_count(), 0U);
}

TEST_F(group_shard_test, parts_of_a_group_that_compaction_left_are_no_group) {
  consumer_group_target_assignment_metadata_record rest;
  rest.key.group_id = "g";
  rest.value.emplace();
  shard.replay(rest);
  shard.replay(group_metadata_record{{"gone"}, std::nullopt});
  shard.loaded(step);
  EXPECT_EQ(shard.group_count(), 0U);
}

}  // namespace
}  // namespace tidelog::coordinator
