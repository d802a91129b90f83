#include "cleaner_filter.hpp"

#include "cleaner_batches.hpp"
#include "transaction_markers.hpp"

#include "tidelog/base/varint.hpp"
#include "tidelog/codec/compression.hpp"

#include <limits>

namespace tidelog::storage {
namespace {

constexpr std::size_t most_batch_bytes = std::numeric_limits<std::int32_t>::max();

struct new_header {
  std::uint16_t attributes;
  model::timestamp base_timestamp;
  model::timestamp max_timestamp;
  std::int32_t record_count;
};

/// `batch` begins with the header it was made from and is as long as it is going to be.
void seal(std::vector<std::byte>& batch, const new_header& header) {
  using at = model::batch_position;
  const auto length = static_cast<std::int32_t>(batch.size() - base::limits::record_batch_overhead_bytes);
  base::store_big_endian(batch.data() + at::length, length);
  base::store_big_endian(batch.data() + at::attributes, header.attributes);
  base::store_big_endian(batch.data() + at::base_timestamp, header.base_timestamp.value());
  base::store_big_endian(batch.data() + at::max_timestamp, header.max_timestamp.value());
  base::store_big_endian(batch.data() + at::record_count, header.record_count);
  model::reseal_crc(batch);
}

[[nodiscard]] std::vector<std::byte> header_of(const model::record_batch_view& batch) {
  const auto bytes = batch.bytes().first(model::batch_position::records);
  return {bytes.begin(), bytes.end()};
}

/// The batch without its records: offsets, producer and sequence stay.
[[nodiscard]] std::vector<std::byte> emptied(const model::record_batch_view& batch) {
  using attribute = model::batch_attribute;
  auto bytes = header_of(batch);
  const auto attributes = static_cast<std::uint16_t>(
      batch.attributes() & ~(attribute::compression_mask | attribute::delete_horizon));
  seal(bytes, {attributes, batch.max_timestamp(), batch.max_timestamp(), 0});
  return bytes;
}

/// `delta` as it counts from another base. What wraps here wraps back when a reader adds it.
[[nodiscard]] std::int64_t rebased(std::int64_t delta, std::int64_t old_base, std::int64_t new_base) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(delta) + static_cast<std::uint64_t>(old_base) -
                                   static_cast<std::uint64_t>(new_base));
}

/// The record as it reads with another timestamp delta.
[[nodiscard]] std::vector<std::byte> with_delta(base::byte_view record, std::int64_t delta) {
  // Whatever is read here has been checked by the walk that found the record.
  const auto length = base::read_varint32(record);
  const std::size_t attributes_at = length->bytes;
  const auto old_delta = base::read_varint64(record.subspan(attributes_at + 1));
  const auto rest = record.subspan(attributes_at + 1 + old_delta->bytes);
  const std::size_t body = 1 + base::varint_size(delta) + rest.size();
  std::vector<std::byte> made(base::max_varint32_bytes + base::max_varint64_bytes + 1 + rest.size());
  std::size_t at = base::write_varint32(made.data(), static_cast<std::int32_t>(body));
  made[at++] = record[attributes_at];
  at += base::write_varint64(made.data() + at, delta);
  std::copy(rest.begin(), rest.end(), made.begin() + static_cast<std::ptrdiff_t>(at));
  made.resize(at + rest.size());
  return made;
}

}  // namespace

batch_filter::batch_filter(const offset_map& newest, const transaction_outcomes& transactions,
                           const filter_rules& rules, std::span<const producer_snapshot_entry> producers)
    : newest_(newest), transactions_(transactions), rules_(rules) {
  producers_.reserve(producers.size());
  for (const auto& each : producers)
    producers_.emplace(each.producer, producer_end{each.last_offset, each.epoch});
}

bool batch_filter::is_last_of_producer(const model::record_batch_header& batch) const {
  if (!batch.has_producer_id()) return false;
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return false;
  // Where only markers are known of a producer, the last of them has its epoch.
  if (found->second.last_offset == model::no_offset) {
    return batch.is_control() && batch.producer_epoch() == found->second.epoch;
  }
  return batch.last_offset() == found->second.last_offset;
}

base::unix_ms batch_filter::new_horizon() const {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return rules_.delete_retention_ms > most - rules_.now_ms ? most
                                                           : rules_.now_ms + rules_.delete_retention_ms;
}

