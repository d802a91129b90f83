// Static members: they go and come back under the same instance id.
#include "classic_group.hpp"
#include "coordinator/support_classic_world.hpp"

#include <gtest/gtest.h>

namespace tidelog::test {
namespace {

using coordinator::errc;
using coordinator::group_state;
using coordinator::skip_assignment;

constexpr auto rebalance_ms = classic_world::rebalance_ms;

coordinator::join_request request_of(const std::string& client) {
  return classic_world::request("", client);
}

TEST(classic_group, static_member_that_does_not_rejoin_stays_until_its_session_ends) {
  classic_world world;
  auto away = classic_world::static_request("s");
  away.session_timeout_ms = 3 * rebalance_ms;
  const auto ids = world.settle({away, request_of("b")});
  auto changed = classic_world::request(ids[1]);
  changed.protocols[0].metadata = subscription_to({"u"});
  const auto rejoin = world.join(changed);
  world.pass(rebalance_ms);
  EXPECT_EQ(rejoin.answer().leader_id, ids[1]);
  EXPECT_EQ(rejoin.answer().members.size(), 2U);
  static_cast<void>(world.sync(ids[1]));
  // It owes a sync too, and that time ends as well.
  EXPECT_EQ(world.group.member_count(), 2U);
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
}

TEST(classic_group, group_of_absent_static_members_waits_for_them) {
  classic_world world;
  auto away = classic_world::static_request("s");
  away.session_timeout_ms = 3 * rebalance_ms;
  const auto ids = world.settle({away, request_of("b")});
  EXPECT_EQ(world.leave(ids[1]), "ok");
  EXPECT_EQ(world.group.state(), group_state::preparing_rebalance);
  world.pass(rebalance_ms);
  EXPECT_EQ(world.group.state(), group_state::preparing_rebalance);
  EXPECT_EQ(world.group.next_deadline_ms(), world.step.now + rebalance_ms);
  const auto back = world.join(away);
  EXPECT_EQ(back.answer().generation, 2);
}

TEST(classic_group, static_member_returns_to_a_stable_group_without_a_rebalance) {
  classic_world world;
  const auto ids = world.settle({classic_world::static_request("s1"), classic_world::static_request("s2")});
  const auto follower = world.join(classic_world::static_request("s2"));
  EXPECT_EQ(follower.answer().generation, 1);
  EXPECT_NE(follower.answer().member_id, ids[1]);
  EXPECT_EQ(follower.answer().leader_id, ids[0]);
  EXPECT_FALSE(follower.answer().leader_skips_assignment);
  EXPECT_EQ(world.last_record().members.at(1).member_id, follower.answer().member_id);
  EXPECT_EQ(world.sync(follower.answer().member_id).answer().assignment, to_bytes(ids[1]));

  const auto leader = world.join(classic_world::static_request("s1"));
  EXPECT_TRUE(leader.answer().leader_skips_assignment);
  EXPECT_EQ(leader.answer().leader_id, leader.answer().member_id);
  EXPECT_EQ(leader.answer().members.size(), 2U);
  EXPECT_EQ(world.last_record().leader, leader.answer().member_id);
  EXPECT_EQ(world.group.state(), group_state::stable);
  // The former incarnations are fenced where they say who they are, and unknown where they do not.
  coordinator::heartbeat_request old{"g", 1, ids[0], "s1"};
  caught<coordinator::heartbeat_answer> told;
  world.group.heartbeat(world.step, old, told.to());
  world.step.deliver();
  EXPECT_EQ(outcome_of(told), "fenced_instance_id");
  EXPECT_EQ(world.heartbeat(ids[0]), "unknown_member");
}

TEST(classic_group, returning_leader_that_cannot_skip_is_not_told_that_it_leads) {
  classic_world world;
  const auto ids = world.settle({classic_world::static_request("s1")});
  auto old_client = classic_world::static_request("s1");
  old_client.leader_skips = skip_assignment::not_understood;
  const auto back = world.join(old_client);
  EXPECT_EQ(back.answer().leader_id, ids[0]);
  EXPECT_NE(back.answer().member_id, ids[0]);
  EXPECT_TRUE(back.answer().members.empty());
}

TEST(classic_group, refused_write_of_a_replacement_keeps_the_former_member) {
  classic_world world;
  const auto ids = world.settle({classic_world::static_request("s1")});
  world.step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(outcome_of(world.join(classic_world::static_request("s1"))), "not_available");
  world.step.refusal = {};
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
  EXPECT_EQ(world.leader(), ids[0]);
}

TEST(classic_group, parked_requests_of_a_replaced_static_member_are_fenced) {
  classic_world world;
  const auto ids = world.gather({request_of("a"), classic_world::static_request("s")});
  const auto parked_sync = world.sync(ids[1]);
  const auto second = world.join(classic_world::static_request("s"));
  EXPECT_EQ(outcome_of(parked_sync), "fenced_instance_id");
  EXPECT_EQ(world.group.state(), group_state::preparing_rebalance);
  const auto third = world.join(classic_world::static_request("s"));
  EXPECT_EQ(outcome_of(second), "fenced_instance_id");
  EXPECT_FALSE(third.has_answer());
  EXPECT_EQ(world.group.member_count(), 2U);
}

TEST(classic_group, static_member_that_changes_the_elected_protocol_rebalances) {
  classic_world world;
  auto request = classic_world::static_request("s");
  request.protocols = {{"a", {}}, {"b", {}}};
  static_cast<void>(world.settle({request}));
  request.protocols = {{"b", {}}, {"a", {}}};
  const auto back = world.join(request);
  EXPECT_EQ(back.answer().generation, 2);
  EXPECT_EQ(back.answer().protocol_name, "b");
}

}  // namespace
}  // namespace tidelog::test
