#include "support_consumer_world.hpp"

#include <gtest/gtest.h>

namespace tidelog::coordinator {
namespace {

using test::consumer_world;
using test::fake_topics;
using test::owned_list;

const auto t = fake_topics::id_of(1);
const auto u = fake_topics::id_of(2);

class consumer_group_test : public testing::Test, public consumer_world {
 protected:
  consumer_group_test() {
    step.catalog.put("t", t, 4);
    step.catalog.put("u", u, 2);
  }
  void TearDown() override { EXPECT_EQ(memory(), replayed()); }

  /// a and b share topic t: a has 0 and 1, b has 2 and 3, and the epoch is 3.
  void two_members() {
    join("a");
    join("b");
    settle({"a", "b"});
    ASSERT_EQ(group->state(), group_state::stable);
    ASSERT_EQ(epoch_of("a"), 3);
  }
  /// As two_members(), with c come, for which b has been told to give back partition 3, and has not.
  void with_a_newcomer() {
    two_members();
    join("c");
    beat("b", 3);
    ASSERT_EQ(state_of("b"), member_state::unrevoked_partitions);
  }
};

// Joining.

TEST_F(consumer_group_test, first_member_gets_everything_at_epoch_2) {
  const auto answer = join("a");
  EXPECT_FALSE(answer.error);
  EXPECT_EQ(answer.member_id, "a");
  EXPECT_EQ(answer.member_epoch, 2);
  EXPECT_EQ(answer.heartbeat_interval_ms, 5'000);
  EXPECT_EQ(*answer.assignment, (owned_list{{t, {0, 1, 2, 3}}}));
  EXPECT_EQ(group->state(), group_state::stable);
}

TEST_F(consumer_group_test, join_writes_member_epoch_target_and_assignment_in_kafkas_order) {
  join("a");
  ASSERT_EQ(log.size(), 5U);
  EXPECT_TRUE(std::holds_alternative<consumer_group_member_metadata_record>(log[0]));
  EXPECT_TRUE(std::holds_alternative<consumer_group_metadata_record>(log[1]));
  EXPECT_TRUE(std::holds_alternative<consumer_group_target_assignment_member_record>(log[2]));
  EXPECT_TRUE(std::holds_alternative<consumer_group_target_assignment_metadata_record>(log[3]));
  const auto& current = std::get<consumer_group_current_member_assignment_record>(log[4]);
  EXPECT_EQ(current.value->previous_member_epoch, 0);
  EXPECT_EQ(*current.value->assigned_partitions.at(0).assignment_epochs,
            (std::vector<std::int32_t>{2, 2, 2, 2}));
}

TEST_F(consumer_group_test, requests_that_make_no_sense_are_refused_and_leave_nothing) {
  const auto refused = [&](auto change) {
    auto request = join_request("a", {"t"});
    change(request);
    return send(request).error;
  };
  using request = consumer_heartbeat_request;
  EXPECT_EQ(refused([](request& of) { of.group_id = ""; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.member_id = ""; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.instance_id = ""; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.rack_id = ""; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.rebalance_timeout_ms = -1; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.owned.reset(); }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.owned = owned_list{{t, {0}}}; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.subscribed_topic_names.reset(); }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.server_assignor = "best"; }), errc::unsupported_assignor);
  EXPECT_EQ(refused([](request& of) { of.member_epoch = -3; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.member_epoch = -2; }), errc::invalid_request);
  EXPECT_EQ(refused([](request& of) { of.subscribed_topic_pattern = "a(?=b)"; }), errc::invalid_pattern);
  EXPECT_EQ(refused([](request& of) { of.subscribed_topic_pattern = "((a{1,100}){1,100}){1,100}"; }),
            errc::invalid_pattern);
  EXPECT_EQ(beat("a", 1).error, errc::group_not_found);
  EXPECT_EQ(leave("a").error, errc::group_not_found);
  EXPECT_FALSE(group->is_there());
  EXPECT_TRUE(log.empty());
}

TEST_F(consumer_group_test, coordinator_makes_the_id_where_the_version_leaves_it_to_it) {
  auto request = join_request("", {"t"});
  request.member_id_from = consumer_heartbeat_request::id_made_by::coordinator;
  const auto answer = send(request);
  EXPECT_FALSE(answer.error);
  EXPECT_FALSE(answer.member_id.empty());
}

TEST_F(consumer_group_test, full_group_takes_nobody_else) {
  step.config.consumer_max_size = 1;
  EXPECT_FALSE(join("a").error);
  EXPECT_EQ(join("b").error, errc::group_max_size_reached);
  EXPECT_FALSE(join("a").error);
}

TEST_F(consumer_group_test, joining_again_changes_nothing_and_tells_everything) {
  two_members();
  const auto before = memory();
  const auto answer = join("a");
  EXPECT_EQ(answer.member_epoch, 3);
  EXPECT_EQ(*answer.assignment, (owned_list{{t, {0, 1}}}));
  EXPECT_EQ(memory(), before);
}

// Reconciliation.

TEST_F(consumer_group_test, newcomer_waits_until_the_other_has_given_back) {
  join("a");
  EXPECT_TRUE(join("b").assignment->empty());
  EXPECT_EQ(epoch_of("b"), 3);
  EXPECT_EQ(state_of("b"), member_state::unreleased_partitions);

  const auto told = beat("a", 2);
  EXPECT_EQ(told.member_epoch, 2);
  EXPECT_EQ(*told.assignment, (owned_list{{t, {0, 1}}}));
  EXPECT_EQ(state_of("a"), member_state::unrevoked_partitions);
  EXPECT_FALSE(beat("b", 3).assignment);
  // Not said, or still there: not given back.
  EXPECT_EQ(beat("a", 2).member_epoch, 2);
  EXPECT_EQ(beat("a", 2, {{t, {0, 1, 2, 3}}}).member_epoch, 2);
  EXPECT_FALSE(beat("b", 3).assignment);

  const auto gave = beat("a", 2, {{t, {0, 1}}});
  EXPECT_EQ(gave.member_epoch, 3);
  EXPECT_FALSE(gave.assignment);
  EXPECT_EQ(*beat("b", 3).assignment, (owned_list{{t, {2, 3}}}));
  EXPECT_EQ(group->state(), group_state::stable);
}

TEST_F(consumer_group_test, assignment_is_told_only_when_it_changed_or_the_member_told_everything) {
  two_members();
  EXPECT_FALSE(beat("a", 3).assignment);
  EXPECT_FALSE(beat("a", 3, {{t, {0, 1}}}).assignment);
  auto everything = join_request("a", {"t"});
  everything.member_epoch = 3;
  everything.owned = owned_list{{t, {0, 1}}};
  EXPECT_TRUE(send(everything).assignment);
}

TEST_F(consumer_group_test, epochs_too_old_or_too_new_are_fenced_but_the_one_before_is_taken_with_less) {
  two_members();
  EXPECT_EQ(beat("a", 4).error, errc::fenced_member_epoch);
  EXPECT_EQ(beat("a", 1).error, errc::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2).error, errc::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2, {{t, {0, 1, 2}}}).error, errc::fenced_member_epoch);
  EXPECT_FALSE(beat("a", 2, {{t, {0, 1}}}).error);
  EXPECT_FALSE(beat("a", 2, {{t, {1}}}).error);
  EXPECT_EQ(beat("x", 2).error, errc::unknown_member);
}

