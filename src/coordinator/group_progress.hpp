#pragma once
// How far groups have come, for those who only look on.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidelog::coordinator {

/// What one look at the metrics tells of groups' lag: series, each a topic of a group, and committed offsets compared for
/// them.
inline constexpr std::size_t lag_series_per_scrape = 10'000;
inline constexpr std::size_t lag_offsets_per_scrape = 100'000;

/// How far a group has come in a topic.
struct group_progress {
  struct position {
    std::int32_t index = 0;
    std::int64_t offset = 0;
  };
  std::string group_id;
  std::string topic;
  std::vector<position> positions;
};

/// What may still be listed, so that looking on stays cheap however much there is. A group is listed as a whole or not at
/// all.
struct progress_room {
  std::size_t offsets = 0;
  std::size_t topics = 0;
  std::uint64_t groups_left_out = 0;

  /// Takes what a group needs; where that is not there, the group counts as left out.
  [[nodiscard]] bool take(std::size_t wanted_topics, std::size_t wanted_offsets) {
    if (wanted_topics > topics || wanted_offsets > offsets) {
      ++groups_left_out;
      return false;
    }
    topics -= wanted_topics;
    offsets -= wanted_offsets;
    return true;
  }
};

}  // namespace tidelog::coordinator
