// Random schedules: members of both protocols join, leave, crash, are slow to give back, lose answers and change what
// they subscribe to, while topics come, grow and go, writes are refused and the coordinator restarts. Whatever happens,
// no partition is read by two members at once, and members that are left alone end up with their targets.
#include "support/random_seed.hpp"
#include "support_consumer_world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>

namespace tidelog::coordinator {
namespace {

using test::consumer_world;
using test::fake_topics;
using test::owned_list;

using place = std::pair<model::topic_id, std::int32_t>;
using places = std::set<place>;

owned_list to_list(const places& from) {
  owned_list list;
  for (const auto& [topic, partition] : from) {
    if (list.empty() || list.back().topic_id != topic) list.push_back({topic, {}});
    list.back().partitions.push_back(partition);
  }
  return list;
}

places to_places(const owned_list& from) {
  places result;
  for (const auto& topic : from) {
    for (const auto partition : topic.partitions) result.emplace(topic.topic_id, partition);
  }
  return result;
}

enum class protocol_kind { consumer, classic };

/// What a client library does.
struct model_client {
  std::string id;
  std::optional<std::string> instance;
  protocol_kind kind = protocol_kind::consumer;
  /// Classic members give everything back before they join, or only what they have to.
  bool is_eager = false;
  std::vector<std::string> names;
  std::string pattern;

  std::int32_t epoch = 0;
  bool has_joined = false;
  bool must_sync = false;
  bool must_tell_everything = false;
  bool subscription_changed = false;
  /// What it reads.
  places owned;
  /// What it is to read in the end.
  places assigned;
};

class model : public consumer_world {
 public:
  explicit model(std::uint64_t seed) : random_(seed) {
    step.config.consumer_migration = migration_policy::upgrade;
    step.config.consumer_defaults.assignment_interval_ms = static_cast<std::int32_t>(pick(3) * 700);
    for (int count = 0; count < 3; ++count) new_topic();
    for (int count = 0; count < 3; ++count) new_client();
  }

  void disturb() {
    const auto before = memory();
    if (pick(20) == 0) step.refusal = make_error_code(errc::not_available);
    const auto had_refused = step.refused_writes;
    act();
    const bool was_refused = step.refused_writes > had_refused && !restarted_;
    EXPECT_TRUE(!was_refused || memory() == before) << "refused, yet changed";
    step.refusal.clear();
    restarted_ = false;
    check();
  }

