#include "group_lag.hpp"

#include <optional>
#include <utility>

namespace tidelog::coordinator {
namespace {

std::optional<std::uint64_t> lag_in(const partition::hosted_topic& topic, const group_progress& of) {
  std::optional<std::uint64_t> lag;
  for (const auto& [index, offset] : of.positions) {
    const auto partition = topic.find(model::partition_index(index));
    if (!partition) continue;
    const auto end = partition->high_watermark();
    if (end == model::no_offset) continue;
    // A group may be ahead of a partition that lost its end with another machine's disk.
    const auto behind = end.value() > offset ? end.value() - offset : 0;
    lag = lag.value_or(0) + static_cast<std::uint64_t>(behind);
  }
  return lag;
}

}  // namespace

std::vector<group_lag> lag_of(std::vector<group_progress> groups,
                              const partition::partition_manager& partitions) {
  std::vector<group_lag> all;
  all.reserve(groups.size());
  for (auto& of : groups) {
    const auto topic = partitions.find(of.topic);
    if (!topic) continue;
    if (const auto lag = lag_in(*topic, of)) {
      all.push_back({std::move(of.group_id), std::move(of.topic), *lag});
    }
  }
  return all;
}

}  // namespace tidelog::coordinator
