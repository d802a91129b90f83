#include "consumer_group_reconcile.hpp"

#include <algorithm>

namespace tidelog::coordinator {
namespace {

/// Does the member still have any of `held`? One that did not say does.
bool still_owns(const std::optional<topic_partitions>& owned, const held_partitions& held) {
  if (!owned) return true;
  for (const auto& [topic, partitions] : held) {
    const auto in_topic = owned->find(topic);
    if (in_topic == owned->end()) continue;
    const auto& indexes = in_topic->second;
    const bool owns_one = std::any_of(partitions.begin(), partitions.end(), [&](const held_partition& one) {
      return std::binary_search(indexes.begin(), indexes.end(), one.index);
    });
    if (owns_one) return true;
  }
  return false;
}

void add_sorted(std::vector<held_partition>& into, const std::vector<held_partition>& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::sort(into.begin(), into.end(),
            [](const held_partition& left, const held_partition& right) { return left.index < right.index; });
}

/// The difference between what a member has and what it is to have.
struct difference {
  held_partitions kept;
  held_partitions to_revoke;
  held_partitions to_assign;
  bool waits_for_others = false;
};

void compare_topic(const reconciliation& of, const model::topic_id& topic, difference& result) {
  static const std::vector<std::int32_t> nothing;
  static const std::vector<held_partition> none;
  const auto target_at = of.target.find(topic);
  const bool is_wanted = target_at != of.target.end() && of.subscribed.contains(topic);
  const auto& wanted = is_wanted ? target_at->second : nothing;
  const auto current_at = of.current.assigned.find(topic);
  const auto& current = current_at == of.current.assigned.end() ? none : current_at->second;

  auto next = wanted.begin();
  const auto want = [&](std::int32_t index) {
    if (of.is_free(topic, index)) {
      result.to_assign[topic].push_back({index, of.target_epoch});
    } else {
      result.waits_for_others = true;
    }
  };
  for (const auto& held : current) {
    for (; next != wanted.end() && *next < held.index; ++next) want(*next);
    if (next != wanted.end() && *next == held.index) {
      result.kept[topic].push_back(held);
      ++next;
    } else {
      result.to_revoke[topic].push_back(held);
    }
  }
  for (; next != wanted.end(); ++next) want(*next);
}

member_assignment move_on(const reconciliation& of, std::int32_t epoch) {
  difference found;
  for (const auto& [topic, partitions] : of.target) compare_topic(of, topic, found);
  for (const auto& [topic, held] : of.current.assigned) {
    if (!of.target.contains(topic)) compare_topic(of, topic, found);
  }
  member_assignment next;
  next.previous_epoch = of.current.epoch;
  next.assigned = std::move(found.kept);
  if (!found.to_revoke.empty() && still_owns(of.owned, found.to_revoke)) {
    next.epoch = epoch;
    next.state = member_state::unrevoked_partitions;
    next.pending_revocation = std::move(found.to_revoke);
    return next;
  }
  next.epoch = of.target_epoch;
  next.state = found.waits_for_others ? member_state::unreleased_partitions : member_state::stable;
  for (const auto& [topic, held] : found.to_assign) add_sorted(next.assigned[topic], held);
  // A member that waits has nothing new to be told: its previous epoch stays the one that it may come with.
  if (next.epoch == of.current.epoch && next.state == of.current.state &&
      next.assigned == of.current.assigned && of.current.pending_revocation.empty()) {
    return of.current;
  }
  return next;
}

/// Without a new target: what is not subscribed to any more is to be given back.
member_assignment drop_unsubscribed(const reconciliation& of) {
  member_assignment next = of.current;
  for (auto at = next.assigned.begin(); at != next.assigned.end();) {
    if (of.subscribed.contains(at->first)) {
      ++at;
      continue;
    }
    add_sorted(next.pending_revocation[at->first], at->second);
    at = next.assigned.erase(at);
  }
  if (next.assigned == of.current.assigned) return of.current;
  if (still_owns(of.owned, next.pending_revocation)) {
    next.state = member_state::unrevoked_partitions;
  } else {
    next.pending_revocation.clear();
  }
  return next;
}

}  // namespace

member_assignment reconcile(const reconciliation& of) {
  const auto& current = of.current;
  const bool has_changed = of.subscription == subscription_change::changed;
  switch (current.state) {
    case member_state::stable:
      if (current.epoch != of.target_epoch) return move_on(of, current.epoch);
      return has_changed ? drop_unsubscribed(of) : current;
    case member_state::unrevoked_partitions:
      if (still_owns(of.owned, current.pending_revocation)) {
        return has_changed ? drop_unsubscribed(of) : current;
      }
      // What was revoked for a changed subscription must not take the member beyond a target that is not made yet.
      return move_on(of, std::min(current.epoch + 1, of.target_epoch));
    case member_state::unreleased_partitions:
      return move_on(of, current.epoch);
  }
  return current;
}

}  // namespace tidelog::coordinator
