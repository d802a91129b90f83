#pragma once
// Walks the good batches of a segment: what is damaged is made known to the segment, and passed over.

#include "batch_walker.hpp"
#include "segment.hpp"

namespace tidelog::storage {

class sound_walker {
 public:
  /// From `position`, where a batch begins or damage, to `end`. `of` and `file`, its data, outlive the walker.
  sound_walker(segment& of, const io::file& file, std::uint64_t position, std::uint64_t end)
      : segment_(of), damage_(of.known_damage()), walker_(file, position, end) {}

  /// The next good batch's header, valid until the next call; nothing at the end. Fails with errc::corrupt_index when the
  /// walk did not begin at a batch, or with an errno.
  [[nodiscard]] base::result<std::optional<model::record_batch_header>> next();
  [[nodiscard]] std::uint64_t position() const { return walker_.position(); }
  [[nodiscard]] std::uint64_t end_position() const { return walker_.end_position(); }

 private:
  [[nodiscard]] const damaged_range* known_at(std::uint64_t position) const;

  segment& segment_;
  std::shared_ptr<const damaged_ranges> damage_;
  batch_walker walker_;
  model::offset expected_{0};
};

}  // namespace tidelog::storage
