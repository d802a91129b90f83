#pragma once
// The assignor "uniform": all members have the same number of partitions, give or take one, as far as their
// subscriptions allow, and keep what they had as far as that allows.
//
// Where all members subscribe to the same topics each has its quota: it keeps its partitions up to that, and what is left
// over goes round. Where subscriptions differ, members keep all, what is free goes to whoever of its subscribers has
// least, and then partitions move, along chains of members if need be, from members with more to members with less until
// no such chain would help. That search is given up after a bounded effort: the assignment is then complete and valid,
// and only less even.

#include "assignment.hpp"

namespace tidelog::coordinator {

/// Pure.
[[nodiscard]] assignor_output assign_uniformly(const assignor_input& input);

}  // namespace tidelog::coordinator
