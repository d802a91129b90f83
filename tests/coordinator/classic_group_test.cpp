#include "classic_group.hpp"

#include "coordinator/support_classic_world.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tidelog::test {
namespace {

using coordinator::errc;
using coordinator::first_join;
using coordinator::group_state;

constexpr auto session_ms = classic_world::session_ms;
constexpr auto rebalance_ms = classic_world::rebalance_ms;

coordinator::join_request request_of(const std::string& client) {
  return classic_world::request("", client);
}

TEST(classic_group, first_join_is_told_its_id_and_counts_with_it) {
  classic_world world;
  auto request = classic_world::request("", "app");
  request.without_member_id = first_join::tells_member_id;
  const auto told = world.join(request);
  EXPECT_EQ(told.answer().error, errc::member_id_required);
  EXPECT_EQ(told.answer().member_id, "app-id-1");
  EXPECT_TRUE(world.group.has_pending_members());
  request.member_id = told.answer().member_id;
  const auto joined = world.join(request);
  EXPECT_FALSE(world.group.has_pending_members());
  world.pass_delay();
  EXPECT_FALSE(joined.answer().error);
  EXPECT_EQ(joined.answer().member_id, "app-id-1");
  EXPECT_EQ(joined.answer().generation, 1);
}

TEST(classic_group, told_id_is_forgotten_after_the_session_timeout) {
  classic_world world;
  auto request = classic_world::request();
  request.without_member_id = first_join::tells_member_id;
  request.member_id = world.join(request).answer().member_id;
  world.pass(session_ms - 1);
  EXPECT_TRUE(world.group.has_pending_members());
  world.pass(1);
  EXPECT_FALSE(world.group.has_pending_members());
  EXPECT_EQ(world.join(request).answer().error, errc::unknown_member);
}

TEST(classic_group, told_ids_are_bounded) {
  classic_world world;
  auto request = classic_world::request();
  request.without_member_id = first_join::tells_member_id;
  for (std::size_t i = 0; i < coordinator::classic_group::max_pending_members; ++i) {
    EXPECT_EQ(world.join(request).answer().error, errc::member_id_required);
  }
  EXPECT_EQ(world.join(request).answer().error, errc::group_max_size_reached);
}

TEST(classic_group, pending_member_holds_up_a_rebalance_until_it_joins_leaves_or_is_forgotten) {
  for (const std::string how : {"joins", "leaves", "is forgotten"}) {
    classic_world world;
    const auto ids = world.settle({request_of("a")});
    auto told = classic_world::request("", "b");
    told.without_member_id = first_join::tells_member_id;
    told.session_timeout_ms = 2 * session_ms;
    told.member_id = world.join(told).answer().member_id;
    const auto rejoin = world.join(classic_world::request(ids[0]));
    EXPECT_FALSE(rejoin.has_answer());
    if (how == "joins") static_cast<void>(world.join(told));
    if (how == "leaves") {
      EXPECT_EQ(world.leave(told.member_id), "ok");
    }
    if (how == "is forgotten") world.pass(2 * session_ms);
    EXPECT_TRUE(rejoin.has_answer()) << how;
  }
}

TEST(classic_group, first_rebalance_waits_again_while_new_members_come) {
  classic_world world;
  const auto first = world.join(request_of("a"));
  EXPECT_EQ(world.group.next_deadline_ms(), world.step.now + 3'000);
  world.pass(2'999);
  const auto second = world.join(request_of("b"));
  world.pass(1);
  EXPECT_FALSE(first.has_answer());
  world.pass(2'999);
  EXPECT_FALSE(first.has_answer());
  world.pass(1);
  EXPECT_TRUE(first.has_answer());
  EXPECT_TRUE(second.has_answer());
  EXPECT_EQ(second.answer().generation, 1);
}

TEST(classic_group, first_rebalance_waits_no_longer_than_the_rebalance_timeout) {
  classic_world world;
  world.step.config.initial_rebalance_delay_ms = 4'000;
  auto impatient = request_of("a");
  impatient.rebalance_timeout_ms = 10'000;
  const auto first = world.join(impatient);
  for (int second = 0; second < 9; ++second) {
    impatient.client.client_id = "b" + std::to_string(second);
    static_cast<void>(world.join(impatient));
    world.pass(1'000);
  }
  EXPECT_FALSE(first.has_answer());
  // Delays of 4, 4 and 2 seconds.
  world.pass(1'000);
  EXPECT_TRUE(first.has_answer());
}

TEST(classic_group, without_initial_delay_the_first_join_is_answered_at_once) {
  classic_world world;
  world.step.config.initial_rebalance_delay_ms = 0;
  EXPECT_EQ(world.join(request_of("a")).answer().generation, 1);
}

TEST(classic_group, leader_gets_all_subscriptions_and_followers_none) {
  classic_world world;
  const auto leads = world.join(request_of("a"));
  auto second = request_of("b");
  second.protocols[0].metadata = subscription_to({"u"});
  const auto follows = world.join(second);
  world.pass_delay();
  world.pass_delay();
  EXPECT_EQ(leads.answer().leader_id, leads.answer().member_id);
  EXPECT_EQ(follows.answer().leader_id, leads.answer().member_id);
  EXPECT_TRUE(follows.answer().members.empty());
  ASSERT_EQ(leads.answer().members.size(), 2U);
  EXPECT_EQ(leads.answer().members[1].member_id, follows.answer().member_id);
  EXPECT_EQ(leads.answer().members[1].metadata, subscription_to({"u"}));
  EXPECT_EQ(leads.answer().protocol_type, "consumer");
  EXPECT_EQ(leads.answer().protocol_name, "range");
}

TEST(classic_group, followers_wait_for_the_leader_and_get_what_it_assigned) {
  classic_world world;
  const auto ids = world.gather({request_of("a"), request_of("b"), request_of("c")});
  const auto follower = world.sync(ids[1]);
  EXPECT_FALSE(follower.has_answer());
  const auto written_before = world.step.written.size();
  const auto leader = world.sync(ids[0], {{ids[0], to_bytes("A")}, {ids[1], to_bytes("B")}, {"x", {}}});
  EXPECT_EQ(leader.answer().assignment, to_bytes("A"));
  EXPECT_EQ(follower.answer().assignment, to_bytes("B"));
  EXPECT_EQ(follower.answer().protocol_name, "range");
  // Who was not assigned anything has nothing.
  EXPECT_TRUE(world.sync(ids[2]).answer().assignment.empty());
  ASSERT_EQ(world.step.written.size(), written_before + 1);
  EXPECT_EQ(world.last_record().members.size(), 3U);
  EXPECT_EQ(world.last_record().leader, ids[0]);
  EXPECT_EQ(world.group.completed_rebalances(), 1);
}

TEST(classic_group, refused_write_of_the_assignment_leaves_everything_as_it_was) {
  classic_world world;
  const auto ids = world.gather({request_of("a"), request_of("b")});
  const auto follower = world.sync(ids[1]);
  world.step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(outcome_of(world.sync(ids[0], {{ids[1], to_bytes("B")}})), "not_available");
  EXPECT_EQ(world.group.state(), group_state::completing_rebalance);
  EXPECT_FALSE(follower.has_answer());
  world.step.refusal = {};
  EXPECT_EQ(outcome_of(world.sync(ids[0], {{ids[1], to_bytes("B")}})), "ok");
  EXPECT_EQ(follower.answer().assignment, to_bytes("B"));
}

TEST(classic_group, answers_tell_when_they_could_not_be_made_durable) {
  classic_world world;
  const auto ids = world.gather({request_of("a")});
  world.step.not_durable = make_error_code(errc::not_coordinator);
  EXPECT_EQ(outcome_of(world.sync(ids[0])), "not_coordinator");
}

TEST(classic_group, protocol_with_most_votes_among_those_that_all_offer_wins) {
  classic_world world;
  const auto with = [](const std::string& client, const std::vector<std::string>& names) {
    auto made = request_of(client);
    made.protocols.clear();
    for (const auto& name : names) made.protocols.push_back({name, to_bytes(client + name)});
    return made;
  };
  const auto a = world.join(with("a", {"sticky", "range", "own"}));
  static_cast<void>(world.join(with("b", {"range", "sticky", "range"})));
  static_cast<void>(world.join(with("c", {"other", "range", "sticky"})));
  EXPECT_EQ(outcome_of(world.join(with("d", {"own"}))), "inconsistent_protocol");
  world.pass_delay();
  world.pass_delay();
  EXPECT_EQ(a.answer().protocol_name, "range");
  EXPECT_EQ(a.answer().members.at(1).metadata, to_bytes("brange"));
}

TEST(classic_group, members_that_do_not_rejoin_in_time_are_out_and_a_joined_one_leads) {
  classic_world world;
  auto slow = request_of("a");
  slow.session_timeout_ms = 2 * rebalance_ms;
  const auto ids = world.settle({slow, request_of("b")});
  auto changed = classic_world::request(ids[1]);
  changed.protocols[0].metadata = subscription_to({"u"});
  const auto rejoin = world.join(changed);
  EXPECT_EQ(world.heartbeat(ids[0]), "rebalance_in_progress");
  world.pass(rebalance_ms - 1);
  EXPECT_FALSE(rejoin.has_answer());
  world.pass(1);
  EXPECT_EQ(rejoin.answer().leader_id, ids[1]);
  EXPECT_EQ(rejoin.answer().generation, 2);
  EXPECT_EQ(rejoin.answer().members.size(), 1U);
  EXPECT_EQ(world.heartbeat(ids[0]), "unknown_member");
}

TEST(classic_group, members_that_never_ask_for_their_assignment_are_out_after_the_rebalance_timeout) {
  classic_world world;
  const auto ids = world.gather({request_of("a"), request_of("b")});
  EXPECT_EQ(outcome_of(world.sync(ids[0])), "ok");
  for (int part = 0; part < 12; ++part) {
    EXPECT_EQ(world.heartbeat(ids[0]), "ok");
    EXPECT_EQ(world.heartbeat(ids[1]), "ok");
    world.pass(rebalance_ms / 12);
  }
  EXPECT_EQ(world.heartbeat(ids[1]), "unknown_member");
  EXPECT_EQ(world.heartbeat(ids[0]), "rebalance_in_progress");
}

TEST(classic_group, parked_requests_keep_their_members_alive) {
  classic_world world;
  auto patient = request_of("a");
  patient.session_timeout_ms = 2 * rebalance_ms;
  const auto ids = world.settle({patient, request_of("b")});
  auto changed = classic_world::request(ids[1]);
  changed.protocols[0].metadata = subscription_to({"u"});
  const auto rejoin = world.join(changed);
  world.pass(3 * session_ms);
  EXPECT_FALSE(rejoin.has_answer());
  patient.member_id = ids[0];
  static_cast<void>(world.join(patient));
  EXPECT_EQ(rejoin.answer().generation, 2);
  const auto parked_sync = world.sync(ids[1]);
  world.pass(3 * session_ms);
  EXPECT_FALSE(parked_sync.has_answer());
  static_cast<void>(world.sync(ids[0]));
  EXPECT_EQ(outcome_of(parked_sync), "ok");
}

TEST(classic_group, session_ends_without_heartbeats_and_moves_with_them) {
  classic_world world;
  const auto ids = world.settle({request_of("a")});
  world.pass(session_ms - 1);
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
  world.pass(session_ms - 1);
  coordinator::commit_request commit;
  commit.generation_or_epoch = 1;
  commit.member_id = ids[0];
  EXPECT_FALSE(world.group.check_commit(world.step, commit, coordinator::commit_kind::plain));
  world.pass(session_ms - 1);
  EXPECT_FALSE(world.group.check_commit(world.step, commit, coordinator::commit_kind::transactional));
  EXPECT_EQ(world.group.member_count(), 1U);
  world.pass(1);
  EXPECT_EQ(world.group.state(), group_state::empty);
  EXPECT_TRUE(world.last_record().members.empty());
  EXPECT_EQ(world.last_record().generation, 2);
}

TEST(classic_group, refused_write_of_an_empty_group_keeps_its_last_member) {
  classic_world world;
  const auto ids = world.settle({request_of("a")});
  world.step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(world.leave(ids[0]), "not_available");
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
  world.pass(session_ms);
  EXPECT_EQ(world.group.member_count(), 1U);
  EXPECT_GT(world.group.next_deadline_ms(), world.step.now);
  world.step.refusal = {};
  world.pass(coordinator::classic_group::write_retry_ms);
  EXPECT_EQ(world.group.state(), group_state::empty);
}

TEST(classic_group, refused_write_of_a_new_group_refuses_the_join_and_leaves_nothing) {
  classic_world world;
  world.step.refusal = make_error_code(errc::not_available);
  EXPECT_EQ(outcome_of(world.join(request_of("a"))), "not_available");
  EXPECT_TRUE(world.group.is_unused());
  world.step.refusal = {};
  static_cast<void>(world.join(request_of("a")));
  EXPECT_FALSE(world.group.is_unused());
  EXPECT_EQ(world.last_record().generation, 0);
  EXPECT_EQ(world.last_record().protocol_type, "");
}

TEST(classic_group, refused_joins_leave_a_new_group_unused) {
  classic_world world;
  EXPECT_EQ(outcome_of(world.join(classic_world::request("unheard"))), "unknown_member");
  auto bad = request_of("a");
  bad.protocol_type.clear();
  EXPECT_EQ(outcome_of(world.join(bad)), "inconsistent_protocol");
  EXPECT_TRUE(world.group.is_unused());
  EXPECT_TRUE(world.step.written.empty());
}

TEST(classic_group, member_that_says_more_than_a_record_holds_is_refused_and_the_others_stay) {
  classic_world world;
  world.step.most_bytes = 1'000;
  auto talkative = request_of("a");
  talkative.protocols = {{"range", std::vector<std::byte>(600)}, {"roundrobin", std::vector<std::byte>(600)}};
  const auto too_large = std::error_code(errc::commit_too_large).message();
  EXPECT_EQ(outcome_of(world.join(talkative)), too_large);
  EXPECT_TRUE(world.group.is_unused());
  const auto ids = world.settle({request_of("a"), request_of("b")});
  const auto generation = world.group.generation();
  EXPECT_EQ(outcome_of(world.join(talkative)), too_large);
  talkative.member_id = ids[0];
  EXPECT_EQ(outcome_of(world.join(talkative)), too_large);
  EXPECT_EQ(world.group.generation(), generation);
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
  talkative.protocols.pop_back();
  EXPECT_EQ(outcome_of(world.join(talkative)), "waits");
}

TEST(classic_group, batch_of_leaves_is_answered_member_by_member) {
  classic_world world;
  const auto ids = world.settle({request_of("a"), request_of("b"), classic_world::static_request("s"),
                                 classic_world::static_request("t")});
  const auto got = world.leave({{ids[0], {}, ""},
                                {ids[0], {}, ""},
                                {"unheard", {}, ""},
                                {"", "s", ""},
                                {"former", "t", ""},
                                {"", "nobody", ""},
                                {"former", "s", ""}});
  const std::vector<std::string> expected = {"ok",
                                             "unknown_member",
                                             "unknown_member",
                                             "ok",
                                             "fenced_instance_id",
                                             "unknown_member",
                                             "unknown_member"};
  ASSERT_EQ(got.answer().members.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(outcome_name(got.answer().members[i].error), expected[i]) << i;
  }
  EXPECT_EQ(got.answer().members[3].instance_id, "s");
  EXPECT_EQ(world.group.member_count(), 2U);
}

TEST(classic_group, group_takes_no_more_members_than_allowed) {
  classic_world world;
  world.step.config.max_size = 2;
  const auto ids = world.settle({request_of("a"), request_of("b")});
  EXPECT_EQ(outcome_of(world.join(request_of("c"))), "group_max_size_reached");
  EXPECT_EQ(outcome_of(world.join(classic_world::request(ids[1]))), "ok");
  EXPECT_EQ(world.group.state(), group_state::stable);
}

TEST(classic_group, group_that_became_too_large_shrinks_after_loading) {
  classic_world before;
  const auto ids = before.settle({request_of("a"), request_of("b"), request_of("c")});
  classic_world world;
  world.step.config.max_size = 2;
  world.group.replay(before.last_record());
  world.group.on_loaded(world.step);
  EXPECT_EQ(world.group.state(), group_state::preparing_rebalance);
  const auto first = world.join(classic_world::request(ids[2]));
  const auto second = world.join(classic_world::request(ids[1]));
  EXPECT_EQ(outcome_of(world.join(classic_world::request(ids[0]))), "group_max_size_reached");
  EXPECT_EQ(outcome_of(first), "ok");
  EXPECT_EQ(outcome_of(second), "ok");
}

TEST(classic_group, restored_members_have_their_sessions_from_the_load_on) {
  classic_world before;
  const auto ids = before.settle({request_of("a"), request_of("b")});
  classic_world world;
  world.group.replay(before.last_record());
  world.group.on_loaded(world.step);
  EXPECT_EQ(world.group.state(), group_state::stable);
  EXPECT_EQ(world.heartbeat(ids[0]), "ok");
  EXPECT_EQ(world.sync(ids[1]).answer().assignment, to_bytes(ids[1]));
  EXPECT_EQ(outcome_of(world.join(classic_world::request(ids[1]))), "ok");
  world.pass(session_ms - 1);
  EXPECT_EQ(world.group.member_count(), 2U);
  world.pass(1);
  EXPECT_EQ(world.group.state(), group_state::empty);
}

TEST(classic_group, damaged_record_with_a_member_twice_is_loaded) {
  classic_world before;
  static_cast<void>(before.settle({classic_world::static_request("s")}));
  auto record = before.last_record();
  record.members.push_back(record.members[0]);
  record.members.push_back(record.members[0]);
  record.members.back().member_id = "other";
  record.leader.reset();
  classic_world world;
  world.group.replay(record);
  EXPECT_EQ(world.group.member_count(), 1U);
  EXPECT_EQ(world.leader(), record.members[0].member_id);
}

TEST(classic_group, client_that_asks_twice_is_answered_twice) {
  classic_world world;
  const auto ids = world.settle({request_of("a"), request_of("b")});
  auto changed = classic_world::request(ids[1]);
  changed.protocols[0].metadata = subscription_to({"u"});
  const auto first = world.join(changed);
  const auto second = world.join(changed);
  EXPECT_EQ(outcome_of(first), "rebalance_in_progress");
  static_cast<void>(world.join(classic_world::request(ids[0])));
  EXPECT_EQ(outcome_of(second), "ok");
  const auto third = world.sync(ids[1]);
  const auto fourth = world.sync(ids[1]);
  EXPECT_EQ(outcome_of(third), "rebalance_in_progress");
  static_cast<void>(world.sync(ids[0]));
  EXPECT_EQ(outcome_of(fourth), "ok");
}

TEST(classic_group, new_member_that_went_away_does_not_hold_its_place_for_ever) {
  classic_world world;
  auto patient = request_of("a");
  patient.session_timeout_ms = 1'800'000;
  patient.rebalance_timeout_ms = 1'800'000;
  static_cast<void>(world.settle({patient}));
  const auto lost = world.join(request_of("b"));
  world.pass(coordinator::classic_group::new_member_timeout_ms);
  EXPECT_EQ(outcome_of(lost), "unknown_member");
  EXPECT_EQ(world.group.member_count(), 1U);
}

TEST(classic_group, everybody_who_waits_is_answered_when_the_group_is_given_up) {
  classic_world world;
  const auto ids = world.settle({request_of("a"), request_of("b")});
  auto changed = classic_world::request(ids[1]);
  changed.protocols[0].metadata = {};
  const auto join = world.join(changed);
  world.group.give_up(world.step, make_error_code(errc::not_coordinator));
  world.step.deliver();
  EXPECT_EQ(outcome_of(join), "not_coordinator");
  EXPECT_EQ(world.heartbeat(ids[0]), "not_available");
  EXPECT_EQ(world.group.next_deadline_ms(), coordinator::no_deadline);
}

TEST(classic_group, group_without_members_left_but_a_pending_one_becomes_empty) {
  classic_world world;
  const auto ids = world.settle({request_of("a")});
  auto told = request_of("b");
  told.without_member_id = first_join::tells_member_id;
  told.member_id = world.join(told).answer().member_id;
  EXPECT_EQ(world.leave(ids[0]), "ok");
  world.step.refusal = make_error_code(errc::not_available);
  world.pass(0);
  EXPECT_EQ(world.group.state(), group_state::preparing_rebalance);
  world.step.refusal = {};
  world.pass(coordinator::classic_group::write_retry_ms);
  EXPECT_EQ(world.group.state(), group_state::empty);
  const auto joined = world.join(told);
  world.pass_delay();
  EXPECT_EQ(joined.answer().generation, 3);
}

TEST(classic_group, generation_after_the_last_is_the_first) {
  classic_world before;
  const auto ids = before.settle({request_of("a")});
  auto record = before.last_record();
  record.generation = std::numeric_limits<std::int32_t>::max();
  classic_world world;
  world.group.replay(record);
  world.group.on_loaded(world.step);
  EXPECT_EQ(world.join(classic_world::request(ids[0])).answer().generation, 1);
}

TEST(classic_group, subscribed_topics_are_those_of_all_members) {
  classic_world world;
  auto second = request_of("b");
  second.protocols[0].metadata = subscription_to({"u"});
  const auto ids = world.settle({request_of("a"), second});
  EXPECT_TRUE(world.group.is_subscribed_to("t"));
  EXPECT_TRUE(world.group.is_subscribed_to("u"));
  EXPECT_FALSE(world.group.is_subscribed_to("v"));
  ASSERT_TRUE(world.group.expiry());
  EXPECT_FALSE(world.group.expiry()->since_unix_ms);
  EXPECT_TRUE(world.group.expiry()->is_subscribed("t"));
  EXPECT_EQ(world.leave(ids[1]), "ok");
  EXPECT_FALSE(world.group.expiry());
  EXPECT_EQ(world.leave(ids[0]), "ok");
  ASSERT_TRUE(world.group.expiry());
  EXPECT_EQ(world.group.expiry()->since_unix_ms, world.step.unix_now);
  EXPECT_FALSE(world.group.is_subscribed_to("t"));
}

TEST(classic_group, group_with_unreadable_subscriptions_reads_everything) {
  classic_world world;
  auto odd = request_of("a");
  odd.protocols[0].metadata = to_bytes("?");
  static_cast<void>(world.settle({odd}));
  EXPECT_TRUE(world.group.is_subscribed_to("whatever"));
  EXPECT_FALSE(world.group.expiry());
}

TEST(classic_group, group_of_another_protocol_type_reads_nothing_and_keeps_its_offsets) {
  classic_world world;
  auto connect = request_of("a");
  connect.protocol_type = "connect";
  static_cast<void>(world.settle({connect}));
  EXPECT_FALSE(world.group.is_subscribed_to("t"));
  EXPECT_FALSE(world.group.expiry());
}

TEST(classic_group, description_shows_subscriptions_of_a_stable_group_only) {
  classic_world world;
  const auto ids = world.settle({request_of("a")});
  const auto stable = world.group.describe();
  EXPECT_EQ(stable.protocol_name, "range");
  EXPECT_EQ(stable.members.at(0).metadata, subscription_to({"t"}));
  EXPECT_EQ(stable.members.at(0).assignment, to_bytes(ids[0]));
  EXPECT_EQ(stable.members.at(0).client.client_id, "a");
  static_cast<void>(world.join(request_of("b")));
  const auto between = world.group.describe();
  EXPECT_EQ(between.state, group_state::preparing_rebalance);
  EXPECT_EQ(between.protocol_name, "");
  EXPECT_TRUE(between.members.at(0).metadata.empty());
  EXPECT_EQ(world.group.listing().protocol_type, "consumer");
}

TEST(classic_group, group_made_from_another_kind_rebalances_or_stays) {
  for (const auto then :
       {coordinator::after_takeover::rebalances, coordinator::after_takeover::stays_stable}) {
    classic_world before;
    const auto ids = before.settle({request_of("a"), request_of("b")});
    auto state = before.group.snapshot();
    state.leader_id.reset();
    state.protocol_name.reset();
    fake_group_step step;
    coordinator::classic_group made(state, step.unix_now);
    EXPECT_EQ(encode_group_record(made.record()).value->size(),
              encode_group_record(before.group.record()).value->size());
    made.on_takeover(step, then);
    EXPECT_EQ(made.state(), then == coordinator::after_takeover::rebalances ? group_state::preparing_rebalance
                                                                            : group_state::stable);
    EXPECT_EQ(made.snapshot().leader_id, ids[0]);
    step.pass(rebalance_ms);
    made.advance(step);
    EXPECT_EQ(made.state(), group_state::empty);
  }
}

TEST(classic_group, idle_member_takes_little_memory) {
  // Beside its strings on the heap: two ids, host, protocol name.
  EXPECT_LE(sizeof(coordinator::classic_member), 512U);
}

}  // namespace
}  // namespace tidelog::test
