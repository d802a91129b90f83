#include "checked_ranges.hpp"

#include <algorithm>

namespace tidelog::storage {

void checked_ranges::add(std::uint64_t from, std::uint64_t to) {
  if (from >= to) return;
  const auto first = std::ranges::find_if(ranges_, [&](const range& each) { return each.to >= from; });
  auto last = first;
  for (; last != ranges_.end() && last->from <= to; ++last) {
    from = std::min(from, last->from);
    to = std::max(to, last->to);
  }
  ranges_.insert(ranges_.erase(first, last), {from, to});
  if (ranges_.size() <= most_ranges) return;
  ranges_.erase(std::ranges::min_element(ranges_, {}, [](const range& each) { return each.to - each.from; }));
}

std::uint64_t checked_ranges::end_from(std::uint64_t from) const {
  for (const range& each : ranges_) {
    if (each.from <= from && from < each.to) return each.to;
  }
  return from;
}

void checked_ranges::forget_from(std::uint64_t position) {
  std::erase_if(ranges_, [&](const range& each) { return each.from >= position; });
  if (!ranges_.empty()) ranges_.back().to = std::min(ranges_.back().to, position);
}

}  // namespace tidelog::storage
