// Transactions as the log knows them: which are open, which have ended by a marker that is not committed yet, and what of
// that bounds the last stable offset.
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/io/out_of_space.hpp"

#include <algorithm>

namespace tidelog::storage {

base::result<std::optional<recorded_batch>> log::core::admit(const producer_batch& batch,
                                                             const append_options& options) {
  if (options.origin == append_origin::client) {
    TIDELOG_TRY(const auto original, check_producer(batch));
    if (original) return original;
  } else {
    TIDELOG_DO(producers.check_epochs(batch));
  }
  const bool is_verified =
      !options.verified_at_marker || *options.verified_at_marker == markers.load(std::memory_order_relaxed);
  if (batch.kind == producer_batch::content::transactional && !is_verified &&
      !producers.open_transaction_of(batch.producer)) {
    return base::fail(errc::transaction_may_have_ended, "{}: producer {}", directory.native(),
                      batch.producer.value());
  }
  return std::nullopt;
}

void log::core::record_producer(const producer_batch& batch, base::unix_ms now_ms) {
  const auto first = producers.open_transaction_of(batch.producer);
  producers.record(batch, now_ms);
  switch (batch.kind) {
    case producer_batch::content::records:
      return;
    case producer_batch::content::transactional:
      if (!first) publish_open_transaction({});
      return;
    case producer_batch::content::end_of_transaction:
      markers.fetch_add(1, std::memory_order_release);
      publish_open_transaction(first ? std::optional(ended_transaction{*first, batch.last_offset()})
                                     : std::nullopt);
      return;
  }
}

std::optional<aborted_transaction> log::core::aborted_by(const producer_batch& marker) const {
  const auto first = producers.open_transaction_of(marker.producer);
  if (!first || marker.outcome != model::transaction_outcome::aborted) return std::nullopt;
  const auto first_left = producers.first_open_transaction(marker.producer);
  return aborted_transaction{marker.producer, *first, marker.last_offset(),
                             first_left.value_or(marker.last_offset() + 1)};
}

// The entry is written before the marker: a crash between the two leaves an entry for a marker that is not there, which a
// recovery drops, since it makes all entries again that belong to what it reads. The other way about, what an error or a
// crash left behind would be a transaction that has ended, with records that nobody knows to leave out.
base::status log::core::write_aborted(segment& active, const aborted_transaction& entry) {
  const bool is_first = !active.has_aborted();
  auto written = active.add_aborted(entry, last_write);
  if (is_first && active.has_aborted()) note_new_name();
  return written;
}

base::status log::core::take_back(segment& active, const aborted_transaction& entry, const base::error& why) {
  // An entry that stayed would belong to whatever gets the marker's offset next.
  const auto cut = active.replace_aborted(entry.last_offset, {}, last_write);
  if (cut && io::is_out_of_space(why.code)) return tl::unexpected(why);
  if (!cut) {
    base::say_error(
        "{}: after a failed write ({}) the index of rolled-back transactions could not be cut back: {}",
        directory.native(), why.describe(), cut.error().describe());
  }
  go_offline(why);
  return check_online();
}

void log::core::publish_open_transaction(const std::optional<ended_transaction>& ended) {
  const auto open = producers.first_open_transaction();
  const std::lock_guard guard(tail_mutex);
  if (!open && !ended && !unstable) return;
  if (!unstable) unstable = std::make_unique<unstable_transactions>();
  unstable->first_open = open.value_or(model::no_offset);
  if (ended) unstable->ended.push_back(*ended);
  publish_unstable();
}

void log::core::forget_ended(model::offset from, model::offset upto) {
  if (!unstable) return;
  std::erase_if(unstable->ended, [&](const auto& each) { return each.marker >= from && each.marker < upto; });
  publish_unstable();
}

void log::core::publish_unstable() {
  model::offset first = unstable->first_open;
  for (const auto& each : unstable->ended) {
    if (first == model::no_offset || each.first_offset < first) first = each.first_offset;
  }
  if (first == model::no_offset) unstable.reset();
  first_unstable.store(first.value(), std::memory_order_release);
}

std::optional<model::offset> log::core::first_unstable_transaction() const {
  const std::int64_t first = first_unstable.load(std::memory_order_acquire);
  if (first == model::no_offset.value()) return std::nullopt;
  // Of one whose records are gone in part, what is left counts.
  return model::offset(std::max(first, log_start.load(std::memory_order_acquire)));
}

std::optional<model::offset> log::first_unstable_offset() const {
  return core_->first_unstable_transaction();
}

base::result<std::vector<aborted_transaction>> log::aborted_transactions(model::offset from,
                                                                         model::offset end,
                                                                         io::patience reader) {
  core& c = *core_;
  const log_tail now = c.tail();
  std::vector<aborted_transaction> found;
  for (std::size_t at = now.segments->floor(from); at < now.segments->all.size(); ++at) {
    // A marker may be in a later segment than its records.
    auto last = now.segments->all[at]->find_aborted(from, end, found, reader);
    if (last && *last) break;
    if (last) continue;
    // Its segment may have been replaced or deleted since we looked.
    const bool is_gone = last.error().code == std::errc::no_such_file_or_directory;
    if (is_gone && c.tail().layout != now.layout) return aborted_transactions(from, end, reader);
    if (is_gone && from < log_start_offset()) {
      return base::fail(errc::offset_out_of_range, "{}: offset {} is below {}", c.directory.native(),
                        from.value(), log_start_offset().value());
    }
    return base::forward_error(last);
  }
  return found;
}

std::uint64_t log::markers_taken() const {
  return core_->markers.load(std::memory_order_acquire);
}

}  // namespace tidelog::storage
