#include "tidelog/model/record_stream_checker.hpp"

#include "record_parser.hpp"

#include <algorithm>

namespace tidelog::model {
namespace {

constexpr batch_errc going_on = record_is_whole;

void note(std::vector<std::int32_t>& faults, std::int32_t index) {
  if (faults.size() < base::limits::record_faults_reported) faults.push_back(index);
}

std::int64_t zag_zig(std::uint64_t raw) {
  return static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

}  // namespace

record_stream_checker::record_stream_checker(const record_batch_header& batch,
                                             const record_check_options& options)
    : options_(options),
      base_timestamp_(batch.base_timestamp()),
      record_count_(batch.record_count()),
      last_offset_delta_(batch.last_offset_delta()) {}

base::status record_stream_checker::feed(base::byte_view bytes) {
  summary_.records_bytes += bytes.size();
  while (!bytes.empty()) {
    const bool between_records = part_ == part::length && integer_bytes_ == 0;
    batch_errc outcome = going_on;
    if (between_records) outcome = take_whole_records(bytes);
    if (outcome == going_on && !bytes.empty()) outcome = take_piece(bytes);
    if (outcome != going_on) return base::fail(outcome, "record {} of {}", seen_, record_count_);
  }
  return {};
}

base::result<record_check_summary> record_stream_checker::finish() {
  if (seen_ != record_count_ || part_ != part::length || integer_bytes_ != 0)
    return base::fail(batch_errc::truncated_records, "{} of {} records", seen_, record_count_);
  return std::move(summary_);
}

/// Stops before the first record that does not lie whole in `bytes`.
batch_errc record_stream_checker::take_whole_records(base::byte_view& bytes) {
  while (!bytes.empty()) {
    if (seen_ >= record_count_) return batch_errc::trailing_records;
    record_view record;
    const batch_errc outcome = parse_record(bytes, record);
    if (outcome == batch_errc::truncated_records) return going_on;
    if (outcome != record_is_whole) return outcome;
    const batch_errc noted = note_record(record.timestamp_delta, record.offset_delta, record.key.has_value());
    if (noted != going_on) return noted;
    bytes = bytes.subspan(record.size_bytes);
  }
  return going_on;
}

/// Takes one byte of an integer, or as much of a body as there is.
batch_errc record_stream_checker::take_piece(base::byte_view& bytes) {
  const std::size_t taken =
      is_in_body() ? static_cast<std::size_t>(std::min<std::uint64_t>(left_in_body_, bytes.size())) : 1;
  const std::byte first = bytes.front();
  bytes = bytes.subspan(taken);
  if (part_ != part::length) left_in_record_ -= taken;

  batch_errc outcome = going_on;
  if (is_in_body()) {
    left_in_body_ -= taken;
    if (left_in_body_ == 0) outcome = leave_body();
  } else if (part_ == part::attributes) {
    part_ = part::timestamp_delta;
  } else {
    outcome = take_byte_of_integer(first);
  }
  // Whatever comes next in this record needs at least one byte of it.
  if (outcome == going_on && part_ != part::length && left_in_record_ == 0)
    return batch_errc::bad_record_framing;
  return outcome;
}

batch_errc record_stream_checker::take_byte_of_integer(std::byte byte) {
  const std::size_t most_bytes =
      part_ == part::timestamp_delta ? base::max_varint64_bytes : base::max_varint32_bytes;
  // The last byte has room for what remains of 64 bits (one) or of 32 bits (four).
  const unsigned last_group_limit = part_ == part::timestamp_delta ? 0x01 : 0x0f;
  const auto value = std::to_integer<std::uint64_t>(byte);
  if (integer_bytes_ + 1 == most_bytes && value > last_group_limit) return batch_errc::bad_record_framing;
  integer_ |= (value & 0x7f) << (7 * integer_bytes_);
  ++integer_bytes_;
  if ((value & 0x80) != 0) return going_on;
  const std::int64_t whole = zag_zig(integer_);
  integer_ = 0;
  integer_bytes_ = 0;
  return accept_integer(whole);
}

batch_errc record_stream_checker::accept_integer(std::int64_t value) {
  switch (part_) {
    case part::length:
      if (value < 0) return batch_errc::bad_record_framing;
      left_in_record_ = static_cast<std::uint64_t>(value);
      part_ = part::attributes;
      return going_on;
    case part::timestamp_delta:
      timestamp_delta_ = value;
      part_ = part::offset_delta;
      return going_on;
    case part::offset_delta:
      offset_delta_ = static_cast<std::int32_t>(value);
      part_ = part::key_length;
      return going_on;
    case part::key_length:
      has_key_ = value >= 0;
      return enter_body(value, part::key);
    case part::value_length:
      return enter_body(value, part::value);
    case part::header_count:
      return begin_headers(value);
    case part::header_key_length:
      if (value < 0) return batch_errc::bad_record_framing;
      return enter_body(value, part::header_key);
    case part::header_value_length:
      return enter_body(value, part::header_value);
    default:
      return batch_errc::bad_record_framing;
  }
}

batch_errc record_stream_checker::enter_body(std::int64_t length, part body) {
  if (length < -1) return batch_errc::bad_record_framing;
  left_in_body_ = length < 0 ? 0 : static_cast<std::uint64_t>(length);
  if (left_in_body_ > left_in_record_) return batch_errc::bad_record_framing;
  part_ = body;
  return left_in_body_ == 0 ? leave_body() : going_on;
}

batch_errc record_stream_checker::leave_body() {
  switch (part_) {
    case part::key:
      part_ = part::value_length;
      return going_on;
    case part::value:
      part_ = part::header_count;
      return going_on;
    case part::header_key:
      part_ = part::header_value_length;
      return going_on;
    default:
      return end_header();
  }
}

batch_errc record_stream_checker::begin_headers(std::int64_t count) {
  if (count < 0) return batch_errc::bad_record_framing;
  headers_left_ = static_cast<std::int32_t>(count);
  part_ = part::header_key_length;
  return headers_left_ == 0 ? end_record() : going_on;
}

batch_errc record_stream_checker::end_header() {
  part_ = part::header_key_length;
  return --headers_left_ == 0 ? end_record() : going_on;
}

batch_errc record_stream_checker::end_record() {
  if (left_in_record_ != 0) return batch_errc::bad_record_framing;
  part_ = part::length;
  return note_record(timestamp_delta_, offset_delta_, has_key_);
}

batch_errc record_stream_checker::note_record(std::int64_t timestamp_delta, std::int32_t offset_delta,
                                              bool has_key) {
  const bool is_next = options_.deltas == offset_delta_order::contiguous
                           ? offset_delta == seen_
                           : offset_delta > previous_offset_delta_ && offset_delta <= last_offset_delta_;
  if (!is_next) return batch_errc::bad_offset_delta;
  previous_offset_delta_ = offset_delta;
  const timestamp at = apply_delta(base_timestamp_, timestamp_delta);
  if (at > summary_.max_timestamp) {
    summary_.max_timestamp = at;
    summary_.offset_delta_of_max_timestamp = offset_delta;
  }
  if (!has_key && options_.keys == key_policy::required) note(summary_.without_key, seen_);
  const bool is_early = options_.earliest_timestamp && at < *options_.earliest_timestamp;
  const bool is_late = options_.latest_timestamp && at > *options_.latest_timestamp;
  if ((is_early || is_late) && at != no_timestamp) note(summary_.outside_timestamps, seen_);
  ++seen_;
  return going_on;
}

bool record_stream_checker::is_in_body() const {
  return part_ == part::key || part_ == part::value || part_ == part::header_key ||
         part_ == part::header_value;
}

}  // namespace tidelog::model
