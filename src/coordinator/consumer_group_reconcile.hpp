#pragma once
// One step of a member towards its target: what it keeps, what it has to give back, what it gets.
//
//   stable ──new target──▶ unrevoked_partitions ──told that it gave back──▶ unreleased_partitions ──all free──▶ stable
//                (only the states that there is something to do in; every step may lead straight to the last)

#include "consumer_group_state.hpp"

#include <functional>
#include <optional>
#include <set>

namespace tidelog::coordinator {

enum class subscription_change { none, changed };

/// References outlive the call.
struct reconciliation {
  const member_assignment& current;
  std::int32_t target_epoch;
  const topic_partitions& target;
  /// Of the member's subscription as it is now; what is not among them is given back, whatever the target says.
  const std::set<model::topic_id>& subscribed;
  subscription_change subscription = subscription_change::none;
  /// What the member says it has; absent when it did not say.
  const std::optional<topic_partitions>& owned;
  /// Whether nobody but the member itself holds the partition.
  const std::function<bool(const model::topic_id&, std::int32_t)>& is_free;
};

/// Pure. The result is `current` when nothing can be done yet.
[[nodiscard]] member_assignment reconcile(const reconciliation& of);

}  // namespace tidelog::coordinator
