#include "assignor_range.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace tidelog::coordinator {
namespace {

/// Static members first, by instance id, then the others by member id.
std::vector<std::uint32_t> in_order(const std::vector<assignor_member>& members) {
  std::vector<std::uint32_t> order(members.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t left, std::uint32_t right) {
    const auto& a = members[left];
    const auto& b = members[right];
    if (a.instance_id.has_value() != b.instance_id.has_value()) return a.instance_id.has_value();
    if (a.instance_id) return *a.instance_id < *b.instance_id;
    return a.member_id < b.member_id;
  });
  return order;
}

}  // namespace

assignor_output assign_by_range(const assignor_input& input) {
  assignor_output result(input.members.size());
  std::vector<std::vector<std::uint32_t>> subscribers(input.topics.size());
  for (const auto member : in_order(input.members)) {
    for (const auto topic : input.members[member].topics) subscribers[topic].push_back(member);
  }
  for (std::size_t topic = 0; topic < input.topics.size(); ++topic) {
    const auto& members = subscribers[topic];
    if (members.empty()) continue;
    const auto member_count = static_cast<std::int32_t>(members.size());
    const auto each = input.topics[topic].partition_count / member_count;
    const auto with_one_more = input.topics[topic].partition_count % member_count;
    std::int32_t next = 0;
    for (std::int32_t at = 0; at < member_count; ++at) {
      const auto size = each + (at < with_one_more ? 1 : 0);
      if (size == 0) break;
      auto& partitions = result[members[static_cast<std::size_t>(at)]][input.topics[topic].id];
      partitions.resize(static_cast<std::size_t>(size));
      std::iota(partitions.begin(), partitions.end(), next);
      next += size;
    }
  }
  return result;
}

}  // namespace tidelog::coordinator