  void settle_down() {
    // Long enough for whoever crashed to be missed.
    for (int round = 0; round < 200; ++round) {
      EXPECT_FALSE(resolve_patterns());
      for (auto& client : clients_) live(*client);
      step.pass(1'100);
      advance();
      check();
      if (testing::Test::HasFailure()) return;
    }
    expect_everybody_has_its_target();
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }
  model_client* any_client() { return clients_.empty() ? nullptr : clients_[pick(clients_.size())].get(); }

  void act() {
    auto* client = any_client();
    switch (pick(25)) {
      case 0:
        if (clients_.size() < 8) new_client();
        break;
      case 1:
        if (client != nullptr) crash(*client);
        break;
      case 2:
        if (client != nullptr) leave_group(*client);
        break;
      case 3:
        if (client != nullptr) come_back(*client);
        break;
      case 4:
        if (client != nullptr) change_subscription(*client);
        break;
      case 5:
        change_topics();
        break;
      case 6:
        restart();
        restarted_ = true;
        break;
      case 7:
        static_cast<void>(resolve_patterns());
        break;
      case 8:
      case 9:
      case 10:
        step.pass(static_cast<std::int64_t>(pick(4'000)));
        advance();
        break;
      default:
        if (client != nullptr) live(*client);
        break;
    }
  }

  void new_topic() {
    const auto name = "t" + std::to_string(pick(6));
    if (step.catalog.find(name)) return;
    step.catalog.put(name, fake_topics::id_of(static_cast<std::uint8_t>(++last_topic_id_)),
                     static_cast<std::int32_t>(1 + pick(5)));
  }

  void change_topics() {
    const auto name = "t" + std::to_string(pick(6));
    const auto topic = step.catalog.find(name);
    if (!topic) {
      if (last_topic_id_ < 250) new_topic();
    } else if (pick(2) == 0) {
      step.catalog.put(name, topic->id, topic->partition_count + 1);
    } else {
      step.catalog.erase(name);
    }
  }

  void choose_subscription(model_client& client) {
    client.names.clear();
    for (int number = 0; number < 6; ++number) {
      if (pick(2) == 0) client.names.push_back("t" + std::to_string(number));
    }
    const bool has_pattern = client.kind == protocol_kind::consumer && pick(3) == 0;
    client.pattern =
        has_pattern ? "t[" + std::to_string(pick(3)) + "-" + std::to_string(3 + pick(3)) + "]" : "";
  }

  /// Topics are t0 to t5, and patterns t[a-b].
  static bool subscribes_to(const model_client& client, const std::string& topic) {
    const auto& pattern = client.pattern;
    const bool matches = !pattern.empty() && topic[1] >= pattern[2] && topic[1] <= pattern[4];
    return matches || std::find(client.names.begin(), client.names.end(), topic) != client.names.end();
  }

  void new_client() {
    auto client = std::make_unique<model_client>();
    client->kind = !group->is_empty() && pick(3) == 0 ? protocol_kind::classic : protocol_kind::consumer;
    client->is_eager = pick(2) == 0;
    const bool is_consumer = client->kind == protocol_kind::consumer;
    if (is_consumer) client->id = "m" + std::to_string(++last_client_);
    if (is_consumer && pick(3) == 0) client->instance = "i" + std::to_string(last_client_);
    choose_subscription(*client);
    clients_.push_back(std::move(client));
  }

  void forget(const model_client& client) {
    // It may read on for a while: it counts as long as the coordinator has it among the members.
    std::erase_if(clients_, [&](const auto& one) { return one.get() == &client; });
  }

  void crash(model_client& client) {
    if (client.has_joined) ghosts_.emplace(client.id, client.owned);
    forget(client);
  }

  void leave_group(model_client& client) {
    if (client.has_joined && client.kind == protocol_kind::consumer) {
      if (leave(client.id, -1, client.instance).error == errc::not_available) return;
    }
    if (client.has_joined && client.kind == protocol_kind::classic) {
      test::caught<leave_answer> answer;
      group->leave(step, {"g", {{client.id, client.instance, ""}}}, answer.to());
      keep_log();
      if (answer.answer().error == errc::not_available) return;
    }
    forget(client);
  }

  /// A static member leaves for a while and comes back as another process.
  void come_back(model_client& client) {
    if (!client.instance || !client.has_joined) return;
    if (leave(client.id, -2, client.instance).error) return;
    client.id = "m" + std::to_string(++last_client_);
    abandon(client);
  }

  void change_subscription(model_client& client) {
    choose_subscription(client);
    client.subscription_changed = true;
    if (client.kind == protocol_kind::classic) client.epoch = 0;
  }

  static void abandon(model_client& client) {
    client.has_joined = false;
    client.must_sync = false;
    client.epoch = 0;
    client.owned.clear();
    client.assigned.clear();
  }

  void live(model_client& client) {
    if (client.kind == protocol_kind::consumer) {
      live_as_consumer(client);
    } else if (!client.has_joined || client.epoch == 0) {
      join_as_classic(client);
    } else if (client.must_sync) {
      sync_as_classic(client);
    } else {
      beat_as_classic(client);
    }
  }

  consumer_heartbeat_request next_request(model_client& client) {
    auto request = beat_request(client.id, client.has_joined ? client.epoch : 0);
    request.instance_id = client.instance;
    const bool tells_everything = !client.has_joined || client.must_tell_everything;
    if (tells_everything) request.rebalance_timeout_ms = 20'000;
    if (tells_everything || client.subscription_changed) {
      request.subscribed_topic_names = client.names;
      request.subscribed_topic_pattern = client.pattern;
    }
    if (tells_everything || pick(3) != 0) request.owned = to_list(client.owned);
    return request;
  }

  void live_as_consumer(model_client& client) {
    // Giving back takes its time.
    for (auto at = client.owned.begin(); client.has_joined && at != client.owned.end();) {
      at = !client.assigned.contains(*at) && pick(3) != 0 ? client.owned.erase(at) : std::next(at);
    }
    const auto answer = send(next_request(client));
    if (answer.error == errc::not_available) {
      client.must_tell_everything = client.has_joined;
      return;
    }
    if (answer.error == errc::unreleased_instance_id) return;
    if (answer.error) {
      EXPECT_TRUE(answer.error == errc::fenced_member_epoch || answer.error == errc::unknown_member ||
                  answer.error == errc::group_not_found)
          << answer.error.message() << " " << answer.error_message;
      abandon(client);
      return;
    }
    if (pick(12) == 0) {
      // The answer is lost; a client then tells everything, with the epoch that it knows.
      client.must_tell_everything = client.has_joined;
      return;
    }
    client.has_joined = true;
    client.must_tell_everything = false;
    client.subscription_changed = false;
    client.epoch = answer.member_epoch;
    if (answer.assignment) adopt(client, to_places(*answer.assignment), protocol_kind::consumer);
  }

  void join_as_classic(model_client& client) {
    if (group->is_empty()) return;
    if (client.is_eager) client.owned.clear();
    std::vector<codec::consumer_protocol_topic> owned;
    for (const auto& topic : to_list(client.owned)) {
      if (const auto known = step.catalog.find(topic.topic_id))
        owned.push_back({known->name, topic.partitions});
    }
    auto request = classic_join_request(client.id, client.names, owned);
    const auto answer = classic_join(request);
    if (answer.error == errc::member_id_required) client.id = answer.member_id;
    if (answer.error) return;
    client.has_joined = true;
    client.must_sync = true;
    client.epoch = answer.generation;
  }

  void sync_as_classic(model_client& client) {
    const auto answer = classic_sync(client.id, client.epoch);
    if (classic_failed(client, answer.error)) return;
    const auto assignment = read_assignment(answer.assignment);
    ASSERT_TRUE(assignment);
    places assigned;
    for (const auto& topic : assignment->assigned_partitions) {
      const auto known = step.catalog.find(topic.topic);
      ASSERT_TRUE(known);
      for (const auto partition : topic.partitions) assigned.emplace(known->id, partition);
    }
    client.must_sync = false;
    const auto before = client.owned;
    adopt(client, assigned, protocol_kind::classic);
    // Who gave something back joins once more, so that others can have it.
    if (!std::includes(client.owned.begin(), client.owned.end(), before.begin(), before.end()))
      client.epoch = 0;
  }

  void beat_as_classic(model_client& client) {
    classic_failed(client, classic_beat(client.id, client.epoch).error);
  }

  bool classic_failed(model_client& client, std::error_code error) {
    if (!error) return false;
    if (error == errc::rebalance_in_progress) {
      client.epoch = 0;
    } else {
      EXPECT_TRUE(error == errc::unknown_member || error == errc::illegal_generation) << error.message();
      if (client.has_joined) ghosts_.emplace(client.id, places{});
      abandon(client);
      client.id.clear();
    }
    return true;
  }

  /// The client reads what is new, and stops reading what it is not to read (classic) or will (consumer).
  void adopt(model_client& client, const places& assigned, protocol_kind kind) {
    client.assigned = assigned;
    for (const auto& one : assigned) {
      if (client.owned.insert(one).second) expect_nobody_else_reads(client, one);
    }
    if (kind == protocol_kind::classic) client.owned = assigned;
    std::set<std::string> subscribed;
    const auto* member = group->content().find(client.id);
    ASSERT_NE(member, nullptr);
    for (auto& name : group->content().subscribed_topics_of(*member)) subscribed.insert(name);
    for (const auto& one : assigned) {
      const auto topic = step.catalog.find(one.first);
      EXPECT_TRUE(!topic || subscribed.contains(topic->name))
          << client.id << " was given what it did not ask for";
    }
  }

  void expect_nobody_else_reads(const model_client& reader, const place& what) {
    for (const auto& other : clients_) {
      const bool counts = other.get() != &reader && other->owned.contains(what) && is_member(other->id);
      EXPECT_FALSE(counts) << other->id << " and " << reader.id << " both read it";
    }
    for (const auto& [id, owned] : ghosts_) {
      EXPECT_FALSE(id != reader.id && owned.contains(what) && is_member(id)) << id << " may still read it";
    }
  }

  bool is_member(const std::string& id) const { return group->content().find(id) != nullptr; }

  void check() {
    const auto& state = group->content();
    EXPECT_GE(state.group_epoch(), last_epoch_) << "the group epoch went back";
    last_epoch_ = state.group_epoch();
    places taken;
    for (const auto& [id, member] : state.members()) {
      for (const auto* held : {&member.current.assigned, &member.current.pending_revocation}) {
        for (const auto& [topic, partitions] : *held) {
          for (const auto& one : partitions) {
            EXPECT_TRUE(taken.emplace(topic, one.index).second) << "two owners";
            EXPECT_EQ(state.owner_of(topic, one.index), &member);
          }
        }
      }
      EXPECT_LE(member.current.epoch, state.group_epoch());
      if (member.current.epoch >= 0) {
        EXPECT_GE(member.current.epoch, epochs_[id]) << id << "'s epoch went back";
        epochs_[id] = member.current.epoch;
      }
    }
    if (pick(10) == 0) {
      EXPECT_EQ(memory(), replayed());
    }
  }

  void expect_everybody_has_its_target() {
    const auto& state = group->content();
    if (clients_.empty()) return;
    EXPECT_EQ(state.state(), group_state::stable) << memory();
    EXPECT_EQ(state.members().size(), clients_.size());
    places read;
    for (const auto& client : clients_) {
      places target;
      for (const auto& [topic, partitions] : state.target_of(client->id)) {
        for (const auto partition : partitions) target.emplace(topic, partition);
      }
      EXPECT_EQ(client->owned, target) << client->id;
      read.insert(client->owned.begin(), client->owned.end());
    }
    places wanted;
    step.catalog.for_each([&](const topic_summary& topic) {
      const bool is_wanted = std::any_of(clients_.begin(), clients_.end(), [&](const auto& client) {
        return subscribes_to(*client, topic.name);
      });
      for (std::int32_t at = 0; is_wanted && at < topic.partition_count; ++at) wanted.emplace(topic.id, at);
    });
    EXPECT_EQ(read, wanted) << "somebody reads everything that is subscribed to";
  }

  std::mt19937_64 random_;
  std::vector<std::unique_ptr<model_client>> clients_;
  /// Crashed clients and what they read.
  std::map<std::string, places> ghosts_;
  std::map<std::string, std::int32_t> epochs_;
  std::int32_t last_epoch_ = 0;
  int last_client_ = 0;
  int last_topic_id_ = 0;
  bool restarted_ = false;
};

TEST(consumer_group_model, no_partition_has_two_readers_and_members_left_alone_get_their_targets) {
  const auto seed = test::random_seed();
  for (std::uint64_t schedule = 0; schedule < 60; ++schedule) {
    SCOPED_TRACE(schedule);
    model world(seed + schedule);
    for (int at = 0; at < 300 && !testing::Test::HasFailure(); ++at) {
      SCOPED_TRACE(at);
      world.disturb();
    }
    if (testing::Test::HasFailure()) return;
    world.settle_down();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tidelog::coordinator
