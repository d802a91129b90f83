#pragma once
// How far groups are behind the topics that they read.

#include "group_progress.hpp"

#include "tidelog/partition/partition_manager.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::coordinator {

struct group_lag {
  std::string group_id;
  std::string topic;
  /// Offsets between what was committed and the high watermark, of all partitions together.
  std::uint64_t offsets = 0;
};

/// Topics that are not there any more, and those without a partition that could tell, are left out. Thread safe.
[[nodiscard]] std::vector<group_lag> lag_of(std::vector<group_progress> groups,
                                            const partition::partition_manager& partitions);

}  // namespace tidelog::coordinator
