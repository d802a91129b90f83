#include "cleaner_run.hpp"

#include "batch_walker.hpp"
#include "transaction_markers.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <limits>
#include <thread>
#include <unordered_map>

namespace tidelog::storage {
namespace {

/// Waits for the rate limit are taken in pieces, so that who wants the cleaning to end need not wait them out.
constexpr std::chrono::nanoseconds longest_wait = std::chrono::milliseconds(20);

/// What a walk over the headers reads of that batch, at most.
[[nodiscard]] std::uint64_t bytes_walked(const model::record_batch_header& batch) {
  return std::min<std::uint64_t>(batch.size_bytes(), batch_walker::bytes_read_at_once);
}

}  // namespace

log::core::cleaning::cleaning(core& of, const cleaning_resources& with) : core_(of), with_(with) {}

base::status log::core::cleaning::begin() {
  aborts_seen_ = core_.cleaning_aborts.load();
  const std::lock_guard guard(core_.append_mutex);
  TIDELOG_DO(core_.check_online());
  if (core_.closed) return base::fail(errc::closed, "{}", core_.directory.native());
  config_ = *core_.config;
  producers_ = core_.producers.snapshot();
  return {};
}

base::result<cleaning_report> log::core::cleaning::perform() {
  TIDELOG_DO(begin());
  const base::unix_ms now_ms = core_.environment.clock.now_ms();
  tail_ = core_.tail();
  part_ = core_.cleanable_part(tail_);
  TIDELOG_DO(core_.respect_min_lag(tail_, config_, now_ms, part_));
  report_.from = report_.upto = part_.first_dirty;
  if (part_.first_dirty >= part_.first_uncleanable) return report_;
  TIDELOG_DO(core_.sync_closed_part(tail_, aborts_seen_));

  TIDELOG_DO(map_keys());
  TIDELOG_DO(find_last_batches_on_disk());
  filter_.emplace(*map_, transactions_, filter_rules{mapped_end_, now_ms, config_.delete_retention_ms},
                  producers_);
  const auto& all = tail_.segments->all;
  const auto end = static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(),
                   [&](const auto& each) {
                     return each->base_offset() >= std::min(mapped_end_, part_.first_uncleanable);
                   }) -
      all.begin());
  for (std::size_t first = 0; first < end;) {
    TIDELOG_TRY(const std::size_t count, group_at(first, end));
    TIDELOG_DO(clean_group(segment_span(all).subspan(first, count)));
    first += count;
  }
  const std::lock_guard structure(core_.structure_mutex);
  TIDELOG_DO(core_.check_not_aborted(aborts_seen_));
  core_.cleaned_end.store(mapped_end_.value());
  report_.upto = mapped_end_;
  if (mapped_end_ < part_.first_uncleanable) {
    report_.reach = cleaning_report::extent::as_far_as_memory_went;
  }
  return report_;
}

base::status log::core::cleaning::go_on(std::uint64_t bytes) {
  TIDELOG_DO(core_.check_not_aborted(aborts_seen_));
  if (!with_.charge) return {};
  auto left = with_.charge(bytes);
  while (left.count() > 0) {
    const auto piece = std::min(left, longest_wait);
    std::this_thread::sleep_for(piece);
    left -= piece;
    TIDELOG_DO(core_.check_not_aborted(aborts_seen_));
  }
  return {};
}

base::status log::core::cleaning::map_keys() {
  const auto span = static_cast<std::uint64_t>(part_.first_uncleanable - part_.first_dirty);
  map_.emplace(offset_map::size_limits{with_.most_map_bytes, with_.map_load_factor, span});
  mapped_end_ = part_.first_dirty;
  const segment_list& segments = *tail_.segments;
  for (std::size_t at = segments.floor(part_.first_dirty);
       segments.all[at]->base_offset() < part_.first_uncleanable; ++at) {
    TIDELOG_TRY(const auto state, map_segment(*segments.all[at]));
    if (state == mapping::is_full) return {};
    mapped_end_ = segments.all[at + 1]->base_offset();
  }
  return {};
}

