// Damage in what had been synced: finding where it ends, remembering it, and keeping readers away from it.
#include "batch_search.hpp"
#include "segment.hpp"
#include "sound_walker.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace tidelog::storage {
namespace {

/// Of bytes that nobody has looked at, or that are not in the page cache, one read takes no more.
constexpr std::uint64_t piece_bytes = 1024 * 1024;

[[nodiscard]] const damaged_range* range_around(const std::shared_ptr<const damaged_ranges>& ranges,
                                                std::uint64_t position) {
  if (!ranges) return nullptr;
  const auto found = std::ranges::find_if(*ranges, [position](const damaged_range& each) {
    return each.position <= position && position < each.end_position;
  });
  return found == ranges->end() ? nullptr : &*found;
}

}  // namespace

const damaged_range* sound_walker::known_at(std::uint64_t position) const {
  return range_around(damage_, position);
}

base::result<std::optional<model::record_batch_header>> sound_walker::next() {
  while (true) {
    if (interrupt_) TIDELOG_DO(interrupt_());
    if (const auto* known = known_at(walker_.end_position())) {
      walker_.go_on_at(known->end_position);
      continue;
    }
    auto batch = walker_.next();
    if (batch && !*batch) return batch;
    if (batch && may_follow(**batch, expected_, segment_.base_offset())) {
      expected_ = (*batch)->next_offset();
      return batch;
    }
    if (!batch && batch.error().code.category() != model::batch_category()) return batch;
    if (reader_ == io::patience::never_waits)
      return base::fail_errno(EAGAIN, "damage at position {}", walker_.position());
    TIDELOG_TRY(const auto range, segment_.damage_at(walker_.position(), interrupt_));
    damage_ = segment_.known_damage();
    walker_.go_on_at(range.end_position);
  }
}

std::shared_ptr<const damaged_ranges> segment::known_damage() const {
  const std::lock_guard guard(damage_mutex_);
  return damage_;
}

void segment::report_damage(const damaged_range& range) {
  {
    const std::lock_guard guard(damage_mutex_);
    if (range_around(damage_, range.position) != nullptr) return;
    auto ranges = damage_ ? std::make_shared<damaged_ranges>(*damage_) : std::make_shared<damaged_ranges>();
    ranges->insert(std::ranges::lower_bound(*ranges, range.position, {}, &damaged_range::position), range);
    damage_ = std::move(ranges);
  }
  const auto name = home_.directory / segment_file_name(base_, data_suffix);
  const auto upto = range.next_offset == model::no_offset
                        ? std::string("the end of the segment")
                        : fmt::format("offset {}", range.next_offset.value() - 1);
  base::say_error(
      "{}: positions {} to {} are damaged: the records from offset {} to {} are lost, what follows is kept",
      name.native(), range.position, range.end_position, range.first_offset.value(), upto);
  home_.findings.add({.what = recovery_outcome::damaged_range,
                      .file = name,
                      .first_offset = range.first_offset,
                      .next_offset = range.next_offset,
                      .position = range.position,
                      .bytes = range.end_position - range.position});
}

void segment::forget_damage_from(std::uint64_t position) {
  const std::lock_guard guard(damage_mutex_);
  own_to_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(own_to_, position));
  own_from_ = std::min(own_from_, own_to_);
  if (checked_) checked_->forget_from(position);
  if (!damage_) return;
  auto kept = std::make_shared<damaged_ranges>();
  for (damaged_range each : *damage_) {
    if (each.position >= position) break;
    each.end_position = std::min(each.end_position, position);
    kept->push_back(each);
  }
  damage_ = kept->empty() ? nullptr : std::move(kept);
}

void segment::note_damaged_batch(const batch_place& where) {
  report_damage({where.position, where.end_position, where.base_offset, where.next_offset});
}

base::result<damaged_range> segment::damage_at(std::uint64_t position, const scan_interrupt& interrupt) {
  const std::lock_guard surveying(survey_mutex_);
  if (const auto* known = range_around(known_damage(), position)) return *known;
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, size());
  // The walk from the beginning tells whether a batch should begin here, and which offset it should have.
  batch_walker walker(*file, 0, end);
  model::offset expected = base_;
  while (true) {
    if (const auto* known = range_around(known_damage(), walker.end_position())) {
      walker.go_on_at(known->end_position);
      if (known->next_offset != model::no_offset) expected = known->next_offset;
      continue;
    }
    if (interrupt) TIDELOG_DO(interrupt());
    auto batch = walker.next();
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    const bool is_good = batch && *batch && may_follow(**batch, expected, base_);
    if (walker.position() > position || (is_good && walker.position() == position) || (batch && !*batch)) {
      return base::fail(errc::corrupt_index, "{}: no batch is to begin at position {}", file->name(),
                        position);
    }
    if (is_good) {
      expected = (*batch)->next_offset();
      continue;
    }
    batch_checker checker(*file, end, interrupt);
    TIDELOG_TRY(const auto range, survey_damage(checker, {walker.position(), expected}));
    if (range.position <= position && position < range.end_position) return range;
    walker.go_on_at(range.position);
  }
}

base::result<damaged_range> segment::survey_damage(batch_checker& checker, const batch_boundary& at) {
  TIDELOG_TRY(
      const auto behind,
      batch_search(checker, base_).chain_behind({.damaged_at = at.position, .expected = at.next_offset}));
  const damaged_range range =
      behind ? damaged_range{at.position, behind->position, at.next_offset, behind->base_offset}
             : damaged_range{at.position, checker.end(), at.next_offset, model::no_offset};
  report_damage(range);
  return range;
}

