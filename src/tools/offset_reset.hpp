#pragma once
// Where the offsets of a group are to be moved: what a person wishes, and what comes of it for a partition.

#include "tidelog/base/result.hpp"
#include "tidelog/model/types.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::tools {

enum class reset_kind {
  earliest,
  latest,
  offset,
  time,   ///< the first record that is not earlier
  shift,  ///< so many records on, or back
};

struct reset_target {
  reset_kind kind = reset_kind::latest;
  model::offset offset = model::no_offset;           ///< of kind offset
  model::timestamp timestamp = model::no_timestamp;  ///< of kind time
  std::int64_t distance = 0;                         ///< of kind shift
};

/// What is known of a partition when its new offset is decided.
struct reset_facts {
  model::topic_partition at;
  model::offset begin;
  model::offset end;
  model::offset committed = model::no_offset;  ///< none where nothing was committed
  model::offset at_time = model::no_offset;    ///< none where no record is that late
};

/// Never before the beginning and never beyond the end of the partition. Fails with invalid_argument where a shift has
/// nothing to start from.
[[nodiscard]] base::result<model::offset> new_offset(const reset_target& target, const reset_facts& facts);

struct topic_choice {
  std::string topic;
  std::vector<model::partition_index> partitions;  ///< all where empty
};
/// "orders" or "orders:0,2". Fails with invalid_argument.
[[nodiscard]] base::result<topic_choice> parse_topic_choice(std::string_view text);

/// As parse_duration, and as ISO 8601 has it: "P1DT2H30M5S". Fails with invalid_argument.
[[nodiscard]] base::result<std::chrono::milliseconds> parse_reset_duration(std::string_view text);

}  // namespace tidelog::tools
