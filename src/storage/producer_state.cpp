#include "tidelog/storage/producer_state.hpp"

#include "transaction_markers.hpp"

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::storage {
namespace {

constexpr std::int64_t sequence_mask = std::numeric_limits<std::int32_t>::max();

/// The sequence `records` before; 2^31 - 1 comes before 0.
model::sequence rewind(model::sequence from, std::int32_t records) {
  return model::sequence(static_cast<std::int32_t>((std::int64_t{from.value()} - records) & sequence_mask));
}

/// When a batch read back from disk counts as appended. Its timestamp may be missing, or from the future, and would
/// then make the producer expire at once, or never.
base::unix_ms time_of_use(model::timestamp timestamp, base::unix_ms now_ms) {
  return timestamp.value() < 0 ? now_ms : std::min(now_ms, timestamp.value());
}

kept_batch kept(const producer_batch& batch) {
  return {batch.last_sequence(), batch.last_offset_delta, batch.last_offset(), batch.max_timestamp};
}

}  // namespace

model::sequence kept_batch::base_sequence() const {
  return rewind(last_sequence, last_offset_delta);
}

model::sequence producer_batch::last_sequence() const {
  return model::advance(base_sequence, last_offset_delta);
}

std::optional<producer_batch> producer_batch_of(const model::record_batch_header& header) {
  if (!header.has_producer_id()) return std::nullopt;
  using content = producer_batch::content;
  const auto kind = header.is_control()         ? content::end_of_transaction
                    : header.is_transactional() ? content::transactional
                                                : content::records;
  return producer_batch{
      .producer = header.producer_id(),
      .epoch = header.producer_epoch(),
      .kind = kind,
      .base_sequence = header.base_sequence(),
      .last_offset_delta = header.last_offset_delta(),
      .base_offset = header.base_offset(),
      .max_timestamp = header.max_timestamp(),
  };
}

std::optional<producer_batch> producer_batch_of(const model::record_batch_view& batch) {
  auto of_producer = producer_batch_of(static_cast<const model::record_batch_header&>(batch));
  if (!of_producer || of_producer->kind != producer_batch::content::end_of_transaction) return of_producer;
  // One that cannot be read ends the transaction all the same.
  if (const auto marker = marker_in(batch)) of_producer->take(*marker);
  return of_producer;
}

base::status producer_state::check_epochs(const producer_batch& batch) const {
  const auto* found = producers_.find(batch.producer);
  if (found == nullptr) return {};
  const auto& known = *found;
  if (batch.epoch < known.epoch) {
    return base::fail(errc::invalid_producer_epoch, "producer {} epoch {}, current epoch {}",
                      batch.producer.value(), batch.epoch.value(), known.epoch.value());
  }
  const bool is_marker = batch.kind == producer_batch::content::end_of_transaction;
  if (is_marker && batch.coordinator_epoch >= 0 && batch.coordinator_epoch < known.coordinator_epoch) {
    return base::fail(errc::coordinator_fenced, "producer {} coordinator epoch {}, current epoch {}",
                      batch.producer.value(), batch.coordinator_epoch, known.coordinator_epoch);
  }
  return {};
}

base::result<std::optional<recorded_batch>> producer_state::check(const producer_batch& batch) const {
  TIDELOG_DO(check_epochs(batch));
  const auto* found = producers_.find(batch.producer);
  if (found == nullptr || batch.kind == producer_batch::content::end_of_transaction) return std::nullopt;
  const auto& known = *found;

  if (batch.epoch == known.epoch) {
    for (std::size_t i = 0; i < known.window.size(); ++i) {
      const auto& earlier = known.window.at(i);
      if (earlier.base_sequence() == batch.base_sequence && earlier.last_sequence == batch.last_sequence()) {
        return earlier.described();
      }
    }
  }
  const auto last_sequence = batch.epoch == known.epoch ? known.last_sequence() : model::no_sequence;
  const auto next_sequence =
      last_sequence == model::no_sequence ? model::sequence(0) : model::advance(last_sequence, 1);
  if (batch.base_sequence != next_sequence) {
    return base::fail(errc::out_of_order_sequence,
                      "producer {} epoch {} sequence {}, last sequence {} of epoch {}",
                      batch.producer.value(), batch.epoch.value(), batch.base_sequence.value(),
                      known.last_sequence().value(), known.epoch.value());
  }
  if (batch.kind == producer_batch::content::records && known.current_txn_first_offset != model::no_offset) {
    return base::fail(errc::invalid_txn_state, "producer {} epoch {} has a transaction open since offset {}",
                      batch.producer.value(), batch.epoch.value(), known.current_txn_first_offset.value());
  }
  return std::nullopt;
}

void producer_state::record(const producer_batch& batch, base::unix_ms now_ms) {
  if (batch.producer == model::no_producer_id) return;
  auto& entry = producers_[batch.producer];
  entry.enter(batch.epoch);
  entry.last_timestamp = batch.max_timestamp;
  entry.last_used_ms = now_ms;
  if (batch.kind == producer_batch::content::end_of_transaction) {
    set_open(batch.producer, entry, model::no_offset);
    if (batch.coordinator_epoch >= 0) entry.coordinator_epoch = batch.coordinator_epoch;
    return;
  }
  if (batch.kind == producer_batch::content::transactional &&
      entry.current_txn_first_offset == model::no_offset) {
    set_open(batch.producer, entry, batch.base_offset);
  }
  if (batch.has_sequence()) entry.window.add_newest(kept(batch));
}

void producer_state::set_open(model::producer_id producer, producer_entry& entry, model::offset first) {
  if (open_ != nullptr) open_->erase({entry.current_txn_first_offset, producer});
  entry.current_txn_first_offset = first;
  if (first != model::no_offset) {
    if (open_ == nullptr) open_ = std::make_unique<open_set>();
    open_->emplace(first, producer);
  } else if (open_ != nullptr && open_->empty()) {
    open_ = nullptr;
  }
}

void producer_state::record_replayed(const producer_batch& batch, base::unix_ms now_ms) {
  record(batch, time_of_use(batch.max_timestamp, now_ms));
}

std::optional<model::offset> producer_state::refill_before(const producer_batch& batch) const {
  const auto* found = producers_.find(batch.producer);
  if (found == nullptr) return std::nullopt;
  const auto& known = *found;
  if (batch.epoch != known.epoch || !known.wants_refill()) return std::nullopt;
  // Numbers wrap, so "before" means less than half the circle back.
  const auto distance = rewind(known.window.oldest().base_sequence(), batch.base_sequence.value());
  if (distance.value() == 0 || distance.value() > sequence_mask / 2) return std::nullopt;
  return known.window.oldest().base_offset();
}

producer_state::refill_outcome producer_state::refill(model::producer_id producer,
                                                      std::span<const producer_batch> in_log_order) {
  auto* const found = producers_.find(producer);
  if (found == nullptr) return refill_outcome::complete;
  auto& known = *found;
  if (in_log_order.empty()) known.window_complete = true;
  for (auto batch = in_log_order.rbegin(); batch != in_log_order.rend() && known.wants_refill(); ++batch) {
    if (batch->producer != producer || batch->last_offset() >= known.window.oldest().base_offset()) continue;
    if (batch->epoch != known.epoch) {
      known.window_complete = true;
    } else if (batch->has_sequence()) {
      known.window.add_oldest(kept(*batch));
      // The epoch began here, unless its numbers have wrapped: who asks for such a batch then has to ask once more.
      if (batch->base_sequence == model::sequence(0)) return refill_outcome::complete;
    }
  }
  return known.wants_refill() ? refill_outcome::more_wanted : refill_outcome::complete;
}

void producer_state::rest(model::offset from) {
  producers_.shrink();
  producers_.for_each([from](model::producer_id, producer_entry& entry) {
    if (entry.window.size() < 2 || entry.window.oldest().base_offset() < from) return;
    // What lies before the window is as far away as ever: refill() finds where the epoch began.
    entry.window.keep_newest();
    entry.window_complete = false;
  });
}

void producer_state::load(std::span<const producer_snapshot_entry> entries, base::unix_ms now_ms) {
  clear();
  for (const auto& from : entries) {
    auto& entry = producers_[from.producer];
    set_open(from.producer, entry, model::no_offset);
    entry = producer_entry{};
    entry.epoch = from.epoch;
    entry.coordinator_epoch = from.coordinator_epoch;
    entry.last_timestamp = from.timestamp;
    entry.last_used_ms = time_of_use(from.timestamp, now_ms);
    set_open(from.producer, entry, from.current_txn_first_offset);
    const bool has_batch = from.last_sequence >= model::sequence(0) && from.offset_delta >= 0 &&
                           from.last_offset >= model::offset(0);
    if (!has_batch) continue;
    entry.window.add_newest({from.last_sequence, from.offset_delta, from.last_offset, from.timestamp});
    entry.window_complete = false;
  }
  producers_.shrink();
}

std::vector<producer_snapshot_entry> producer_state::snapshot() const {
  std::vector<producer_snapshot_entry> entries;
  entries.reserve(producers_.size());
  producers_.for_each([&entries](model::producer_id producer, const producer_entry& entry) {
    // The time of last use takes the timestamp's place where it is later: after a restart it decides about
    // expiry.
    const auto timestamp = std::max(entry.last_timestamp, model::timestamp(entry.last_used_ms));
    producer_snapshot_entry to{
        producer, entry.epoch, entry.last_sequence(),   model::no_offset,
        0,        timestamp,   entry.coordinator_epoch, entry.current_txn_first_offset};
    if (entry.window.size() > 0) {
      to.last_offset = entry.window.newest().last_offset;
      to.offset_delta = entry.window.newest().last_offset_delta;
    }
    entries.push_back(to);
  });
  std::ranges::sort(entries, {}, &producer_snapshot_entry::producer);
  return entries;
}

void producer_state::clear() {
  producers_.clear();
  open_ = nullptr;
}

std::size_t producer_state::expire(base::unix_ms now_ms, std::int64_t expiration_ms) {
  return producers_.erase_if([&](model::producer_id, const producer_entry& entry) {
    return entry.current_txn_first_offset == model::no_offset && now_ms - entry.last_used_ms >= expiration_ms;
  });
}

std::size_t producer_state::size() const {
  return producers_.size();
}

std::vector<producer_description> producer_state::describe() const {
  std::vector<producer_description> producers;
  producers.reserve(producers_.size());
  producers_.for_each([&producers](model::producer_id producer, const producer_entry& entry) {
    producers.push_back({producer, entry.epoch, entry.last_sequence(), entry.last_timestamp,
                         entry.coordinator_epoch, entry.current_txn_first_offset});
  });
  std::ranges::sort(producers, {}, &producer_description::producer);
  return producers;
}

std::optional<model::offset> producer_state::first_open_transaction(model::producer_id but_for) const {
  if (open_ == nullptr) return std::nullopt;
  for (const auto& [first, producer] : *open_) {
    if (producer != but_for) return first;
  }
  return std::nullopt;
}

std::optional<model::offset> producer_state::open_transaction_of(model::producer_id producer) const {
  const auto* found = producers_.find(producer);
  if (found == nullptr || found->current_txn_first_offset == model::no_offset) return std::nullopt;
  return found->current_txn_first_offset;
}

}  // namespace tidelog::storage
