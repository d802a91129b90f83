#include "tidelog/client/assignor.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

bool comes_before(const subscribed_member* left, const subscribed_member* right) {
  if (left->instance_id && right->instance_id) return *left->instance_id < *right->instance_id;
  if (left->instance_id || right->instance_id) return left->instance_id.has_value();
  return left->id < right->id;
}

}  // namespace

group_assignment assign_range(std::span<const subscribed_member> members,
                              const std::map<std::string, std::int32_t>& partition_counts) {
  group_assignment assignment;
  std::map<std::string, std::vector<const subscribed_member*>> readers;
  for (const auto& member : members) {
    assignment[member.id];
    auto topics = member.topics;
    std::sort(topics.begin(), topics.end());
    topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
    for (const auto& topic : topics) readers[topic].push_back(&member);
  }
  for (auto& [topic, wanting] : readers) {
    const auto count = partition_counts.find(topic);
    if (count == partition_counts.end()) continue;
    std::sort(wanting.begin(), wanting.end(), comes_before);
    const auto member_count = static_cast<std::int32_t>(wanting.size());
    const auto each = count->second / member_count;
    const auto with_one_more = count->second % member_count;
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < member_count; ++i) {
      auto& mine = assignment[wanting[static_cast<std::size_t>(i)]->id];
      const auto end = next + each + (i < with_one_more ? 1 : 0);
      for (; next < end; ++next) mine.push_back({topic, model::partition_index(next)});
    }
  }
  return assignment;
}

}  // namespace tidelog::client
