#pragma once
// Walks the good batches of a segment: what is damaged is made known to the segment, and passed over.

#include "batch_walker.hpp"
#include "segment.hpp"

#include <utility>

namespace tidelog::storage {

class sound_walker {
 public:
  /// From `position`, where a batch begins or damage, to `end`. `of` and `file`, its data, outlive the walker.
  sound_walker(segment& of, const io::file& file, std::uint64_t position, std::uint64_t end,
               io::patience reader = io::patience::waits_for_disk, scan_interrupt interrupt = {})
      : sound_walker(of, batch_walker(file, position, end, reader), reader, std::move(interrupt)) {}
  /// Goes on where `at` is, with what it has read already.
  sound_walker(segment& of, const batch_walker& at, io::patience reader, scan_interrupt interrupt = {})
      : segment_(of),
        damage_(of.known_damage()),
        walker_(at),
        reader_(reader),
        interrupt_(std::move(interrupt)) {}

  /// The next good batch's header, valid until the next call; nothing at the end. Fails with errc::corrupt_index when the
  /// walk did not begin at a batch, or with an errno; EAGAIN without patience, also where damage is not known yet. Fails as
  /// the interrupt does, which is asked at each call, and while damage is surveyed.
  [[nodiscard]] base::result<std::optional<model::record_batch_header>> next();
  [[nodiscard]] std::uint64_t position() const { return walker_.position(); }
  [[nodiscard]] std::uint64_t end_position() const { return walker_.end_position(); }

 private:
  [[nodiscard]] const damaged_range* known_at(std::uint64_t position) const;

  segment& segment_;
  std::shared_ptr<const damaged_ranges> damage_;
  batch_walker walker_;
  io::patience reader_;
  scan_interrupt interrupt_;
  model::offset expected_{0};
};

}  // namespace tidelog::storage