TEST_F(consumer_group_test, member_that_does_not_give_back_in_time_is_removed) {
  with_a_newcomer();
  for (int second = 0; second < 60; ++second) {
    EXPECT_NE(group->content().find("b"), nullptr);
    beat("b", 3);
    beat("a", epoch_of("a"));
    beat("c", epoch_of("c"));
    step.pass(1'000);
    advance();
  }
  EXPECT_EQ(group->content().find("b"), nullptr);
  EXPECT_NE(group->content().find("c"), nullptr);
  settle({"a", "c"});
  EXPECT_EQ(group->state(), group_state::stable);
}

TEST_F(consumer_group_test, silent_member_is_removed_and_its_partitions_go_to_the_others) {
  two_members();
  step.pass(30'000);
  beat("b", 3);
  step.pass(14'999);
  advance();
  EXPECT_NE(group->content().find("a"), nullptr);
  EXPECT_EQ(group->next_deadline_ms(), step.now + 1);
  step.pass(1);
  advance();
  EXPECT_EQ(group->content().find("a"), nullptr);
  EXPECT_EQ(beat("a", 3).error, errc::unknown_member);
  EXPECT_EQ(*beat("b", 3, {{t, {2, 3}}}).assignment, (owned_list{{t, {0, 1, 2, 3}}}));
}

TEST_F(consumer_group_test, last_member_leaves_an_empty_group_whose_epoch_goes_on) {
  join("a");
  const auto left = leave("a");
  EXPECT_FALSE(left.error);
  EXPECT_EQ(left.member_epoch, -1);
  EXPECT_EQ(left.heartbeat_interval_ms, 0);
  EXPECT_TRUE(group->is_there());
  EXPECT_EQ(group->state(), group_state::empty);
  EXPECT_EQ(group->content().group_epoch(), 3);
  EXPECT_EQ(join("b").member_epoch, 4);
}

TEST_F(consumer_group_test, leaving_writes_tombstones_in_kafkas_order) {
  join("a");
  log.clear();
  leave("a");
  ASSERT_EQ(log.size(), 4U);
  EXPECT_FALSE(std::get<consumer_group_current_member_assignment_record>(log[0]).value);
  EXPECT_FALSE(std::get<consumer_group_target_assignment_member_record>(log[1]).value);
  EXPECT_FALSE(std::get<consumer_group_member_metadata_record>(log[2]).value);
  EXPECT_EQ(std::get<consumer_group_metadata_record>(log[3]).value->epoch, 3);
  // For TearDown.
  log.insert(log.begin(), consumer_group_target_assignment_metadata_record{
                              {"g"}, consumer_group_target_assignment_metadata_value{2, step.unix_now}});
}

// Static members.

TEST_F(consumer_group_test, instance_id_belongs_to_the_member_that_is_there) {
  join_static("a", "i");
  EXPECT_EQ(join_static("b", "i").error, errc::unreleased_instance_id);
  auto stranger = beat_request("b", 2);
  stranger.instance_id = "i";
  EXPECT_EQ(send(stranger).error, errc::fenced_instance_id);
  stranger.instance_id = "j";
  EXPECT_EQ(send(stranger).error, errc::unknown_member);
  EXPECT_EQ(leave("b", -1, "i").error, errc::fenced_instance_id);
  EXPECT_EQ(leave("a", -2, "j").error, errc::unknown_member);
}

TEST_F(consumer_group_test, static_member_that_left_for_a_while_gets_its_partitions_back_under_a_new_id) {
  join_static("a", "i");
  join("b");
  settle({"a", "b"});
  const auto epoch = group->content().group_epoch();
  EXPECT_EQ(leave("a", -2, "i").member_epoch, -2);
  EXPECT_EQ(epoch_of("a"), -2);
  EXPECT_FALSE(beat("b", 3).assignment);
  auto old = beat_request("a", 3);
  old.instance_id = "i";
  EXPECT_EQ(send(old).error, errc::fenced_member_epoch);

  const auto back = join_static("a2", "i");
  EXPECT_EQ(back.member_epoch, 3);
  EXPECT_EQ(*back.assignment, (owned_list{{t, {0, 1}}}));
  EXPECT_EQ(group->content().group_epoch(), epoch);
  EXPECT_EQ(group->state(), group_state::stable);
  EXPECT_EQ(beat("a", 3).error, errc::unknown_member);
}

TEST_F(consumer_group_test, static_member_that_stays_away_is_removed_after_its_session) {
  join_static("a", "i");
  leave("a", -2, "i");
  step.pass(45'000);
  advance();
  EXPECT_TRUE(group->is_empty());
}

// Subscriptions and topics.

TEST_F(consumer_group_test,
       member_gives_up_a_topic_that_it_does_not_subscribe_to_any_more_even_before_a_new_target) {
  step.config.consumer_defaults.assignment_interval_ms = 10'000;
  EXPECT_EQ(*join("a", {"t", "u"}).assignment, (owned_list{{t, {0, 1, 2, 3}}, {u, {0, 1}}}));
  auto change = beat_request("a", 2);
  change.subscribed_topic_names = std::vector<std::string>{"u"};
  EXPECT_EQ(*send(change).assignment, (owned_list{{u, {0, 1}}}));
  EXPECT_EQ(group->state(), group_state::assigning);
  EXPECT_EQ(state_of("a"), member_state::unrevoked_partitions);
  // Given back: the member does not go beyond the target that there is.
  EXPECT_EQ(beat("a", 2, {{u, {0, 1}}}).member_epoch, 2);
  step.pass(10'000);
  EXPECT_EQ(beat("a", 2, {{u, {0, 1}}}).member_epoch, 3);
  EXPECT_EQ(group->state(), group_state::stable);
}

TEST_F(consumer_group_test, targets_are_made_no_more_often_than_the_interval_says) {
  step.config.consumer_defaults.assignment_interval_ms = 5'000;
  EXPECT_EQ(join("a").member_epoch, 2);
  EXPECT_EQ(join("b").member_epoch, 2);
  EXPECT_EQ(group->content().group_epoch(), 3);
  EXPECT_EQ(group->state(), group_state::assigning);
  step.pass(4'999);
  EXPECT_FALSE(beat("a", 2).assignment);
  step.pass(1);
  EXPECT_TRUE(beat("a", 2).assignment);
  EXPECT_EQ(group->content().assignment_epoch(), 3);
}

TEST_F(consumer_group_test, new_partitions_new_topics_and_deleted_topics_are_noticed_by_the_next_heartbeat) {
  join("a", {"t", "later"});
  step.catalog.put("t", t, 5);
  EXPECT_EQ(*beat("a", 2, {{t, {0, 1, 2, 3}}}).assignment, (owned_list{{t, {0, 1, 2, 3, 4}}}));
  step.catalog.put("later", fake_topics::id_of(9), 1);
  EXPECT_EQ(*beat("a", 3, {{t, {0, 1, 2, 3, 4}}}).assignment,
            (owned_list{{t, {0, 1, 2, 3, 4}}, {fake_topics::id_of(9), {0}}}));
  step.catalog.erase("t");
  EXPECT_EQ(*beat("a", 4).assignment, (owned_list{{fake_topics::id_of(9), {0}}}));
  const auto epoch = group->content().group_epoch();
  step.catalog.put("unrelated", fake_topics::id_of(10), 1);
  beat("a", 4);
  EXPECT_EQ(group->content().group_epoch(), epoch);
}

TEST_F(consumer_group_test, topic_of_the_same_name_with_another_id_is_another_topic) {
  join("a");
  const auto again = fake_topics::id_of(77);
  step.catalog.erase("t");
  step.catalog.put("t", again, 4);
  EXPECT_TRUE(beat("a", 2, {{t, {0, 1, 2, 3}}}).assignment->empty());
  EXPECT_EQ(*beat("a", 2, {}).assignment, (owned_list{{again, {0, 1, 2, 3}}}));
}

TEST_F(consumer_group_test, pattern_matches_whole_names_internal_topics_too_and_follows_the_topics) {
  step.catalog.put("__internal", fake_topics::id_of(3), 1);
  auto request = join_request("a", {});
  request.subscribed_topic_names.reset();
  request.subscribed_topic_pattern = "t|__.*";
  EXPECT_EQ(*send(request).assignment, (owned_list{{t, {0, 1, 2, 3}}, {fake_topics::id_of(3), {0}}}));
  EXPECT_TRUE(group->is_subscribed_to("t"));
  EXPECT_TRUE(group->is_subscribed_to("__internal"));
  EXPECT_FALSE(group->is_subscribed_to("u"));

  step.catalog.put("__more", fake_topics::id_of(4), 1);
  step.catalog.put("tt", fake_topics::id_of(5), 1);
  EXPECT_EQ(beat("a", 2).member_epoch, 2);
  EXPECT_FALSE(resolve_patterns());
  EXPECT_TRUE(group->outdated_patterns(step.catalog.version()).empty());
  EXPECT_EQ(*beat("a", 2).assignment,
            (owned_list{{t, {0, 1, 2, 3}}, {fake_topics::id_of(3), {0}}, {fake_topics::id_of(4), {0}}}));
  EXPECT_EQ(memory(), replayed());

  // Nobody uses it any more: its record goes.
  auto change = beat_request("a", 3);
  change.subscribed_topic_pattern = "";
  change.subscribed_topic_names = std::vector<std::string>{"u"};
  send(change);
  EXPECT_TRUE(group->content().patterns().empty());
}

TEST_F(consumer_group_test, pattern_that_was_resolved_too_early_is_resolved_again) {
  auto request = join_request("a", {});
  request.subscribed_topic_pattern = "t+";
  EXPECT_EQ(*send(request).assignment, (owned_list{{t, {0, 1, 2, 3}}}));
  const auto early = step.catalog.version();
  step.catalog.put("tt", fake_topics::id_of(5), 1);
  const pattern_resolutions too_early{{"t+", {.fault = {}, .topics = {"t"}, .topics_version = early}}};
  EXPECT_FALSE(group->patterns_resolved(step, too_early));
  EXPECT_EQ(group->outdated_patterns(step.catalog.version()), std::vector<std::string>{"t+"});
  EXPECT_FALSE(resolve_patterns());
  EXPECT_EQ(*beat("a", 2).assignment, (owned_list{{t, {0, 1, 2, 3}}, {fake_topics::id_of(5), {0}}}));
}

TEST_F(consumer_group_test, what_patterns_come_to_is_left_for_later_when_it_cannot_be_written) {
  auto request = join_request("a", {});
  request.subscribed_topic_pattern = "t+";
  send(request);
  step.catalog.put("tt", fake_topics::id_of(5), 1);
  const auto before = memory();
  step.refusal = errc::not_available;
  EXPECT_EQ(resolve_patterns(), errc::not_available);
  EXPECT_EQ(memory(), before);
  step.refusal.clear();
  EXPECT_EQ(group->outdated_patterns(step.catalog.version()), std::vector<std::string>{"t+"});
}

TEST_F(consumer_group_test,
       pattern_of_another_broker_is_resolved_after_loading_and_kept_where_it_is_too_much) {
  auto request = join_request("a", {});
  request.subscribed_topic_pattern = "t+";
  send(request);
  // As if its record had not been written yet, and another had been that is not taken here.
  std::erase_if(log, [](const group_record& record) {
    return std::holds_alternative<consumer_group_regular_expression_record>(record);
  });
  const std::string costly = "(?:x|t){2000}u";
  consumer_group_member_metadata_value other;
  other.subscribed_topic_regex = costly;
  log.emplace_back(consumer_group_member_metadata_record{{"g", "b"}, other});
  log.emplace_back(consumer_group_regular_expression_record{{"g", costly}, {{{"u"}, 1, 1}}});
  restart();
  EXPECT_FALSE(group->is_subscribed_to("t"));
  EXPECT_FALSE(resolve_patterns());
  EXPECT_TRUE(group->is_subscribed_to("t"));
  EXPECT_TRUE(group->is_subscribed_to("u"));
}

TEST_F(consumer_group_test, pattern_goes_with_its_last_member) {
  for (const auto* id : {"a", "b"}) {
    auto request = join_request(id, {});
    request.subscribed_topic_pattern = ".";
    send(request);
  }
  leave("a");
  EXPECT_EQ(group->content().patterns().size(), 1U);
  leave("b");
  EXPECT_TRUE(group->content().patterns().empty());
}

TEST_F(consumer_group_test, assignor_with_most_votes_is_used) {
  EXPECT_EQ(group->describe(step.catalog, step.config).assignor_name, "uniform");
  for (const auto* id : {"a", "b", "c"}) {
    auto request = join_request(id, {"t", "u"});
    if (*id != 'b') request.server_assignor = "range";
    send(request);
  }
  EXPECT_EQ(group->describe(step.catalog, step.config).assignor_name, "range");
  settle({"a", "b", "c"});
  EXPECT_EQ(test::text_of(*join("a", {"t", "u"}).assignment), "1:0,1 2:0");
  EXPECT_EQ(test::text_of(*join("c", {"t", "u"}).assignment), "1:3");
}

// Commits.

TEST_F(consumer_group_test, commits_are_checked_against_member_and_epoch) {
  two_members();
  const auto commit = [&](const std::string& member, std::int32_t epoch, std::int32_t partition,
                          commit_kind kind = commit_kind::plain) {
    commit_request request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_or_epoch = epoch;
    request.topics = {{"t", t, {{partition, {}}}}};
    return group->check_commit(request, kind, step.catalog);
  };
  EXPECT_FALSE(commit("a", 3, 0));
  EXPECT_FALSE(commit("a", 2, 0)) << "held since epoch 2";
  EXPECT_EQ(commit("a", 2, 2), errc::stale_member_epoch) << "not held any more";
  EXPECT_EQ(commit("b", 2, 2), errc::stale_member_epoch) << "held since epoch 3";
  EXPECT_EQ(commit("a", 1, 0), errc::stale_member_epoch);
  EXPECT_EQ(commit("a", 4, 0), errc::stale_member_epoch);
  EXPECT_EQ(commit("a", -1, 0), errc::stale_member_epoch);
  EXPECT_EQ(commit("x", 3, 0), errc::unknown_member);
  EXPECT_EQ(commit("", -1, 0), errc::unknown_member);
  constexpr auto transactional = commit_kind::transactional;
  EXPECT_FALSE(commit("a", 3, 0, transactional));
  EXPECT_EQ(commit("a", 1, 0, transactional), errc::stale_member_epoch);
  EXPECT_EQ(commit("a", -1, 0, transactional), errc::stale_member_epoch);
  EXPECT_EQ(commit("x", 3, 0, transactional), errc::unknown_member);
  EXPECT_FALSE(commit("", -1, 0, transactional)) << "names no member";

  fetch_offsets_request fetch;
  fetch.group_id = "g";
  EXPECT_FALSE(group->check_fetch(fetch));
  fetch.member_id = "a";
  fetch.member_epoch = 3;
  EXPECT_FALSE(group->check_fetch(fetch));
  fetch.member_epoch = 2;
  EXPECT_EQ(group->check_fetch(fetch), errc::stale_member_epoch);
  fetch.member_id = "x";
  EXPECT_EQ(group->check_fetch(fetch), errc::unknown_member);

  leave("a");
  leave("b");
  EXPECT_FALSE(commit("", -1, 0)) << "nobody is in the way";
}

// Writing, restarting, deleting.

TEST_F(consumer_group_test, refused_write_changes_nothing) {
  with_a_newcomer();
  const auto before = memory();
  step.refusal = errc::not_available;
  EXPECT_EQ(join("d").error, errc::not_available);
  EXPECT_EQ(leave("a").error, errc::not_available);
  EXPECT_EQ(beat("b", 3, {{t, {2}}}).error, errc::not_available);
  auto change = beat_request("b", epoch_of("b"));
  change.subscribed_topic_pattern = ".*";
  EXPECT_EQ(send(change).error, errc::not_available);
  step.pass(100'000);
  advance();
  EXPECT_EQ(memory(), before);
  EXPECT_GT(group->next_deadline_ms(), step.now);

  step.refusal.clear();
  step.pass(1'000);
  advance();
  EXPECT_TRUE(group->is_empty());
}

TEST_F(consumer_group_test, members_go_on_after_a_restart) {
  with_a_newcomer();
  restart();
  EXPECT_EQ(group->next_deadline_ms(), step.now + 45'000);
  EXPECT_FALSE(beat("b", 3).assignment);
  EXPECT_EQ(beat("b", 3, {{t, {2}}}).member_epoch, 4);
  settle({"a", "b", "c"});
  EXPECT_EQ(group->state(), group_state::stable);
}

TEST_F(consumer_group_test, broker_that_comes_back_in_another_rack_begins_a_new_epoch) {
  step.catalog.set_rack("here");
  join("a");
  restart();
  EXPECT_EQ(beat("a", 2).member_epoch, 2);
  step.catalog.set_rack("there");
  restart();
  EXPECT_EQ(beat("a", 2).member_epoch, 3);
  EXPECT_EQ(group->content().group_epoch(), 3);
}

TEST_F(consumer_group_test, tombstones_take_everything_back) {
  with_a_newcomer();
  auto request = join_request("p", {});
  request.subscribed_topic_pattern = ".*";
  send(request);
  for (const auto& record : group->tombstones()) {
    group->replay(record);
    log.push_back(record);
  }
  EXPECT_FALSE(group->is_there());
  EXPECT_TRUE(group->content().targets().empty());
  EXPECT_TRUE(group->content().patterns().empty());
}

TEST_F(consumer_group_test, records_of_a_directory_that_came_from_elsewhere_are_put_in_order) {
  consumer_group_current_member_assignment_value odd;
  odd.member_epoch = 7;
  odd.state = 99;
  odd.assigned_partitions = {{t, {3, 1, 1}, std::nullopt}, {u, {}, std::nullopt}};
  group->replay(consumer_group_current_member_assignment_record{{"g", "a"}, odd});
  const auto& member = *group->content().find("a");
  EXPECT_EQ(member.current.state, member_state::unrevoked_partitions);
  EXPECT_EQ(member.current.assigned, (held_partitions{{t, {{1, 7}, {3, 7}}}}));
  EXPECT_EQ(group->content().owner_of(t, 3), &member);
  EXPECT_EQ(group->content().owner_of(t, 0), nullptr);
  log.emplace_back(consumer_group_current_member_assignment_record{{"g", "a"}, odd});
}

TEST_F(consumer_group_test, description_has_members_topics_and_epochs) {
  two_members();
  const auto described = group->describe(step.catalog, step.config);
  EXPECT_EQ(described.state, group_state::stable);
  EXPECT_EQ(described.group_epoch, 3);
  EXPECT_EQ(described.assignment_epoch, 3);
  ASSERT_EQ(described.members.size(), 2U);
  EXPECT_EQ(described.members[0].assignment.at(0).name, "t");
  EXPECT_EQ(described.members[0].target_assignment.at(0).partitions, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(group->listing().type, group_type::consumer);
  EXPECT_EQ(group->listing().protocol_type, "consumer");
}

}  // namespace
}  // namespace tidelog::coordinator
