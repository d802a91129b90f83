#include "tidelog/model/record_batch.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/crc32c.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::model {
namespace {

/// The shortest message of formats 0 and 1: checksum, magic, attributes, key length, value length.
constexpr std::int32_t least_legacy_length = 14;

std::uint32_t computed_crc(base::byte_view batch) {
  return base::crc32c(batch.subspan(batch_position::attributes));
}

bool is_zero(base::byte_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value == std::byte{0}; });
}

void write_attributes(base::byte_span batch, std::uint16_t attributes) {
  base::store_big_endian(batch.data() + batch_position::attributes, attributes);
}

}  // namespace

std::string_view name_of(compression_type type) {
  switch (type) {
    case compression_type::none:
      return "none";
    case compression_type::gzip:
      return "gzip";
    case compression_type::snappy:
      return "snappy";
    case compression_type::lz4:
      return "lz4";
    case compression_type::zstd:
      return "zstd";
  }
  return "unknown";
}

sequence advance(sequence from, std::int32_t distance) {
  constexpr std::int64_t wrap = std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return sequence(static_cast<std::int32_t>((std::int64_t{from.value()} + distance) % wrap));
}

sequence record_batch_header::last_sequence() const {
  const sequence first = base_sequence();
  return first.value() < 0 ? no_sequence : advance(first, last_offset_delta());
}

base::result<record_batch_header> parse_record_batch_header(base::byte_view bytes,
                                                            std::uint64_t available_bytes) {
  if (bytes.size() <= batch_position::magic)
    return base::fail(batch_errc::truncated_header, "{} bytes", bytes.size());
  const record_batch_header header(bytes.data());
  const std::int32_t length = header.length();
  if (length < least_legacy_length) {
    if (is_zero(bytes.first(std::min(bytes.size(), batch_position::records))))
      return base::fail(batch_errc::zero_filled, "{} bytes", available_bytes);
    return base::fail(batch_errc::bad_length, "batch length {}", length);
  }
  const std::int8_t magic = header.magic();
  if (magic == 0 || magic == 1) return base::fail(batch_errc::legacy_magic, "magic {}", magic);
  if (magic != record_batch_magic) return base::fail(batch_errc::unknown_magic, "magic {}", magic);
  if (length < least_batch_length) return base::fail(batch_errc::bad_length, "batch length {}", length);
  if (bytes.size() < batch_position::records)
    return base::fail(batch_errc::truncated_header, "{} bytes", bytes.size());
  if (header.size_bytes() > available_bytes)
    return base::fail(batch_errc::truncated_body, "a batch of {} bytes in {}", header.size_bytes(),
                      available_bytes);
  return header;
}

base::result<record_batch_view> parse_record_batch(base::byte_view bytes) {
  const auto header = parse_record_batch_header(bytes, bytes.size());
  if (!header) return tl::unexpected<base::error>(header.error());
  return record_batch_view(*header);
}

base::result<record_batch_view> parse_only_record_batch(base::byte_view bytes) {
  auto batch = parse_record_batch(bytes);
  if (batch && batch->size_bytes() != bytes.size())
    return base::fail(batch_errc::trailing_batch, "{} bytes after a batch of {}",
                      bytes.size() - batch->size_bytes(), batch->size_bytes());
  return batch;
}

base::status verify_crc(const record_batch_view& batch) {
  const std::uint32_t computed = computed_crc(batch.bytes());
  if (computed != batch.crc())
    return base::fail(batch_errc::bad_crc, "batch at offset {}: checksum {:08x}, computed {:08x}",
                      batch.base_offset().value(), batch.crc(), computed);
  return {};
}

base::status check_header(const record_batch_header& batch) {
  const std::int64_t base_offset = batch.base_offset().value();
  const std::int32_t delta = batch.last_offset_delta();
  if (!is_known(batch.compression()))
    return base::fail(batch_errc::unknown_compression, "compression {}",
                      static_cast<int>(batch.compression()));
  if (base_offset < 0 || delta < 0 || base_offset >= std::numeric_limits<std::int64_t>::max() - delta)
    return base::fail(batch_errc::bad_offsets, "base offset {}, last offset delta {}", base_offset, delta);
  if (batch.record_count() < 0 || std::int64_t{batch.record_count()} > std::int64_t{delta} + 1)
    return base::fail(batch_errc::bad_record_count, "{} records, last offset delta {}", batch.record_count(),
                      delta);
  return {};
}

base::status check_produced_header(const record_batch_header& batch) {
  if (batch.is_control()) return base::fail(batch_errc::unexpected_control_batch, "produced batch");
  if (batch.record_count() == 0) return base::fail(batch_errc::empty_batch, "produced batch");
  TIDELOG_DO(check_header(batch));
  if (batch.base_offset() != offset(0))
    return base::fail(batch_errc::bad_offsets, "base offset {} in a produced batch",
                      batch.base_offset().value());
  if (std::int64_t{batch.record_count()} != std::int64_t{batch.last_offset_delta()} + 1)
    return base::fail(batch_errc::bad_record_count, "{} records, last offset delta {}", batch.record_count(),
                      batch.last_offset_delta());
  if (batch.has_producer_id() && (batch.producer_epoch().value() < 0 || batch.base_sequence().value() < 0))
    return base::fail(batch_errc::bad_producer_fields, "producer {}, epoch {}, sequence {}",
                      batch.producer_id().value(), batch.producer_epoch().value(),
                      batch.base_sequence().value());
  // No transaction could end what it belongs to.
  if (batch.is_transactional() && !batch.has_producer_id())
    return base::fail(batch_errc::bad_producer_fields, "transactional records without a producer");
  return {};
}

void set_base_offset(base::byte_span batch, offset base_offset) {
  TIDELOG_ASSERT(batch.size() >= batch_position::records);
  base::store_big_endian(batch.data() + batch_position::base_offset, base_offset.value());
}

void set_partition_leader_epoch(base::byte_span batch, leader_epoch epoch) {
  TIDELOG_ASSERT(batch.size() >= batch_position::records);
  base::store_big_endian(batch.data() + batch_position::leader_epoch, epoch.value());
}

void set_max_timestamp(base::byte_span batch, timestamp max_timestamp) {
  TIDELOG_ASSERT(batch.size() >= batch_position::records);
  base::store_big_endian(batch.data() + batch_position::max_timestamp, max_timestamp.value());
}

void set_log_append_time(base::byte_span batch, timestamp append_time) {
  set_max_timestamp(batch, append_time);
  const auto attributes = base::load_big_endian<std::uint16_t>(batch.data() + batch_position::attributes);
  write_attributes(batch, static_cast<std::uint16_t>(attributes | batch_attribute::log_append_time));
}

void reseal_crc(base::byte_span batch) {
  TIDELOG_ASSERT(batch.size() >= batch_position::records);
  base::store_big_endian(batch.data() + batch_position::crc, computed_crc(batch));
}

}  // namespace tidelog::model
