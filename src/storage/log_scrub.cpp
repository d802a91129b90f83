// Looking for damage in what is on disk before somebody meets it.
#include "log_core.hpp"

#include <algorithm>

namespace tidelog::storage {

bool log::core::still_has(const segment& one) {
  {
    const std::lock_guard guard(waiters_mutex);
    if (waiters_closed) return false;
  }
  const auto segments = tail().segments;
  return segments->all[segments->floor(one.base_offset())].get() == &one;
}

/// Where in the segment ends what is known to be on disk; the rest is recovery's to judge.
base::result<std::uint64_t> log::core::end_on_disk(const log_tail& now, std::size_t at) {
  const auto& all = now.segments->all;
  const model::offset synced(recovery_point.load());
  if (at + 1 < all.size()) {
    if (all[at + 1]->base_offset() > synced) return std::uint64_t{0};
    return all[at]->size();
  }
  const bool is_known =
      now.committed.segment_base == all[at]->base_offset() && now.committed.offset <= synced;
  return is_known ? now.committed.position : std::uint64_t{0};
}

std::optional<scrubbed_segment> log::scrub_segment(model::offset from, const scrub_pace& pace) {
  core& c = *core_;
  if (c.offline.load()) return std::nullopt;
  const log_tail now = c.tail();
  const auto& all = now.segments->all;
  const auto found =
      std::ranges::lower_bound(all, from, {}, [](const auto& each) { return each->base_offset(); });
  if (found == all.end()) return std::nullopt;
  segment& one = **found;
  scrubbed_segment read{.base_offset = one.base_offset()};
  std::optional<model::offset> next_offset;
  read.outcome = [&]() -> base::status {
    TIDELOG_TRY(const std::uint64_t end, c.end_on_disk(now, static_cast<std::size_t>(found - all.begin())));
    const auto go_on = [&](std::uint64_t bytes) { return c.still_has(one) && pace(bytes); };
    TIDELOG_TRY(next_offset, one.scrub(end, go_on, read));
    return {};
  }();
  const bool is_gone = !c.still_has(one);
  if (!read.outcome && (is_gone || read.outcome.error().code == std::errc::operation_canceled)) {
    read.reach = scrubbed_segment::extent::cut_short;
    read.outcome = {};
  }
  const auto next = std::next(found);
  // What still grows is not compared, nor what may have been another one's file.
  if (next == all.end() || is_gone) {
    read.unlisted_rollbacks = 0;
  } else if (next_offset && !config().cleanup.compact && (*next)->base_offset() > *next_offset) {
    read.missing_behind = {*next_offset, (*next)->base_offset()};
  }
  return read;
}

}  // namespace tidelog::storage
