// A classic group under clients that join, crash, come back and leave as they please, on a log that refuses now and then.

#include "coordinator/support_classic_world.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace tidelog::test {
namespace {

using coordinator::errc;
using coordinator::group_state;

/// What a client knows of the group.
struct client {
  std::string name;
  std::optional<std::string> instance_id;
  std::string member_id;
  std::int32_t generation = -1;
  bool leads = false;
  bool owes_sync = false;
  std::vector<std::string> members;
  coordinator::join_request wish;
  std::unique_ptr<caught<coordinator::join_answer>> join;
  std::unique_ptr<caught<coordinator::sync_answer>> sync;
};

class schedule {
 public:
  explicit schedule(std::uint64_t seed) : random_(seed) {
    world_.step.config.max_size = one_in(2) ? 5 : 100;
    for (int i = 0; i < 7; ++i) {
      auto& made = clients_.emplace_back();
      made.name = "c" + std::to_string(i);
      if (i < 3) made.instance_id = "s" + std::to_string(i);
      choose_protocols(made);
    }
  }

  void run(int events) {
    for (int i = 0; i < events && !testing::Test::HasFailure(); ++i) {
      world_.step.refusal = one_in(8) ? make_error_code(errc::not_available) : std::error_code();
      one_event();
      look();
    }
    drain();
  }

 private:
  bool one_in(unsigned n) { return random_() % n == 0; }

  void choose_protocols(client& of) {
    auto& wish = of.wish;
    wish = classic_world::request("", of.name);
    wish.instance_id = of.instance_id;
    wish.protocols.clear();
    const auto metadata = subscription_to({"t" + std::to_string(random_() % 3)});
    const bool likes_sticky = one_in(2);
    if (likes_sticky) wish.protocols.push_back({"sticky", metadata});
    wish.protocols.push_back({"range", metadata});
    if (!likes_sticky) wish.protocols.push_back({"sticky", metadata});
    wish.session_timeout_ms = one_in(2) ? 10'000 : 30'000;
    wish.rebalance_timeout_ms = one_in(2) ? 20'000 : 60'000;
    if (one_in(2)) wish.without_member_id = coordinator::first_join::tells_member_id;
    if (one_in(3)) wish.leader_skips = coordinator::skip_assignment::not_understood;
  }