base::result<batch_boundary> segment::pass_damage(const batch_boundary& at) {
  const std::lock_guard surveying(survey_mutex_);
  const auto behind = [&at](const damaged_range& range) {
    return batch_boundary{range.end_position, std::max(at.next_offset, range.next_offset)};
  };
  const auto known = known_damage();
  if (const auto* range = range_around(known, at.position)) return behind(*range);
  // Asked once more, by the descriptor that readers use: a file that was found by its name may be another one by now,
  // and what a disk gave wrongly once it may give rightly the next time.
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, size());
  batch_checker checker(*file, end);
  const auto batch = checker.check(at.position);
  if (batch && may_follow(*batch, at.next_offset, base_)) {
    return batch_boundary{at.position + batch->size_bytes(), batch->next_offset()};
  }
  if (!batch && batch.error().code.category() != model::batch_category())
    return tl::unexpected(batch.error());
  TIDELOG_TRY(const auto range, survey_damage(checker, at));
  return behind(range);
}

void segment::note_own(std::uint64_t from, std::uint64_t to) {
  const std::lock_guard guard(damage_mutex_);
  // No segment that takes appends is larger.
  if (to > std::numeric_limits<std::uint32_t>::max()) return;
  // What is written follows what was written before.
  if (from != own_to_) own_from_ = static_cast<std::uint32_t>(from);
  own_to_ = static_cast<std::uint32_t>(to);
}

bool segment::has_checked(std::uint64_t from, std::uint64_t to) const {
  const std::lock_guard guard(damage_mutex_);
  while (from < to) {
    std::uint64_t next = own_from_ <= from && from < own_to_ ? own_to_ : from;
    if (next == from && checked_) next = checked_->end_from(from);
    if (next == from) return false;
    from = next;
  }
  return true;
}

base::result<sound_stretch> segment::walk_from(std::uint64_t position, batch_boundary end,
                                               std::uint64_t most_bytes, io::patience reader) {
  TIDELOG_TRY(const auto file, data(reader));
  if (reader == io::patience::waits_for_disk) {
    const std::uint64_t wanted = std::min(most_bytes, end.position - position);
    const std::uint64_t piece = std::min(wanted, piece_bytes);
    if (!file->is_cached(position, wanted)) {
      // The headers alone would be fetched one by one, and what lies between is wanted next.
      TIDELOG_DO(file->bring_in(position, piece));
      most_bytes = piece;
    }
  }
  sound_walker walker(*this, *file, position, end.position, reader);
  sound_stretch stretch{end.position, end};
  bool is_first = true;
  while (true) {
    auto met = walker.next();
    // What is at hand is enough to go on with.
    if (!met && io::would_wait(met.error()) && !is_first) break;
    TIDELOG_TRY(const auto batch, std::move(met));
    if (!batch) break;
    if (is_first) {
      stretch = {walker.position(), {walker.position(), batch->base_offset()}};
    } else if (walker.position() != stretch.end.position ||
               walker.end_position() - stretch.position > most_bytes) {
      break;
    }
    is_first = false;
    stretch.end = {walker.end_position(), batch->next_offset()};
    if (stretch.end.position - stretch.position >= most_bytes) break;
  }
  if (stretch.end.position == end.position) stretch.end.next_offset = end.next_offset;
  return stretch;
}

base::result<sound_stretch> segment::check_from(std::uint64_t position, batch_boundary end,
                                                std::uint64_t most_bytes, io::patience reader) {
  TIDELOG_TRY(const auto file, data(reader));
  if (reader == io::patience::never_waits)
    return base::fail_errno(EAGAIN, "{}: nobody has checked position {} yet", file->name(), position);
  batch_checker checker(*file, end.position);
  sound_walker walker(*this, *file, position, end.position);
  const std::uint64_t enough = position + std::min({most_bytes, piece_bytes, end.position - position});
  std::uint64_t checked_to = position;
  while (checked_to < enough) {
    TIDELOG_TRY(const auto batch, walker.next());
    if (!batch) break;
    checked_to = walker.end_position();
    const auto whole = checker.check(walker.position());
    if (whole) continue;
    if (whole.error().code.category() != model::batch_category()) return tl::unexpected(whole.error());
    note_damaged_batch(
        {walker.position(), walker.end_position(), batch->base_offset(), batch->next_offset()});
  }
  {
    const std::lock_guard guard(damage_mutex_);
    if (!checked_) checked_ = std::make_unique<checked_ranges>();
    checked_->add(position, std::max(checked_to, enough));
  }
  return walk_from(position, end, std::min(most_bytes, std::max(checked_to, enough) - position), reader);
}

base::result<sound_stretch> segment::readable_from(std::uint64_t position, batch_boundary end,
                                                   std::uint64_t most_bytes, io::patience reader) {
  const std::uint64_t wanted_end =
      end.position - position <= most_bytes ? end.position : position + most_bytes;
  if (!has_checked(position, wanted_end)) return check_from(position, end, most_bytes, reader);
  if (known_damage()) return walk_from(position, end, most_bytes, reader);
  if (wanted_end == end.position) return sound_stretch{position, end};
  TIDELOG_TRY(const auto within, last_boundary(position, wanted_end, end.position, reader));
  if (within.position > position) return sound_stretch{position, within};
  TIDELOG_TRY(const auto first, batch_at(position, end.position, reader));
  return sound_stretch{position, {first.end_position, first.next_offset}};
}

}  // namespace tidelog::storage
