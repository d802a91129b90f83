// Classic members in a group of the new protocol, and groups that change from one kind to the other.
#include "support_consumer_world.hpp"

#include <gtest/gtest.h>

namespace tidelog::coordinator {
namespace {

using test::caught;
using test::consumer_world;
using test::fake_topics;
using test::owned_list;

const auto t = fake_topics::id_of(1);

class consumer_group_conversion_test : public testing::Test, public consumer_world {
 protected:
  consumer_group_conversion_test() { step.catalog.put("t", t, 4); }

  static bytes subscription_bytes(const std::vector<std::string>& topics) {
    consumer_protocol_subscription subscription;
    subscription.topics = topics;
    return write_subscription(subscription, 1);
  }
  static classic_member_state classic_member(const std::string& id, std::vector<std::int32_t> partitions) {
    classic_member_state member;
    member.member_id = id;
    member.client = {"old client", "/127.0.0.1"};
    member.rebalance_timeout_ms = 50'000;
    member.session_timeout_ms = 30'000;
    member.protocols = {{"range", subscription_bytes({"t"})}};
    consumer_protocol_assignment assignment;
    assignment.assigned_partitions = {{"t", std::move(partitions)}};
    member.assignment = write_assignment(assignment, 1);
    return member;
  }
  /// Two members, generation 7, all of t assigned.
  static classic_group_state classic_pair() {
    classic_group_state classic;
    classic.group_id = "g";
    classic.protocol_type = "consumer";
    classic.protocol_name = "range";
    classic.leader_id = "old-1";
    classic.generation = 7;
    classic.members = {classic_member("old-1", {0, 1}), classic_member("old-2", {2, 3})};
    return classic;
  }
  void take_over(const classic_group_state& classic) {
    auto made = consumer_group::from_classic(classic, step.config, step.catalog);
    ASSERT_TRUE(made) << made.error().describe();
    group = std::move(*made);
  }
  /// The group of classic_pair(), with member "new" of the new protocol.
  void upgraded() {
    take_over(classic_pair());
    ASSERT_FALSE(join("new").error);
    ASSERT_TRUE(group->is_written());
  }
  std::string synced(const std::string& member, std::int32_t generation) {
    const auto answer = classic_sync(member, generation);
    EXPECT_FALSE(answer.error) << answer.error.message();
    const auto assignment = read_assignment(answer.assignment);
    EXPECT_TRUE(assignment);
    std::string text;
    for (const auto& topic : assignment->assigned_partitions) {
      text += topic.topic + ":";
      for (const auto partition : topic.partitions) text += std::to_string(partition);
    }
    return text;
  }
  leave_answer classic_leave(std::vector<leave_request::member> members) {
    caught<leave_answer> answer;
    group->leave(step, {"g", std::move(members)}, answer.to());
    keep_log();
    return answer.answer();
  }
};

// Upgrade.

TEST_F(consumer_group_conversion_test, first_new_member_takes_the_group_over_in_one_write) {
  take_over(classic_pair());
  EXPECT_FALSE(group->is_written());
  EXPECT_EQ(group->member_count(), 2U);
  const auto answer = join("new");
  EXPECT_EQ(answer.member_epoch, 8);
  EXPECT_TRUE(answer.assignment->empty());
  EXPECT_TRUE(group->is_written());
  EXPECT_EQ(step.writes, 1);
  const auto& first = std::get<group_metadata_record>(log.front());
  EXPECT_EQ(first.key.group, "g");
  EXPECT_FALSE(first.value);
  EXPECT_EQ(memory(), replayed());
  EXPECT_EQ(epoch_of("old-1"), 7);
}

TEST_F(consumer_group_conversion_test, refused_first_write_leaves_the_group_unwritten) {
  take_over(classic_pair());
  step.refusal = errc::not_available;
  EXPECT_EQ(join("new").error, errc::not_available);
  EXPECT_FALSE(group->is_written());
  step.refusal.clear();
  EXPECT_FALSE(join("new").error);
  EXPECT_TRUE(group->is_written());
  EXPECT_EQ(memory(), replayed());
}

TEST_F(consumer_group_conversion_test, group_is_taken_over_only_where_that_is_allowed_and_possible) {
  const auto made = [&](const classic_group_state& classic) {
    return consumer_group::from_classic(classic, step.config, step.catalog).has_value();
  };
  for (const auto policy : {migration_policy::disabled, migration_policy::downgrade}) {
    step.config.consumer_migration = policy;
    EXPECT_FALSE(made(classic_pair()));
  }
  for (const auto policy : {migration_policy::upgrade, migration_policy::bidirectional}) {
    step.config.consumer_migration = policy;
    EXPECT_TRUE(made(classic_pair()));
  }
  auto classic = classic_pair();
  classic.protocol_type = "connect";
  EXPECT_FALSE(made(classic));
  classic = classic_pair();
  classic.members[1].protocols[0].metadata.resize(3);
  EXPECT_FALSE(made(classic));
  classic = classic_pair();
  classic.members[1].assignment.resize(1);
  EXPECT_FALSE(made(classic));
  classic = classic_pair();
  classic.members[1].assignment.clear();
  EXPECT_TRUE(made(classic)) << "it was not assigned anything yet";
  step.config.consumer_max_size = 1;
  EXPECT_FALSE(made(classic_pair()));
}

TEST_F(consumer_group_conversion_test, what_two_classic_members_claim_is_one_members) {
  auto classic = classic_pair();
  classic.members[1] = classic_member("old-2", {1, 2, 3, 9, -1});
  take_over(classic);
  EXPECT_EQ(group->content().find("old-2")->current.assigned, (held_partitions{{t, {{2, 7}, {3, 7}}}}));
}

TEST_F(consumer_group_conversion_test,
       classic_members_give_back_by_joining_and_the_new_member_gets_its_share) {
  upgraded();
  // Partition counts: 2, 1, 1.
  EXPECT_EQ(classic_beat("old-1", 7).error, errc::rebalance_in_progress);
  EXPECT_EQ(classic_beat("old-2", 7).error, errc::rebalance_in_progress);
  EXPECT_EQ(classic_sync("old-2", 7).error, errc::rebalance_in_progress);

  auto joined = classic_join(classic_join_request("old-1", {"t"}, {{"t", {0, 1}}}));
  EXPECT_FALSE(joined.error);
  EXPECT_EQ(joined.generation, 8);
  EXPECT_EQ(*joined.protocol_type, "consumer");
  EXPECT_EQ(*joined.protocol_name, "range");
  EXPECT_TRUE(joined.members.empty());
  EXPECT_EQ(synced("old-1", 8), "t:01");
  EXPECT_FALSE(classic_beat("old-1", 8).error);

  // The other one still owns what it is to give back, is told to, and joins once more without it.
  joined = classic_join(classic_join_request("old-2", {"t"}, {{"t", {2, 3}}}));
  EXPECT_EQ(joined.generation, 7);
  EXPECT_EQ(synced("old-2", 7), "t:2");
  EXPECT_EQ(classic_beat("old-2", 7).error, errc::rebalance_in_progress);
  EXPECT_FALSE(beat("new", 8).assignment);
  joined = classic_join(classic_join_request("old-2", {"t"}, {{"t", {2}}}));
  EXPECT_EQ(joined.generation, 8);
  EXPECT_EQ(synced("old-2", 8), "t:2");
  EXPECT_EQ(*beat("new", 8).assignment, (owned_list{{t, {3}}}));
  EXPECT_EQ(group->state(), group_state::stable);
  EXPECT_EQ(memory(), replayed());
}

TEST_F(consumer_group_conversion_test, classic_member_is_not_sent_to_join_before_there_is_a_target) {
  upgraded();
  step.config.consumer_defaults.assignment_interval_ms = 5'000;
  classic_join(classic_join_request("old-1", {"t"}, {{"t", {0, 1}}}));
  EXPECT_EQ(synced("old-1", 8), "t:01");
  join("newer");
  EXPECT_EQ(group->content().group_epoch(), 9);
  EXPECT_FALSE(classic_beat("old-1", 8).error);
  EXPECT_EQ(synced("old-1", 8), "t:01");
  step.pass(5'000);
  EXPECT_EQ(classic_beat("old-1", 8).error, errc::rebalance_in_progress);
  EXPECT_EQ(group->content().assignment_epoch(), 9);
  EXPECT_EQ(memory(), replayed());
}

TEST_F(consumer_group_conversion_test, eager_classic_member_has_given_everything_back_when_it_joins) {
  upgraded();
  EXPECT_EQ(classic_join(classic_join_request("old-2", {"t"})).generation, 8);
  EXPECT_EQ(*beat("new", 8).assignment, (owned_list{{t, {3}}}));
}

TEST_F(consumer_group_conversion_test, classic_member_is_sent_back_to_join_when_what_it_waits_for_is_free) {
  upgraded();
  leave("old-1", -1);
  classic_join(classic_join_request("old-2", {"t"}, {{"t", {2, 3}}}));
  settle({"new"});
  auto newcomer = classic_join_request("", {"t"});
  EXPECT_EQ(classic_join(newcomer).error, errc::member_id_required);
  newcomer.member_id = "old-3";
  const auto joined = classic_join(newcomer);
  EXPECT_EQ(synced("old-3", joined.generation), "");
  EXPECT_FALSE(classic_beat("old-3", joined.generation).error) << "old-2 still holds it";
  classic_join(classic_join_request("old-2", {"t"}, {{"t", {2}}}));
  classic_join(classic_join_request("old-2", {"t"}, {}));
  EXPECT_EQ(classic_beat("old-3", joined.generation).error, errc::rebalance_in_progress);
  const auto again = classic_join(newcomer);
  EXPECT_NE(synced("old-3", again.generation), "");
}

// Requests of classic members.

TEST_F(consumer_group_conversion_test, classic_join_is_checked) {
  upgraded();
  auto request = classic_join_request("old-9", {"t"});
  request.protocol_type = "connect";
  EXPECT_EQ(classic_join(request).error, errc::inconsistent_protocol);
  request = classic_join_request("old-9", {"t"});
  request.protocols[0].name = "mine";
  EXPECT_EQ(classic_join(request).error, errc::inconsistent_protocol);
  request.protocols.clear();
  EXPECT_EQ(classic_join(request).error, errc::inconsistent_protocol);
  request = classic_join_request("old-9", {"t"});
  request.protocols[0].metadata.resize(1);
  EXPECT_EQ(classic_join(request).error, errc::inconsistent_protocol);
  request = classic_join_request("old-9", {"t"});
  request.session_timeout_ms = 1;
  EXPECT_EQ(classic_join(request).error, errc::invalid_session_timeout);
  EXPECT_EQ(classic_join(classic_join_request("new", {"t"})).error, errc::unknown_member);
  step.config.consumer_max_size = 3;
  EXPECT_EQ(classic_join(classic_join_request("old-9", {"t"})).error, errc::group_max_size_reached);
  EXPECT_EQ(group->member_count(), 3U);
}

/// A search for each name in each list would take hours.
TEST_F(consumer_group_conversion_test, members_that_offer_thousands_of_protocols_are_compared_in_time) {
  auto classic = classic_pair();
  classic.members.pop_back();
  constexpr int offered = 100'000;
  auto& protocols = classic.members[0].protocols;
  for (int i = 0; i < offered; ++i) protocols.push_back({"old" + std::to_string(i), {}});
  take_over(classic);
  auto request = classic_join_request("", {"t"});
  request.protocols[0].name = "new";
  for (int i = 0; i < offered; ++i) request.protocols.push_back({"new" + std::to_string(i), {}});
  EXPECT_EQ(classic_join(request).error, errc::inconsistent_protocol);
  request.protocols.push_back({"old" + std::to_string(offered - 1), {}});
  EXPECT_EQ(classic_join(request).error, errc::member_id_required);
}

TEST_F(consumer_group_conversion_test, classic_requests_of_others_are_refused) {
  upgraded();
  EXPECT_EQ(classic_beat("new", 8).error, errc::unknown_member);
  EXPECT_EQ(classic_beat("nobody", 8).error, errc::unknown_member);
  EXPECT_EQ(classic_beat("old-1", 6).error, errc::illegal_generation);
  EXPECT_EQ(classic_sync("old-1", 6).error, errc::illegal_generation);
  caught<sync_answer> answer;
  sync_request request;
  request.group_id = "g";
  request.member_id = "old-1";
  request.generation = 7;
  request.protocol_name = "other";
  group->sync(step, request, answer.to());
  step.deliver();
  EXPECT_EQ(answer.answer().error, errc::inconsistent_protocol);
}

TEST_F(consumer_group_conversion_test, classic_commits_are_checked_by_generation) {
  upgraded();
  commit_request commit;
  commit.group_id = "g";
  commit.member_id = "old-1";
  commit.generation_or_epoch = 7;
  EXPECT_FALSE(group->check_commit(commit, commit_kind::plain, step.catalog));
  commit.generation_or_epoch = 6;
  EXPECT_EQ(group->check_commit(commit, commit_kind::plain, step.catalog), errc::illegal_generation);
}

TEST_F(consumer_group_conversion_test,
       classic_member_that_is_not_heard_of_or_does_not_join_again_is_removed) {
  upgraded();
  for (int second = 0; second < 50; ++second) {
    classic_beat("old-1", 7);
    beat("new", 8);
    EXPECT_EQ(group->content().find("old-2") != nullptr, second < 30) << second;
    step.pass(1'000);
    advance();
  }
  EXPECT_EQ(group->content().find("old-1"), nullptr) << "told to join 50 s ago";
  EXPECT_NE(group->content().find("new"), nullptr);
}

TEST_F(consumer_group_conversion_test, classic_member_that_does_not_sync_is_removed) {
  upgraded();
  const auto joined = classic_join(classic_join_request("old-1", {"t"}, {{"t", {0, 1}}}));
  classic_join(classic_join_request("old-2", {"t"}, {{"t", {2}}}));
  EXPECT_EQ(synced("old-2", 8), "t:2");
  for (int second = 0; second < 50; ++second) {
    EXPECT_NE(group->content().find("old-1"), nullptr);
    classic_beat("old-1", joined.generation);
    classic_beat("old-2", joined.generation);
    beat("new", 8);
    step.pass(1'000);
    advance();
  }
  EXPECT_EQ(group->content().find("old-1"), nullptr);
}

TEST_F(consumer_group_conversion_test, classic_members_leave_together) {
  upgraded();
  const auto answer =
      classic_leave({{"old-1", {}, ""}, {"new", {}, ""}, {"old-2", {}, ""}, {"old-2", {}, ""}});
  EXPECT_FALSE(answer.error);
  ASSERT_EQ(answer.members.size(), 4U);
  EXPECT_FALSE(answer.members[0].error);
  EXPECT_EQ(answer.members[1].error, errc::unknown_member);
  EXPECT_FALSE(answer.members[2].error);
  EXPECT_EQ(answer.members[3].error, errc::unknown_member);
  EXPECT_EQ(group->member_count(), 1U);
  EXPECT_EQ(*beat("new", 8).assignment, (owned_list{{t, {0, 1, 2, 3}}}));
  EXPECT_EQ(memory(), replayed());
}

TEST_F(consumer_group_conversion_test, member_keeps_its_instance_id_from_one_protocol_to_the_other) {
  auto classic = classic_pair();
  classic.members[0].instance_id = "i";
  take_over(classic);
  const auto answer = join_static("new", "i");
  EXPECT_FALSE(answer.error);
  EXPECT_EQ(*answer.assignment, (owned_list{{t, {0, 1}}}));
  EXPECT_EQ(group->content().find("old-1"), nullptr);
  EXPECT_FALSE(group->content().find("new")->is_classic());

  // And back, while another member of the new protocol is there.
  join("newer");
  auto back = classic_join_request("", {"t"});
  back.instance_id = "i";
  const auto joined = classic_join(back);
  EXPECT_FALSE(joined.error);
  EXPECT_EQ(group->content().find("new"), nullptr);
  EXPECT_TRUE(group->content().find(joined.member_id)->is_classic());
  EXPECT_EQ(memory(), replayed());
}

// Downgrade.

TEST_F(consumer_group_conversion_test, last_new_member_leaves_a_classic_group_behind) {
  upgraded();
  log.clear();
  EXPECT_FALSE(leave("new").error);
  const auto classic = group->take_successor();
  ASSERT_NE(classic, nullptr);
  EXPECT_FALSE(group->is_there());
  EXPECT_EQ(classic->member_count(), 2U);
  EXPECT_EQ(classic->generation(), 8);
  EXPECT_EQ(classic->protocol_type(), "consumer");
  const auto& record = std::get<group_metadata_record>(log.back());
  EXPECT_EQ(record.value->members.size(), 2U);
  const auto assignment = read_assignment(record.value->members[0].assignment);
  ASSERT_TRUE(assignment);
  EXPECT_EQ(assignment->assigned_partitions.at(0).partitions, (std::vector<std::int32_t>{0, 1}));
}

TEST_F(consumer_group_conversion_test, last_new_member_that_times_out_leaves_a_classic_group_behind) {
  upgraded();
  for (int second = 0; second < 45; ++second) {
    classic_join(classic_join_request("old-1", {"t"}, {{"t", {0, 1}}}));
    classic_sync("old-1", 8);
    step.pass(1'000);
    advance();
  }
  const auto classic = group->take_successor();
  ASSERT_NE(classic, nullptr);
  EXPECT_EQ(classic->member_count(), 1U);
}

TEST_F(consumer_group_conversion_test, group_stays_as_it_is_where_downgrades_are_not_allowed) {
  upgraded();
  step.config.consumer_migration = migration_policy::upgrade;
  leave("new");
  EXPECT_EQ(group->take_successor(), nullptr);
  EXPECT_EQ(group->member_count(), 2U);
  EXPECT_EQ(memory(), replayed());
}

TEST_F(consumer_group_conversion_test, refused_downgrade_changes_nothing) {
  upgraded();
  const auto before = memory();
  step.refusal = errc::not_available;
  EXPECT_EQ(leave("new").error, errc::not_available);
  EXPECT_EQ(group->take_successor(), nullptr);
  EXPECT_EQ(memory(), before);
}

TEST_F(consumer_group_conversion_test,
       last_new_member_that_comes_back_as_a_classic_one_makes_the_group_classic) {
  auto old_pair = classic_pair();
  old_pair.members[0].instance_id = "i";
  take_over(old_pair);
  ASSERT_FALSE(join_static("new", "i").error);
  auto back = classic_join_request("", {"t"});
  back.instance_id = "i";
  caught<join_answer> answer;
  auto to = answer.to();
  group->join(step, back, to);
  EXPECT_TRUE(to) << "it is for the classic group to answer";
  const auto classic = group->take_successor();
  ASSERT_NE(classic, nullptr);
  EXPECT_EQ(classic->member_count(), 1U);
  to(join_answer{});
}

}  // namespace
}  // namespace tidelog::coordinator
