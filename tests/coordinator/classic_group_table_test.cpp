// Every state of a classic group against every event: what is answered, and where the group is afterwards.
//
// The group has a leader, a follower and a static member "s". In preparing_rebalance the follower has rejoined with
// another subscription and waits; the others have not.

#include "coordinator/support_classic_world.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

namespace tidelog::test {
namespace {

using coordinator::commit_kind;
using coordinator::errc;
using coordinator::group_state;

constexpr std::array states = {group_state::empty, group_state::preparing_rebalance,
                               group_state::completing_rebalance, group_state::stable, group_state::dead};

std::string name_of(group_state state) {
  switch (state) {
    case group_state::empty:
      return "empty";
    case group_state::preparing_rebalance:
      return "preparing";
    case group_state::completing_rebalance:
      return "completing";
    case group_state::stable:
      return "stable";
    default:
      return "dead";
  }
}

struct scene : classic_world {
  std::string leader_id = "nobody";
  std::string follower_id = "nobody";
  std::string static_id = "nobody";
  caught<coordinator::join_answer> parked;

  explicit scene(group_state state) {
    if (state == group_state::empty) return;
    const auto ids = gather({request("", "leader"), request("", "follower"), static_request("s")});
    leader_id = ids[0];
    follower_id = ids[1];
    static_id = ids[2];
    if (state == group_state::completing_rebalance) return;
    sync_all(ids);
    if (state == group_state::stable) return;
    parked = join(changed(follower_id));
    if (state == group_state::preparing_rebalance) return;
    group.give_up(step, make_error_code(errc::not_coordinator));
    step.deliver();
  }
  static coordinator::join_request changed(const std::string& member_id) {
    auto made = request(member_id);
    made.protocols[0].metadata = subscription_to({"t", "u"});
    return made;
  }
  std::string sync_with(const std::function<void(coordinator::sync_request&)>& change) {
    coordinator::sync_request made{"g", group.generation(), follower_id, {}, {}, {}, {}};
    change(made);
    return outcome_of(sync(made));
  }
  std::string commit(std::int32_t generation, const std::string& member_id,
                     const std::optional<std::string>& instance_id = {},
                     commit_kind kind = commit_kind::plain) {
    coordinator::commit_request made;
    made.generation_or_epoch = generation;
    made.member_id = member_id;
    made.instance_id = instance_id;
    return outcome_name(group.check_commit(step, made, kind));
  }
  std::string commit_in_transaction(std::int32_t generation, const std::string& member_id,
                                    const std::optional<std::string>& instance_id = {}) {
    return commit(generation, member_id, instance_id, commit_kind::transactional);
  }
  std::string leave_static() {
    const auto got = leave({{"", "s", ""}});
    return outcome_name(got.answer().error ? got.answer().error : got.answer().members.at(0).error);
  }
};

struct event {
  std::string name;
  std::function<std::string(scene&)> happens;
  /// "answer/state afterwards", in the order of `states`.
  std::array<std::string, states.size()> expected;
};

coordinator::join_request telling_id() {
  auto made = classic_world::request();
  made.without_member_id = coordinator::first_join::tells_member_id;
  return made;
}
coordinator::join_request without_protocols(const std::string& member_id) {
  auto made = classic_world::request(member_id);
  made.protocols.clear();
  return made;
}
coordinator::join_request of_other_type(const std::string& member_id) {
  auto made = classic_world::request(member_id);
  made.protocol_type = "connect";
  return made;
}
coordinator::join_request with_session(std::int32_t session_ms) {
  auto made = classic_world::request();
  made.session_timeout_ms = session_ms;
  return made;
}

const std::string gone = "not_available/dead";

std::vector<event> join_events() {
  return {
      {"join of a new member",
       [](scene& s) { return outcome_of(s.join(s.request())); },
       {"waits/preparing", "waits/preparing", "waits/preparing", "waits/preparing", gone}},
      {"join of a new member that is told its id",
       [](scene& s) { return outcome_of(s.join(telling_id())); },
       {"member_id_required/empty", "member_id_required/preparing", "member_id_required/completing",
        "member_id_required/stable", gone}},
      {"join with an unknown id",
       [](scene& s) { return outcome_of(s.join(s.request("unheard"))); },
       {"unknown_member/empty", "unknown_member/preparing", "unknown_member/completing",
        "unknown_member/stable", gone}},
      {"join without protocols",
       [](scene& s) { return outcome_of(s.join(without_protocols(""))); },
       {"inconsistent_protocol/empty", "inconsistent_protocol/preparing", "inconsistent_protocol/completing",
        "inconsistent_protocol/stable", gone}},
      {"join with another protocol type",
       [](scene& s) { return outcome_of(s.join(of_other_type(s.leader_id))); },
       {"unknown_member/empty", "inconsistent_protocol/preparing", "inconsistent_protocol/completing",
        "inconsistent_protocol/stable", gone}},
      {"join with too short a session",
       [](scene& s) { return outcome_of(s.join(with_session(5'999))); },
       {"invalid_session_timeout/empty", "invalid_session_timeout/preparing",
        "invalid_session_timeout/completing", "invalid_session_timeout/stable", gone}},
      {"join with too long a session",
       [](scene& s) { return outcome_of(s.join(with_session(1'800'001))); },
       {"invalid_session_timeout/empty", "invalid_session_timeout/preparing",
        "invalid_session_timeout/completing", "invalid_session_timeout/stable", gone}},
      {"join of the leader as it was",
       [](scene& s) { return outcome_of(s.join(s.request(s.leader_id))); },
       {"unknown_member/empty", "waits/preparing", "ok/completing", "waits/preparing", gone}},
      {"join of a follower as it was",
       [](scene& s) { return outcome_of(s.join(s.request(s.follower_id))); },
       {"unknown_member/empty", "waits/preparing", "ok/completing", "ok/stable", gone}},
      {"join of a changed follower",
       [](scene& s) { return outcome_of(s.join(s.changed(s.follower_id))); },
       {"unknown_member/empty", "waits/preparing", "waits/preparing", "waits/preparing", gone}},
      {"join of a static member without id",
       [](scene& s) { return outcome_of(s.join(s.static_request("s"))); },
       {"waits/preparing", "waits/preparing", "waits/preparing", "ok/stable", gone}},
      {"join of a static member with a former id",
       [](scene& s) { return outcome_of(s.join(s.static_request("s", "former"))); },
       {"unknown_member/empty", "fenced_instance_id/preparing", "fenced_instance_id/completing",
        "fenced_instance_id/stable", gone}},
  };
}

std::vector<event> other_events() {
  return {
      {"sync of the leader",
       [](scene& s) { return outcome_of(s.sync(s.leader_id)); },
       {"unknown_member/empty", "rebalance_in_progress/preparing", "ok/stable", "ok/stable", gone}},
      {"sync of a follower",
       [](scene& s) { return s.sync_with([](auto&) {}); },
       {"unknown_member/empty", "rebalance_in_progress/preparing", "waits/completing", "ok/stable", gone}},
      {"sync of a former generation",
       [](scene& s) { return s.sync_with([](auto& made) { --made.generation; }); },
       {"unknown_member/empty", "illegal_generation/preparing", "illegal_generation/completing",
        "illegal_generation/stable", gone}},
      {"sync with another protocol",
       [](scene& s) { return s.sync_with([](auto& made) { made.protocol_name = "other"; }); },
       {"unknown_member/empty", "inconsistent_protocol/preparing", "inconsistent_protocol/completing",
        "inconsistent_protocol/stable", gone}},
      {"sync with another protocol type",
       [](scene& s) { return s.sync_with([](auto& made) { made.protocol_type = "other"; }); },
       {"unknown_member/empty", "inconsistent_protocol/preparing", "inconsistent_protocol/completing",
        "inconsistent_protocol/stable", gone}},
      {"heartbeat",
       [](scene& s) { return s.heartbeat(s.follower_id); },
       {"unknown_member/empty", "rebalance_in_progress/preparing", "ok/completing", "ok/stable", gone}},
      {"heartbeat of a former generation",
       [](scene& s) { return s.heartbeat(s.follower_id, s.group.generation() - 1); },
       {"unknown_member/empty", "illegal_generation/preparing", "illegal_generation/completing",
        "illegal_generation/stable", gone}},
      {"heartbeat of an unknown member",
       [](scene& s) { return s.heartbeat("unheard"); },
       {"unknown_member/empty", "unknown_member/preparing", "unknown_member/completing",
        "unknown_member/stable", gone}},
      {"leave of the leader",
       [](scene& s) { return s.leave(s.leader_id); },
       {"unknown_member/empty", "ok/preparing", "ok/preparing", "ok/preparing", gone}},
      {"leave of a follower",
       [](scene& s) { return s.leave(s.follower_id); },
       {"unknown_member/empty", "ok/preparing", "ok/preparing", "ok/preparing", gone}},
      {"leave of a static member by its instance id",
       [](scene& s) { return s.leave_static(); },
       {"unknown_member/empty", "ok/preparing", "ok/preparing", "ok/preparing", gone}},
      {"leave of an unknown member",
       [](scene& s) { return s.leave("unheard"); },
       {"unknown_member/empty", "unknown_member/preparing", "unknown_member/completing",
        "unknown_member/stable", gone}},
      {"commit of a member",
       [](scene& s) { return s.commit(s.group.generation(), s.follower_id); },
       {"unknown_member/empty", "ok/preparing", "rebalance_in_progress/completing", "ok/stable", gone}},
      {"commit of a former generation",
       [](scene& s) { return s.commit(s.group.generation() - 1, s.follower_id); },
       {"ok/empty", "illegal_generation/preparing", "illegal_generation/completing",
        "illegal_generation/stable", gone}},
      {"commit of nobody's",
       [](scene& s) { return s.commit(-1, ""); },
       {"ok/empty", "unknown_member/preparing", "unknown_member/completing", "unknown_member/stable", gone}},
      {"transactional commit of a member",
       [](scene& s) { return s.commit_in_transaction(s.group.generation(), s.follower_id); },
       {"unknown_member/empty", "ok/preparing", "ok/completing", "ok/stable", gone}},
      {"transactional commit of a former generation",
       [](scene& s) { return s.commit_in_transaction(s.group.generation() - 1, s.follower_id); },
       {"ok/empty", "illegal_generation/preparing", "illegal_generation/completing",
        "illegal_generation/stable", gone}},
      {"transactional commit of a static member that was replaced",
       [](scene& s) { return s.commit_in_transaction(s.group.generation(), "former", "s"); },
       {"unknown_member/empty", "fenced_instance_id/preparing", "fenced_instance_id/completing",
        "fenced_instance_id/stable", gone}},
      {"transactional commit of nobody's",
       [](scene& s) { return s.commit_in_transaction(-1, ""); },
       {"ok/empty", "ok/preparing", "ok/completing", "ok/stable", gone}},
      {"end of all sessions",
       [](scene& s) {
         s.pass(s.session_ms);
         return std::string("ok");
       },
       {"ok/empty", "ok/completing", "ok/empty", "ok/empty", "ok/dead"}},
  };
}

void check(const event& row) {
  for (std::size_t i = 0; i < states.size(); ++i) {
    scene world(states[i]);
    ASSERT_EQ(name_of(world.group.state()), name_of(states[i]));
    const auto before = world.group.generation();
    const auto outcome = row.happens(world);
    EXPECT_EQ(outcome + "/" + name_of(world.group.state()), row.expected[i])
        << row.name << " in " << name_of(states[i]);
    EXPECT_GE(world.group.generation(), before);
    // Whatever happened, what still waits is answered when the group goes.
    world.group.give_up(world.step, make_error_code(errc::not_coordinator));
    world.step.deliver();
    if (states[i] == group_state::preparing_rebalance) {
      EXPECT_TRUE(world.parked.has_answer()) << row.name;
    }
  }
}

TEST(classic_group_table, every_join_in_every_state) {
  for (const auto& row : join_events()) check(row);
}

TEST(classic_group_table, every_other_event_in_every_state) {
  for (const auto& row : other_events()) check(row);
}

}  // namespace
}  // namespace tidelog::test
