#pragma once
// How a log is read through for damage: what the reader is told, and what it is asked.

#include "tidelog/base/result.hpp"
#include "tidelog/model/types.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace tidelog::storage {

/// Asked before so many bytes are read, and takes as long as it wants; false ends the reading.
using scrub_pace = std::function<bool(std::uint64_t bytes)>;

/// Offsets from `first` to before `next`.
struct missing_offsets {
  model::offset first{};
  model::offset next{};
};

/// One segment, as far as it was read.
struct scrubbed_segment {
  model::offset base_offset{};
  std::uint64_t bytes = 0;
  /// Cut short: the pace said so, or the segment is no longer the log's.
  enum class extent { whole, cut_short };
  extent reach = extent::whole;
  /// The errno of what the disk did not give.
  base::status outcome{};
  /// Transactions that were rolled back in it, and are not in its index: their records are read as committed.
  std::uint64_t unlisted_rollbacks = 0;
  /// Behind its last record, up to where the next segment begins: what is in no segment, though nothing is ever taken out
  /// of the middle of such a log.
  std::optional<missing_offsets> missing_behind{};
};

}  // namespace tidelog::storage
