#pragma once
// How the leader of a classic group divides partitions among its members.

#include "tidelog/model/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidelog::client {

struct subscribed_member {
  std::string id;
  std::optional<std::string> instance_id;
  std::vector<std::string> topics;
};

/// By member id; every member has an entry.
using group_assignment = std::map<std::string, std::vector<model::topic_partition>>;

/// The assignor that every client calls "range": of each topic, the members that want it take consecutive partitions,
/// the first ones one more where they do not divide evenly. Members come in the order of their instance ids and, behind
/// those that have one, of their ids, so that other clients would come to the same result.
[[nodiscard]] group_assignment assign_range(std::span<const subscribed_member> members,
                                            const std::map<std::string, std::int32_t>& partition_counts);

}  // namespace tidelog::client