  void one_event() {
    if (one_in(4)) {
      world_.step.pass(static_cast<std::int64_t>(random_() % 8'000));
      world_.group.advance(world_.step);
      return;
    }
    auto& of = clients_[random_() % clients_.size()];
    take_answers(of);
    const auto before = picture();
    const auto refused_before = world_.step.refused_writes;
    act(of);
    if (world_.step.refused_writes != refused_before) {
      EXPECT_EQ(picture(), before) << "a refused write changed the group";
    }
  }

  void act(client& of) {
    if (one_in(20)) return crash(of);
    if (of.join || of.sync) return;
    if (of.generation < 0 || one_in(20)) return send_join(of);
    if (of.owes_sync && !one_in(8)) return send_sync(of);
    if (one_in(20)) return send_leave(of);
    send_heartbeat(of);
  }

  void crash(client& of) {
    if (of.join) lost_joins_.push_back(std::move(of.join));
    if (of.sync) lost_syncs_.push_back(std::move(of.sync));
    of.join.reset();
    of.sync.reset();
    of.generation = -1;
    of.member_id.clear();
    choose_protocols(of);
  }

  void send_join(client& of) {
    if (one_in(6)) choose_protocols(of);
    of.wish.member_id = of.member_id;
    of.join = std::make_unique<caught<coordinator::join_answer>>();
    world_.group.join(world_.step, of.wish, of.join->to());
  }

  void send_sync(client& of) {
    coordinator::sync_request request{"g", of.generation, of.member_id, of.instance_id, {}, {}, {}};
    if (of.leads) {
      for (const auto& member : of.members) {
        const auto text = std::to_string(of.generation) + member;
        request.assignments.push_back({member, to_bytes(text)});
      }
    }
    of.sync = std::make_unique<caught<coordinator::sync_answer>>();
    world_.group.sync(world_.step, std::move(request), of.sync->to());
  }

  void send_heartbeat(client& of) {
    caught<coordinator::heartbeat_answer> told;
    world_.group.heartbeat(world_.step, {"g", of.generation, of.member_id, of.instance_id}, told.to());
    world_.step.deliver();
    if (told.answer().error == errc::rebalance_in_progress) return send_join(of);
    if (told.answer().error) forget(of, told.answer().error);
  }

  void send_leave(client& of) {
    caught<coordinator::leave_answer> told;
    world_.group.leave(world_.step, {"g", {{of.member_id, of.instance_id, ""}}}, told.to());
    world_.step.deliver();
    if (!told.answer().error) forget(of, make_error_code(errc::unknown_member));
  }

  static void forget(client& of, std::error_code why) {
    of.generation = -1;
    if (why == errc::unknown_member || why == errc::fenced_instance_id) of.member_id.clear();
  }

  void take_answers(client& of) {
    world_.step.deliver();
    if (of.join && of.join->has_answer()) {
      const auto answer = of.join->answer();
      of.join.reset();
      take_join(of, answer);
    }
    if (of.sync && of.sync->has_answer()) {
      const auto answer = of.sync->answer();
      of.sync.reset();
      if (answer.error) {
        forget(of, answer.error);
      } else {
        of.owes_sync = false;
        check_assignment(of, answer);
      }
    }
  }

  void take_join(client& of, const coordinator::join_answer& answer) {
    if (answer.error == errc::member_id_required) {
      of.member_id = answer.member_id;
      return;
    }
    if (answer.error) return forget(of, answer.error);
    ++answered_generations_;
    of.member_id = answer.member_id;
    EXPECT_GE(answer.generation, of.generation);
    of.generation = answer.generation;
    of.owes_sync = true;
    of.leads = answer.leader_id == answer.member_id && !answer.leader_skips_assignment;
    of.members.clear();
    for (const auto& member : answer.members) of.members.push_back(member.member_id);
    const auto protocol = answer.protocol_name.value_or("");
    const auto known = generations_.try_emplace(answer.generation, protocol, client_of(answer.leader_id));
    EXPECT_EQ(known.first->second.first, protocol) << "generation " << answer.generation;
    EXPECT_EQ(known.first->second.second, client_of(answer.leader_id)) << "generation " << answer.generation;
  }

  /// Whose member id this is: static members have several over time.
  static std::string client_of(const std::string& member_id) { return member_id.substr(0, 2); }

  void check_assignment(const client& of, const coordinator::sync_answer& answer) {
    const auto text = std::string(base::as_text(answer.assignment));
    if (text.empty()) return;
    const auto generation = std::to_string(of.generation);
    ASSERT_EQ(text.substr(0, generation.size()), generation) << "an assignment of another generation";
    EXPECT_EQ(client_of(text.substr(generation.size())), client_of(of.member_id));
    ++assignments_;
  }

  /// All that a refused write must not change.
  [[nodiscard]] std::string picture() const {
    auto text = fmt::format("{} {} {} ", static_cast<int>(world_.group.state()), world_.group.generation(),
                            world_.group.has_pending_members());
    for (const auto& member : world_.group.snapshot().members) text += member.member_id + " ";
    const auto record = encode_group_record(world_.group.record());
    return text + std::string(base::as_text(*record.value));
  }

  void look() {
    EXPECT_GE(world_.group.generation(), generation_) << "a generation went back";
    generation_ = world_.group.generation();
    const auto state = world_.group.state();
    const bool rests = state == group_state::stable || state == group_state::empty;
    if (!rests || world_.step.written.empty()) return;
    coordinator::classic_group restored("g");
    restored.replay(world_.last_record());
    EXPECT_EQ(encode_group_record(restored.record()).value, encode_group_record(world_.group.record()).value);
    EXPECT_EQ(restored.state(), state);
    for (const std::string topic : {"t0", "t1", "t2"}) {
      EXPECT_EQ(restored.is_subscribed_to(topic), world_.group.is_subscribed_to(topic)) << topic;
    }
  }

  /// Nobody comes any more: by its deadlines alone the group must end empty, with everybody answered.
  void drain() {
    world_.step.refusal = {};
    for (int i = 0; i < 1'000 && world_.group.next_deadline_ms() != coordinator::no_deadline; ++i) {
      world_.step.pass(std::max<std::int64_t>(world_.group.next_deadline_ms() - world_.step.now, 0));
      world_.group.advance(world_.step);
      look();
    }
    world_.step.deliver();
    EXPECT_EQ(world_.group.state(), group_state::empty);
    EXPECT_EQ(world_.group.member_count(), 0U);
    for (const auto& of : clients_) {
      if (of.join) {
        EXPECT_TRUE(of.join->has_answer()) << of.name << " still waits to join";
      }
      if (of.sync) {
        EXPECT_TRUE(of.sync->has_answer()) << of.name << " still waits to sync";
      }
    }
    for (const auto& lost : lost_joins_) EXPECT_TRUE(lost->has_answer());
    for (const auto& lost : lost_syncs_) EXPECT_TRUE(lost->has_answer());
    EXPECT_GT(answered_generations_, 0);
    EXPECT_GT(assignments_, 0);
  }

  std::mt19937_64 random_;
  classic_world world_;
  std::vector<client> clients_;
  std::vector<std::unique_ptr<caught<coordinator::join_answer>>> lost_joins_;
  std::vector<std::unique_ptr<caught<coordinator::sync_answer>>> lost_syncs_;
  /// Protocol and leader of each generation that somebody was told of.
  std::map<std::int32_t, std::pair<std::string, std::string>> generations_;
  std::int32_t generation_ = 0;
  int answered_generations_ = 0;
  int assignments_ = 0;
};

TEST(classic_group_random, whatever_clients_do_the_invariants_hold) {
  const auto seed = random_seed();
  for (std::uint64_t round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    schedule(seed + round).run(1'500);
  }
}

}  // namespace
}  // namespace tidelog::test
