#include "tidelog/model/record.hpp"

#include "record_parser.hpp"

namespace tidelog::model {

timestamp timestamp_of(const record_batch_header& batch, const record_view& record) {
  if (batch.timestamp_type() == timestamp_type::log_append_time) return batch.max_timestamp();
  return apply_delta(batch.base_timestamp(), record.timestamp_delta);
}

offset offset_of(const record_batch_header& batch, const record_view& record) {
  return offset(static_cast<std::int64_t>(static_cast<std::uint64_t>(batch.base_offset().value()) +
                                          static_cast<std::uint64_t>(record.offset_delta)));
}

std::optional<record_header_view> record_header_reader::next() {
  if (left_ == 0) return std::nullopt;
  record_cursor cursor(rest_);
  record_header_view header;
  if (!read_header(cursor, header)) return std::nullopt;
  rest_ = cursor.rest();
  --left_;
  return header;
}

base::result<std::optional<record_view>> record_reader::next() {
  if (left_ <= 0) {
    if (!rest_.empty())
      return base::fail(batch_errc::trailing_records, "{} bytes after record {}", rest_.size(), index_);
    return std::optional<record_view>{};
  }
  record_view record;
  if (const batch_errc outcome = parse_record(rest_, record); outcome != record_is_whole)
    return base::fail(outcome, "record {}", index_);
  rest_ = rest_.subspan(record.size_bytes);
  --left_;
  ++index_;
  return std::optional<record_view>(record);
}

base::result<std::optional<record_view>> parse_first_record(base::byte_view bytes) {
  record_view record;
  const auto outcome = parse_record(bytes, record);
  if (outcome == batch_errc::truncated_records) return std::nullopt;
  if (outcome != record_is_whole) return base::fail(outcome, "in {} bytes", bytes.size());
  return std::optional(record);
}

base::result<control_record_type> parse_control_key(const nullable_bytes& key) {
  if (!key || key->size() < 4) return base::fail(batch_errc::bad_control_record, "no type in the key");
  const auto type = base::load_big_endian<std::int16_t>(key->data() + 2);
  if (type < 0 || type > static_cast<std::int16_t>(control_record_type::kraft_voters))
    return base::fail(batch_errc::bad_control_record, "type {}", type);
  return static_cast<control_record_type>(type);
}

std::array<std::byte, 4> encode_control_key(control_record_type type) {
  std::array<std::byte, 4> key{};
  base::store_big_endian(key.data() + 2, static_cast<std::int16_t>(type));
  return key;
}

}  // namespace tidelog::model