base::result<filtered_batch> batch_filter::apply(const model::record_batch_view& batch, position where) {
  if (batch.is_control()) return apply_to_control(batch, where);
  bool is_rolled_back = false;
  if (batch.is_transactional()) {
    in_transaction_.insert(batch.producer_id());
    const auto outcome = transactions_.of(batch);
    if (outcome == transaction_outcomes::outcome::undecided) {
      return filtered_batch{.records_kept = batch.record_count()};
    }
    is_rolled_back = outcome == transaction_outcomes::outcome::aborted;
  }
  if (batch.base_offset() >= rules_.mapped_end) return filtered_batch{.records_kept = batch.record_count()};

  survey seen;
  if (!is_rolled_back && batch.record_count() > 0) {
    TIDELOG_TRY(seen, look_at(batch));
  }
  filtered_batch result{.records_kept = seen.kept_count, .records_without_key = seen.without_key};
  if (seen.kept_count == 0) {
    const bool header_stays = where == position::last_of_segment || is_last_of_producer(batch);
    if (!header_stays) {
      result.what = filtered_batch::fate::dropped;
    } else if (batch.record_count() > 0) {
      result.what = filtered_batch::fate::rebuilt;
      result.rebuilt = emptied(batch);
    }
    return result;
  }
  // The horizon is one for all: it begins with the cleaning that has met all of them.
  const bool is_met_whole = batch.next_offset() <= rules_.mapped_end;
  const bool wants_horizon = seen.has_tombstone && !batch.has_delete_horizon() && is_met_whole;
  if (seen.kept_count == batch.record_count() && !wants_horizon) return result;
  result.what = filtered_batch::fate::rebuilt;
  TIDELOG_TRY(result.rebuilt,
              rebuild(batch, seen, wants_horizon ? std::optional(new_horizon()) : std::nullopt));
  return result;
}

base::result<filtered_batch> batch_filter::apply_to_control(const model::record_batch_view& batch,
                                                            position where) {
  filtered_batch result{.records_kept = batch.record_count()};
  const auto marker = marker_in(batch);
  if (!marker) return result;
  const bool has_batches = in_transaction_.erase(batch.producer_id()) > 0;
  if (has_batches || batch.base_offset() >= rules_.mapped_end) return result;
  if (!batch.has_delete_horizon()) {
    survey all;
    all.kept.assign(static_cast<std::size_t>(batch.record_count()), true);
    all.kept_count = batch.record_count();
    all.largest = batch.max_timestamp();
    result.what = filtered_batch::fate::rebuilt;
    TIDELOG_TRY(result.rebuilt, rebuild(batch, all, new_horizon()));
    return result;
  }
  const bool is_due = batch.base_timestamp().value() <= rules_.now_ms;
  if (!is_due || where == position::last_of_segment || is_last_of_producer(batch)) return result;
  result.what = filtered_batch::fate::dropped;
  result.records_kept = 0;
  if (marker->outcome == model::transaction_outcome::aborted)
    dropped_markers_.insert(batch.last_offset().value());
  return result;
}

bool batch_filter::stays(const model::record_batch_view& batch, const model::record_view& record) const {
  const model::offset at = model::offset_of(batch, record);
  if (at >= rules_.mapped_end) return true;
  if (!record.key) return false;
  const auto newest = newest_.find(*record.key);
  if (newest && *newest > at) return false;
  if (record.value) return true;
  return !batch.has_delete_horizon() || batch.base_timestamp().value() > rules_.now_ms;
}

base::result<batch_filter::survey> batch_filter::look_at(const model::record_batch_view& batch) const {
  survey seen;
  TIDELOG_DO(
      visit_records(batch, [&](const model::record_view& record, base::byte_view bytes) -> base::status {
        const bool kept = stays(batch, record);
        seen.kept.push_back(kept);
        if (!record.key) ++seen.without_key;
        if (!kept) return {};
        ++seen.kept_count;
        seen.kept_bytes += bytes.size();
        if (!record.value) seen.has_tombstone = true;
        seen.largest = std::max(seen.largest, model::timestamp_of(batch, record));
        return {};
      }));
  return seen;
}

base::result<std::vector<std::byte>> batch_filter::rebuild(const model::record_batch_view& batch,
                                                           const survey& seen,
                                                           std::optional<base::unix_ms> horizon) const {
  codec::compressor_options options;
  options.type = batch.compression();
  options.prefix = header_of(batch);
  options.most_bytes = most_batch_bytes;
  // With another base timestamp every record changes its length.
  if (!horizon) options.content_bytes = seen.kept_bytes;
  TIDELOG_TRY(auto compressor, codec::make_compressor(std::move(options)));
  const std::int64_t old_base = batch.base_timestamp().value();
  std::size_t index = 0;
  TIDELOG_DO(
      visit_records(batch, [&](const model::record_view& record, base::byte_view bytes) -> base::status {
        if (!seen.kept[index++]) return {};
        if (!horizon) return compressor->add(bytes);
        return compressor->add(with_delta(bytes, rebased(record.timestamp_delta, old_base, *horizon)));
      }));
  TIDELOG_TRY(auto made, compressor->finish());
  const auto attributes =
      static_cast<std::uint16_t>(batch.attributes() | (horizon ? model::batch_attribute::delete_horizon : 0));
  const bool stamped_by_broker = batch.timestamp_type() == model::timestamp_type::log_append_time;
  seal(made, {attributes, horizon ? model::timestamp(*horizon) : batch.base_timestamp(),
              stamped_by_broker ? batch.max_timestamp() : seen.largest,
              static_cast<std::int32_t>(seen.kept_count)});
  return made;
}

}  // namespace tidelog::storage
