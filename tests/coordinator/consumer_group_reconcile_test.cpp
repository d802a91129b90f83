// Every state of a member against everything that can have happened since its last heartbeat.
#include "consumer_group_reconcile.hpp"

#include "support_group_step.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

namespace tidelog::coordinator {
namespace {

const auto t = test::fake_topics::id_of(1);
const auto u = test::fake_topics::id_of(2);

/// What the member says of the partitions that it is to give back.
enum class said { nothing, has_all, gave_back };
/// The target: as the member has it; without its partition 1; with 2, which is free; with 3, which another holds; all
/// three changes at once.
enum class target { same, less, more, awaited, everything };

constexpr auto stable = member_state::stable;
constexpr auto unrevoked = member_state::unrevoked_partitions;
constexpr auto unreleased = member_state::unreleased_partitions;

struct row {
  member_state from;
  said tells;
  target to;
  subscription_change subscription;
  // What follows. The member has 0 and 1 at epoch 5 (unrevoked: and is to give back 9); the target is of epoch 6.
  member_state state;
  std::int32_t epoch;
  std::vector<std::int32_t> has;
  std::vector<std::int32_t> gives;
};

std::ostream& operator<<(std::ostream& out, const row& of) {
  return out << "state " << static_cast<int>(of.from) << " said " << static_cast<int>(of.tells) << " target "
             << static_cast<int>(of.to) << " subscription " << static_cast<int>(of.subscription);
}

topic_partitions partitions_of(target which) {
  switch (which) {
    case target::same:
      return {{t, {0, 1}}};
    case target::less:
      return {{t, {0}}};
    case target::more:
      return {{t, {0, 1, 2}}};
    case target::awaited:
      return {{t, {0, 1, 3}}};
    case target::everything:
      return {{t, {0, 2, 3}}};
  }
  return {};
}

std::vector<std::int32_t> indexes(const held_partitions& held) {
  std::vector<std::int32_t> result;
  for (const auto& [topic, partitions] : held) {
    for (const auto& one : partitions) result.push_back(one.index);
  }
  return result;
}

constexpr auto none = subscription_change::none;
/// The member does not subscribe to t any more.
constexpr auto changed = subscription_change::changed;

const std::vector<row> table{
    {stable, said::nothing, target::same, none, stable, 6, {0, 1}, {}},
    {stable, said::nothing, target::less, none, unrevoked, 5, {0}, {1}},
    {stable, said::has_all, target::less, none, unrevoked, 5, {0}, {1}},
    {stable, said::gave_back, target::less, none, stable, 6, {0}, {}},
    {stable, said::nothing, target::more, none, stable, 6, {0, 1, 2}, {}},
    {stable, said::nothing, target::awaited, none, unreleased, 6, {0, 1}, {}},
    {stable, said::has_all, target::everything, none, unrevoked, 5, {0}, {1}},
    {stable, said::gave_back, target::everything, none, unreleased, 6, {0, 2}, {}},
    {stable, said::has_all, target::same, changed, unrevoked, 5, {}, {0, 1}},
    {stable, said::gave_back, target::more, changed, stable, 6, {}, {}},

    {unrevoked, said::nothing, target::same, none, unrevoked, 5, {0, 1}, {9}},
    {unrevoked, said::has_all, target::everything, none, unrevoked, 5, {0, 1}, {9}},
    {unrevoked, said::gave_back, target::same, none, stable, 6, {0, 1}, {}},
    {unrevoked, said::gave_back, target::less, none, stable, 6, {0}, {}},
    {unrevoked, said::gave_back, target::more, none, stable, 6, {0, 1, 2}, {}},
    {unrevoked, said::gave_back, target::awaited, none, unreleased, 6, {0, 1}, {}},
    {unrevoked, said::nothing, target::same, changed, unrevoked, 5, {}, {0, 1, 9}},
    {unrevoked, said::has_all, target::more, changed, unrevoked, 5, {}, {0, 1, 9}},

    {unreleased, said::nothing, target::same, none, stable, 6, {0, 1}, {}},
    {unreleased, said::nothing, target::less, none, unrevoked, 5, {0}, {1}},
    {unreleased, said::gave_back, target::less, none, stable, 6, {0}, {}},
    {unreleased, said::has_all, target::more, none, stable, 6, {0, 1, 2}, {}},
    {unreleased, said::has_all, target::awaited, none, unreleased, 6, {0, 1}, {}},
    {unreleased, said::has_all, target::more, changed, unrevoked, 5, {}, {0, 1}},
};

class reconcile_table : public testing::TestWithParam<row> {};

TEST_P(reconcile_table, member_goes_one_step_on) {
  const auto& of = GetParam();
  member_assignment current;
  current.epoch = 5;
  current.previous_epoch = 4;
  current.state = of.from;
  current.assigned = {{t, {{0, 2}, {1, 5}}}};
  if (of.from == unrevoked) current.pending_revocation = {{t, {{9, 1}}}};
  const auto goal = partitions_of(of.to);
  const std::set<model::topic_id> subscribed{of.subscription == none ? t : u};
  std::optional<topic_partitions> owned;
  if (of.tells == said::has_all) owned = topic_partitions{{t, {0, 1, 9}}};
  // 1 is what every smaller target lacks.
  if (of.tells == said::gave_back)
    owned = of.subscription == none ? topic_partitions{{t, {0}}} : topic_partitions{};
  const std::function<bool(const model::topic_id&, std::int32_t)> is_free =
      [](const model::topic_id&, std::int32_t partition) { return partition != 3; };

  const auto next = reconcile({current, 6, goal, subscribed, of.subscription, owned, is_free});
  EXPECT_EQ(next.state, of.state);
  EXPECT_EQ(next.epoch, of.epoch);
  EXPECT_EQ(indexes(next.assigned), of.has);
  EXPECT_EQ(indexes(next.pending_revocation), of.gives);
  for (const auto& [topic, held] : next.assigned) {
    for (const auto& one : held) {
      const auto since = one.index == 0 ? 2 : one.index == 1 ? 5 : 6;
      EXPECT_EQ(one.epoch, since) << "partition " << one.index;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, reconcile_table, testing::ValuesIn(table));

member_assignment at_target(member_state state) {
  member_assignment current;
  current.epoch = 6;
  current.previous_epoch = 5;
  current.state = state;
  current.assigned = {{t, {{0, 2}}}};
  return current;
}

member_assignment step_on(const member_assignment& current, const topic_partitions& goal,
                          subscription_change subscription, const std::set<model::topic_id>& subscribed) {
  const std::optional<topic_partitions> owned;
  const std::function<bool(const model::topic_id&, std::int32_t)> is_free =
      [](const model::topic_id&, std::int32_t partition) { return partition != 3; };
  return reconcile({current, 6, goal, subscribed, subscription, owned, is_free});
}

TEST(reconcile, member_at_its_target_stays_as_it_is) {
  const auto current = at_target(stable);
  EXPECT_EQ(step_on(current, {{t, {0}}}, none, {t}), current);
  EXPECT_EQ(step_on(current, {{t, {0}}}, changed, {t}), current);
}

TEST(reconcile, member_that_goes_on_waiting_stays_as_it_is) {
  const auto current = at_target(unreleased);
  EXPECT_EQ(step_on(current, {{t, {0, 3}}}, none, {t}), current);
}

TEST(reconcile, member_at_its_target_gives_back_what_it_does_not_subscribe_to) {
  const auto next = step_on(at_target(stable), {{t, {0}}}, changed, {u});
  EXPECT_EQ(next.state, unrevoked);
  EXPECT_EQ(next.epoch, 6);
  EXPECT_TRUE(next.assigned.empty());
  EXPECT_EQ(next.pending_revocation, (held_partitions{{t, {{0, 2}}}}));
}

TEST(reconcile, member_never_goes_beyond_the_target_that_there_is) {
  auto current = at_target(unrevoked);
  current.pending_revocation = {{u, {{0, 2}}}};
  const std::optional<topic_partitions> owned{topic_partitions{{t, {0}}}};
  const topic_partitions goal{{t, {0}}};
  const std::set<model::topic_id> subscribed{t};
  const std::function<bool(const model::topic_id&, std::int32_t)> is_free = [](const model::topic_id&,
                                                                               std::int32_t) { return true; };
  const auto next = reconcile({current, 6, goal, subscribed, none, owned, is_free});
  EXPECT_EQ(next.epoch, 6);
  EXPECT_EQ(next.state, stable);
}

}  // namespace
}  // namespace tidelog::coordinator
