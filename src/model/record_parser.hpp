#pragma once
// The framing of one record that lies whole in memory. Inline, because every produced record passes through it.

#include "tidelog/base/varint.hpp"
#include "tidelog/model/record.hpp"

namespace tidelog::model {

inline constexpr batch_errc record_is_whole{0};

/// Reads from the front of a range and remembers where it is.
class record_cursor {
 public:
  explicit record_cursor(base::byte_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] base::byte_view rest() const { return {at_, left()}; }

  [[nodiscard]] bool skip(std::size_t count) {
    if (count > left()) return false;
    at_ += count;
    return true;
  }
  [[nodiscard]] bool read(std::int32_t& value) {
    if (read_short(value)) return true;
    const auto decoded = base::read_varint32(rest());
    if (!decoded) return false;
    value = decoded->value;
    at_ += decoded->bytes;
    return true;
  }
  [[nodiscard]] bool read(std::int64_t& value) {
    if (read_short(value)) return true;
    const auto decoded = base::read_varint64(rest());
    if (!decoded) return false;
    value = decoded->value;
    at_ += decoded->bytes;
    return true;
  }
  /// A length and as many bytes; null for length -1.
  [[nodiscard]] bool read(nullable_bytes& bytes) {
    std::int32_t length = 0;
    if (!read(length) || length < -1) return false;
    if (length == -1) {
      bytes.reset();
      return true;
    }
    const auto size = static_cast<std::size_t>(length);
    if (size > left()) return false;
    bytes.emplace(at_, size);
    at_ += size;
    return true;
  }

 private:
  /// Most integers in records take one byte or two; the rest is left to the general reader.
  template <class T>
  [[nodiscard]] bool read_short(T& value) {
    if (left() < 2) return false;
    const auto first = std::to_integer<std::uint32_t>(at_[0]);
    const auto second = std::to_integer<std::uint32_t>(at_[1]);
    const bool is_single = first < 0x80;
    if (!is_single && second >= 0x80) return false;
    const std::uint32_t raw = is_single ? first : (first & 0x7f) | (second << 7);
    value = static_cast<T>(static_cast<std::int32_t>(raw >> 1) ^ -static_cast<std::int32_t>(raw & 1));
    at_ += is_single ? 1 : 2;
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
};

[[nodiscard]] inline bool read_header(record_cursor& from, record_header_view& header) {
  nullable_bytes key;
  if (!from.read(key) || !key) return false;
  header.key = *key;
  return from.read(header.value);
}

/// Parses the record at the front of `bytes`. Returns record_is_whole, truncated_records when the bytes end before the
/// record does, or bad_record_framing.
[[nodiscard]] inline batch_errc parse_record(base::byte_view bytes, record_view& record) {
  record_cursor outer(bytes);
  std::int32_t length = 0;
  if (!outer.read(length))
    return bytes.size() < base::max_varint32_bytes ? batch_errc::truncated_records
                                                   : batch_errc::bad_record_framing;
  if (length < 0) return batch_errc::bad_record_framing;
  const auto body_size = static_cast<std::size_t>(length);
  if (body_size > outer.left()) return batch_errc::truncated_records;

  record_cursor body(outer.rest().first(body_size));
  const bool head_is_good = body.skip(1) && body.read(record.timestamp_delta) &&
                            body.read(record.offset_delta) && body.read(record.key) &&
                            body.read(record.value) && body.read(record.header_count) &&
                            record.header_count >= 0;
  if (!head_is_good) return batch_errc::bad_record_framing;
  record.header_bytes = body.rest();
  // A header takes at least two bytes, so a false count ends the loop with the body.
  for (std::int32_t i = 0; i < record.header_count; ++i) {
    record_header_view header;
    if (!read_header(body, header)) return batch_errc::bad_record_framing;
  }
  if (body.left() != 0) return batch_errc::bad_record_framing;
  record.size_bytes = bytes.size() - outer.left() + body_size;
  return record_is_whole;
}

/// Wraps instead of overflowing: a delta off the wire may be anything.
[[nodiscard]] inline timestamp apply_delta(timestamp base_timestamp, std::int64_t delta) {
  return timestamp(static_cast<std::int64_t>(static_cast<std::uint64_t>(base_timestamp.value()) +
                                             static_cast<std::uint64_t>(delta)));
}

}  // namespace tidelog::model
