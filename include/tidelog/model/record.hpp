#pragma once
// Records as they lie, uncompressed, in a batch. Integers are zig-zag varints unless a size is given.
//
//   length            of what follows, in bytes
//   attributes        1 byte, unused
//   timestampDelta    to the batch's baseTimestamp; 64 bits
//   offsetDelta       to the batch's baseOffset
//   keyLength, key    length -1 for null
//   valueLength, value
//   header count, then for each: keyLength, key (never null), valueLength, value (length -1 for null)

#include "tidelog/model/record_batch.hpp"

#include <array>
#include <optional>
#include <span>

namespace tidelog::model {

/// Null and empty are different.
using nullable_bytes = std::optional<base::byte_view>;

struct record_header_view {
  base::byte_view key{};
  nullable_bytes value{};
};

/// One record, viewed where it lies.
struct record_view {
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  nullable_bytes key{};
  nullable_bytes value{};
  std::int32_t header_count = 0;
  /// The headers as encoded; record_header_reader walks them.
  base::byte_view header_bytes{};
  /// Of the whole record, its length field included.
  std::size_t size_bytes = 0;
};

/// The record's own timestamp, or the batch's where that has the time of the append.
[[nodiscard]] timestamp timestamp_of(const record_batch_header& batch, const record_view& record);
[[nodiscard]] offset offset_of(const record_batch_header& batch, const record_view& record);

/// Walks the headers of a record that a record_reader returned.
class record_header_reader {
 public:
  explicit record_header_reader(const record_view& record)
      : rest_(record.header_bytes), left_(record.header_count) {}
  /// Nothing after the last.
  [[nodiscard]] std::optional<record_header_view> next();

 private:
  base::byte_view rest_;
  std::int32_t left_;
};

/// Walks uncompressed records, checking their framing on the way. Views stay valid as long as the bytes.
class record_reader {
 public:
  record_reader(base::byte_view records, std::int32_t record_count) : rest_(records), left_(record_count) {}
  /// Nothing after the last record. Fails with bad_record_framing, truncated_records or trailing_records; the reader is
  /// of no use after that.
  [[nodiscard]] base::result<std::optional<record_view>> next();

 private:
  base::byte_view rest_;
  std::int32_t left_;
  std::int32_t index_ = 0;
};

/// The record at the front of `bytes`, which others may follow; nothing when the bytes end before the record does. Fails
/// with bad_record_framing.
[[nodiscard]] base::result<std::optional<record_view>> parse_first_record(base::byte_view bytes);

/// What a control record means; its key is version int16, type int16.
enum class control_record_type : std::int16_t {
  abort = 0,
  commit = 1,
  leader_change = 2,
  snapshot_header = 3,
  snapshot_footer = 4,
  kraft_version = 5,
  kraft_voters = 6,
};
/// Fails with bad_control_record.
[[nodiscard]] base::result<control_record_type> parse_control_key(const nullable_bytes& key);
[[nodiscard]] std::array<std::byte, 4> encode_control_key(control_record_type type);

}  // namespace tidelog::model
