#pragma once
// Finds the sound batches of a segment, also behind damage. Independent of the broker's own search, so that the tools do
// not share its mistakes.

#include "log_file_reader.hpp"

namespace tidelog::tools {

/// What the offsets of a segment's batches keep to.
struct segment_limits {
  model::offset base{};
  /// Where the next segment begins; nothing for the last one.
  std::optional<model::offset> next_base{};
};

/// `window` outlives it.
class batch_finder {
 public:
  batch_finder(file_window& window, const segment_limits& limits) : window_(window), limits_(limits) {}

  /// The batch at `position`, of which header, checksum and offsets are right; it begins at offset `least` or later.
  /// Valid until the window moves. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<model::record_batch_view> sound_batch(std::uint64_t position,
                                                                   model::offset least);
  /// Where the sound batch is behind the one at `position`, if that one's length is right. Fails with an errno.
  [[nodiscard]] base::result<std::optional<std::uint64_t>> behind_its_length(std::uint64_t position,
                                                                             model::offset least);
  /// The next sound batch behind damage at `position`. A record's value may itself hold batches: what is found within a
  /// batch counts only when batches follow from there to the segment's end. Nothing after Ctrl-C. Fails with an errno.
  [[nodiscard]] base::result<std::optional<std::uint64_t>> behind_damage(std::uint64_t position,
                                                                         model::offset least);
  /// The end of the message at `position`, in one of the formats of before the record batch (magic 0 and 1), if one is
  /// there and its checksum holds. Fails with an errno.
  [[nodiscard]] base::result<std::optional<std::uint64_t>> end_of_old_message(std::uint64_t position);

 private:
  struct chain {
    bool reaches_end = false;
    std::uint64_t end = 0;
  };
  base::result<chain> follow(std::uint64_t position, model::offset least);

  file_window& window_;
  segment_limits limits_;
};

}  // namespace tidelog::tools