base::result<log::core::cleaning::mapping> log::core::cleaning::map_segment(segment& from) {
  TIDELOG_TRY(const std::uint64_t end, from.size());
  std::uint64_t position = 0;
  if (part_.first_dirty > from.base_offset()) {
    TIDELOG_TRY(const auto place, from.find(part_.first_dirty, end, core_.index_interval_bytes.load()));
    position = place ? place->position : end;
  }
  TIDELOG_TRY(const auto file, from.data());
  batch_source batches(*file, position, end, with_.buffer_bytes);
  while (true) {
    TIDELOG_TRY(const auto batch, batches.next());
    if (!batch) {
      note_origin(from, batches);
      return mapping::goes_on;
    }
    TIDELOG_DO(go_on(batch->size_bytes()));
    report_.bytes_read += batch->size_bytes();
    TIDELOG_TRY(const auto state, map_batch(*batch));
    if (state == mapping::is_full) return state;
    mapped_end_ = std::max(mapped_end_, batch->next_offset());
  }
}

base::result<log::core::cleaning::mapping> log::core::cleaning::map_batch(
    const model::record_batch_view& batch) {
  if (batch.is_control() || batch.record_count() == 0) return mapping::goes_on;
  if (batch.is_transactional()) {
    TIDELOG_DO(survey_transactions());
    if (transactions_.of(batch) != transaction_outcomes::outcome::committed) return mapping::goes_on;
  }
  bool is_full = false;
  auto walked = visit_records(batch, [&](const model::record_view& record, base::byte_view) -> base::status {
    const model::offset at = model::offset_of(batch, record);
    if (at < part_.first_dirty) return {};
    if (record.key && map_->put(*record.key, at) == offset_map::put_outcome::full) {
      // The map covers what came before this record; the failure only ends the walk.
      is_full = true;
      return base::fail(std::make_error_code(std::errc::operation_canceled), "the map is full");
    }
    mapped_end_ = at + 1;
    return {};
  });
  if (is_full) return mapping::is_full;
  if (!walked) return base::forward_error(walked);
  return mapping::goes_on;
}

/// Transactions that are still running have no batch in the part that is cleaned, but those that ended in time may have
/// their marker behind it: all is looked at up to the high watermark, headers only, and only where there are any.
base::status log::core::cleaning::survey_transactions() {
  if (transactions_known_) return {};
  const segment_list& segments = *tail_.segments;
  for (std::size_t at = segments.floor(part_.first_dirty); at < segments.all.size(); ++at) {
    segment& each = *segments.all[at];
    TIDELOG_TRY(const auto visible, core_.visible_end(segments, at, tail_.committed));
    TIDELOG_TRY(const auto file, each.data());
    batch_walker walker(*file, 0, visible.position);
    while (true) {
      TIDELOG_TRY(const auto header, walker.next());
      if (!header) break;
      TIDELOG_DO(go_on(bytes_walked(*header)));
      if (header->last_offset() < part_.first_dirty) continue;
      transactions_.take_records(*header);
      TIDELOG_TRY(const auto marker, marker_at(*file, walker.position(), *header));
      if (marker) transactions_.take_marker(*header, marker->outcome);
    }
  }
  transactions_known_ = true;
  return {};
}

/// A producer's last batch is kept, because it carries the sequence. One that a power cut may still take does not count:
/// what then is the last one is among those that are cleaned.
base::status log::core::cleaning::find_last_batches_on_disk() {
  const model::offset on_disk(core_.recovery_point.load());
  std::unordered_map<model::producer_id, producer_snapshot_entry*> wanted;
  for (auto& each : producers_) {
    if (each.last_offset >= on_disk) wanted.emplace(each.producer, &each);
  }
  if (wanted.empty()) return {};
  for (const auto& each : tail_.segments->all) {
    if (each->base_offset() >= part_.first_uncleanable) break;
    TIDELOG_TRY(const std::uint64_t end, each->size());
    TIDELOG_TRY(const auto file, each->data());
    batch_walker walker(*file, 0, end);
    while (true) {
      TIDELOG_TRY(const auto header, walker.next());
      if (!header) break;
      TIDELOG_DO(go_on(bytes_walked(*header)));
      const auto found = wanted.find(header->producer_id());
      if (found == wanted.end() || header->is_control()) continue;
      found->second->last_offset = header->last_offset();
      found->second->epoch = header->producer_epoch();
    }
  }
  return {};
}

void log::core::cleaning::note_origin(const segment& from, const batch_source& batches) {
  was_cold_.try_emplace(&from, 2 * batches.bytes_brought_in() >= batches.position());
}

