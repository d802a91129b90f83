#pragma once
// The assignor "range": each topic is cut into consecutive ranges, one per member that subscribes to it, in the order of
// the members. Members with the same subscriptions thus get the same partitions of topics of the same size, so that
// these can be joined; earlier members have a partition more where it does not divide evenly. Static members stand in
// the order of their instance ids, so that a restart changes nothing.

#include "assignment.hpp"

namespace tidelog::coordinator {

/// Pure.
[[nodiscard]] assignor_output assign_by_range(const assignor_input& input);

}  // namespace tidelog::coordinator
