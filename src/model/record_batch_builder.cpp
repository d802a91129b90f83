#include "tidelog/model/record_batch_builder.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/varint.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::model {
namespace {

constexpr std::uint16_t settable_attributes = batch_attribute::transactional | batch_attribute::control;

std::size_t encoded_size(const nullable_bytes& bytes) {
  if (!bytes) return base::varint_size(std::int32_t{-1});
  return base::varint_size(static_cast<std::int32_t>(bytes->size())) + bytes->size();
}

/// Of key, value and headers: what does not depend on the record's place in the batch.
std::size_t content_size(const nullable_bytes& key, const nullable_bytes& value,
                         std::span<const record_header_view> headers) {
  std::size_t size = encoded_size(key) + encoded_size(value);
  size += base::varint_size(static_cast<std::int32_t>(headers.size()));
  for (const auto& header : headers) size += encoded_size(header.key) + encoded_size(header.value);
  return size;
}

}  // namespace

record_batch_builder::record_batch_builder(const record_batch_fields& fields) : fields_(fields) {
  TIDELOG_ASSERT((fields.attributes & ~settable_attributes) == 0, "attributes={}", fields.attributes);
  bytes_.resize(batch_position::records);
}

std::size_t record_batch_builder::most_bytes_of(const nullable_bytes& key, const nullable_bytes& value,
                                                std::span<const record_header_view> headers) {
  return 2 * base::max_varint32_bytes + 1 + base::max_varint64_bytes + content_size(key, value, headers);
}

void record_batch_builder::add(timestamp at, const nullable_bytes& key, const nullable_bytes& value,
                               std::span<const record_header_view> headers) {
  if (record_count_ == 0) base_timestamp_ = at;
  // Wraps, and the reader's addition wraps back: timestamps come from users.
  const auto timestamp_delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(at.value()) -
                                                         static_cast<std::uint64_t>(base_timestamp_.value()));
  const std::size_t length = 1 + base::varint_size(timestamp_delta) + base::varint_size(record_count_) +
                             content_size(key, value, headers);
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  TIDELOG_ASSERT(length <= most - base::max_varint32_bytes, "length={}", length);
  TIDELOG_ASSERT(bytes_.size() <= most - base::max_varint32_bytes - length, "size={}", bytes_.size());

  append_integer(static_cast<std::int32_t>(length));
  bytes_.push_back(std::byte{0});
  append_integer(timestamp_delta);
  append_integer(record_count_);
  append_bytes(key);
  append_bytes(value);
  append_integer(static_cast<std::int32_t>(headers.size()));
  for (const auto& header : headers) {
    append_bytes(header.key);
    append_bytes(header.value);
  }
  max_timestamp_ = std::max(max_timestamp_, at);
  ++record_count_;
}

std::vector<std::byte> record_batch_builder::build() {
  std::byte* to = bytes_.data();
  const auto length = static_cast<std::int32_t>(bytes_.size() - base::limits::record_batch_overhead_bytes);
  base::store_big_endian(to + batch_position::base_offset, fields_.base_offset.value());
  base::store_big_endian(to + batch_position::length, length);
  base::store_big_endian(to + batch_position::leader_epoch, fields_.partition_leader_epoch.value());
  base::store_big_endian(to + batch_position::magic, record_batch_magic);
  base::store_big_endian(to + batch_position::attributes, fields_.attributes);
  // A batch without records has no last offset; 0 keeps its header one that can be read.
  base::store_big_endian(to + batch_position::last_offset_delta, std::max(record_count_ - 1, 0));
  base::store_big_endian(to + batch_position::base_timestamp, base_timestamp_.value());
  base::store_big_endian(to + batch_position::max_timestamp, max_timestamp_.value());
  base::store_big_endian(to + batch_position::producer_id, fields_.producer_id.value());
  base::store_big_endian(to + batch_position::producer_epoch, fields_.producer_epoch.value());
  base::store_big_endian(to + batch_position::base_sequence, fields_.base_sequence.value());
  base::store_big_endian(to + batch_position::record_count, record_count_);
  reseal_crc(bytes_);

  std::vector<std::byte> batch = std::move(bytes_);
  bytes_.assign(batch_position::records, std::byte{0});
  record_count_ = 0;
  base_timestamp_ = max_timestamp_ = no_timestamp;
  return batch;
}

void record_batch_builder::append_integer(std::int32_t value) {
  std::byte buffer[base::max_varint32_bytes];
  bytes_.insert(bytes_.end(), buffer, buffer + base::write_varint32(buffer, value));
}

void record_batch_builder::append_integer(std::int64_t value) {
  std::byte buffer[base::max_varint64_bytes];
  bytes_.insert(bytes_.end(), buffer, buffer + base::write_varint64(buffer, value));
}

void record_batch_builder::append_bytes(const nullable_bytes& bytes) {
  if (!bytes) return append_integer(std::int32_t{-1});
  append_integer(static_cast<std::int32_t>(bytes->size()));
  bytes_.insert(bytes_.end(), bytes->begin(), bytes->end());
}

}  // namespace tidelog::model
