#pragma once
// What can be wrong with a record batch or its records. Each outcome has its own name, because the layers
// above answer them differently: a torn tail is cut, corruption is reported, a bad request is refused.

#include <system_error>

namespace tidelog::model {

enum class batch_errc {
  /// Fewer bytes than a header.
  truncated_header = 1,
  /// The header is there; the bytes end before its length says.
  truncated_body,
  /// A header of zeros only: space that was laid out and never written.
  zero_filled,
  /// The length field is less than a header needs.
  bad_length,
  /// Format versions 0 and 1, which were message sets.
  legacy_magic,
  unknown_magic,
  bad_crc,
  /// Attributes name a compression that does not exist.
  unknown_compression,
  /// Negative or overflowing offsets, or a last offset delta below zero.
  bad_offsets,
  /// Record count and last offset delta do not go together.
  bad_record_count,
  /// A producer sent a batch without records.
  empty_batch,
  /// A producer sent a batch that only the broker may write.
  unexpected_control_batch,
  /// A producer id without epoch or sequence, or transactional records without a producer id.
  bad_producer_fields,
  /// Bytes that follow the batch where there should be nothing else.
  trailing_batch,
  /// A length, count or variable-length integer in the records that cannot be.
  bad_record_framing,
  /// The records end before the record count is reached, or in the middle of a record.
  truncated_records,
  /// Bytes after the last record.
  trailing_records,
  /// Offset deltas that do not count as they must.
  bad_offset_delta,
  /// A control record's key that is too short or of an unknown kind.
  bad_control_record,
};

[[nodiscard]] const std::error_category& batch_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(batch_errc code) noexcept {
  return {static_cast<int>(code), batch_category()};
}

}  // namespace tidelog::model

template <>
struct std::is_error_code_enum<tidelog::model::batch_errc> : std::true_type {};