/// How many segments from `first` on go into one, judged by what they are now: it cannot become too large.
base::result<std::size_t> log::core::cleaning::group_at(std::size_t first, std::size_t end) const {
  const auto& all = tail_.segments->all;
  const auto positive = [](std::int64_t value) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
  };
  const std::uint64_t most_bytes = std::min<std::uint64_t>(positive(config_.segment_bytes), INT32_MAX);
  const std::uint64_t most_index_bytes = positive(config_.segment_index_bytes);
  // No batch is smaller than its header, and no index has more than an entry for each interval.
  const std::uint64_t bytes_per_entry = std::max<std::uint64_t>(positive(config_.index_interval_bytes),
                                                                base::limits::record_batch_header_bytes);
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  while (first + count < end) {
    TIDELOG_TRY(const std::uint64_t size, all[first + count]->size());
    const model::offset next = all[first + count + 1]->base_offset();
    const bool fits = bytes + size <= most_bytes &&
                      (bytes + size) / bytes_per_entry * time_index_entry::size_bytes <= most_index_bytes &&
                      next - all[first]->base_offset() <= INT32_MAX;
    if (count > 0 && !fits) break;
    bytes += size;
    ++count;
  }
  return count;
}

base::status log::core::cleaning::clean_group(segment_span group) {
  std::uint64_t bytes_before = 0;
  std::size_t last_with_data = 0;
  base::unix_ms written_ms = 0;
  for (std::size_t at = 0; at < group.size(); ++at) {
    TIDELOG_TRY(const std::uint64_t size, group[at]->size());
    if (size > 0) last_with_data = at;
    bytes_before += size;
    TIDELOG_TRY(const base::unix_ms of_this, group[at]->written_ms());
    written_ms = std::max(written_ms, of_this);
  }
  cleaned_segment made(core_, group.front()->base_offset(), with_.buffer_bytes, config_.index_interval_bytes);
  TIDELOG_DO(made.begin());
  std::size_t changes = group.size() - 1;
  for (std::size_t at = 0; at < group.size(); ++at) {
    const auto place = at == last_with_data ? segment_place::last_of_group : segment_place::inside;
    TIDELOG_TRY(const std::size_t changed, clean_segment(*group[at], place, made));
    changes += changed;
    TIDELOG_DO(made.add_aborted_transactions(*group[at], filter_->take_dropped_markers()));
  }
  report_.segments_before += group.size();
  ++report_.segments_after;
  report_.bytes_before += bytes_before;
  report_.bytes_after += made.size_bytes();
  if (changes == 0) return {};
  // What nobody has read for long is no reason to push out what others read.
  const bool all_cold =
      std::ranges::all_of(group, [&](const auto& each) { return was_cold_.at(each.get()); });
  TIDELOG_TRY(const auto fresh,
              made.finish(all_cold ? cleaned_segment::pages::may_go : cleaned_segment::pages::stay));
  if (auto set = fresh->set_written_ms(written_ms); !set)
    base::say_warning("after a restart it counts as written now: {}", set.error().describe());
  return core_.replace_segments(group, fresh, aborts_seen_);
}

base::result<std::size_t> log::core::cleaning::clean_segment(segment& from, segment_place place,
                                                             cleaned_segment& to) {
  TIDELOG_TRY(const std::uint64_t end, from.size());
  TIDELOG_TRY(const auto file, from.data());
  batch_source batches(*file, 0, end, with_.buffer_bytes);
  std::size_t changes = 0;
  while (true) {
    TIDELOG_TRY(const auto batch, batches.next());
    if (!batch) {
      note_origin(from, batches);
      return changes;
    }
    const bool is_end = place == segment_place::last_of_group && batches.end_position() == end;
    TIDELOG_TRY(const auto filtered, filter_->apply(*batch, is_end ? batch_filter::position::last_of_segment
                                                                   : batch_filter::position::inside));
    base::byte_view kept = batch->bytes();
    if (filtered.what == filtered_batch::fate::rebuilt) kept = filtered.rebuilt;
    if (filtered.what == filtered_batch::fate::dropped) kept = {};
    if (filtered.what != filtered_batch::fate::unchanged) ++changes;
    report_.bytes_read += batch->size_bytes();
    report_.records_before += batch->record_count();
    report_.records_after += filtered.records_kept;
    report_.records_without_key += filtered.records_without_key;
    TIDELOG_DO(go_on(batch->size_bytes() + kept.size()));
    if (!kept.empty()) TIDELOG_DO(to.add(kept));
  }
}

}  // namespace tidelog::storage
