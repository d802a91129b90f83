#pragma once
// The record batch, format version ("magic") 2: the unit in which records travel and are stored, unchanged
// from the producer's memory to the consumer's. All integers are big-endian.
//
//   position size field
//          0    8 baseOffset             offset of the first record; set by the broker, outside the checksum
//          8    4 batchLength            bytes after this field: 49 + the records
//         12    4 partitionLeaderEpoch   set by the broker, outside the checksum
//         16    1 magic                  2
//         17    4 crc                    CRC32C of everything from attributes to the end
//         21    2 attributes             bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control,
//                                        6 baseTimestamp is a delete horizon
//         23    4 lastOffsetDelta        last offset - base offset; stays when compaction removes records
//         27    8 baseTimestamp          what the records' timestamp deltas are added to
//         35    8 maxTimestamp           largest timestamp; the append's when the timestamp type says so
//         43    8 producerId             -1 for none
//         51    2 producerEpoch          -1 for none
//         53    4 baseSequence           -1 for none; counts records and wraps from 2^31 - 1 to 0
//         57    4 recordCount
//         61      records                see record.hpp; one compressed stream when the attributes say so

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/limits.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/model/batch_error.hpp"
#include "tidelog/model/types.hpp"

namespace tidelog::model {

/// Positions of the fields in the drawing above.
struct batch_position {
  static constexpr std::size_t base_offset = 0;
  static constexpr std::size_t length = 8;
  static constexpr std::size_t leader_epoch = 12;
  static constexpr std::size_t magic = 16;
  static constexpr std::size_t crc = 17;
  static constexpr std::size_t attributes = 21;
  static constexpr std::size_t last_offset_delta = 23;
  static constexpr std::size_t base_timestamp = 27;
  static constexpr std::size_t max_timestamp = 35;
  static constexpr std::size_t producer_id = 43;
  static constexpr std::size_t producer_epoch = 51;
  static constexpr std::size_t base_sequence = 53;
  static constexpr std::size_t record_count = 57;
  static constexpr std::size_t records = 61;
};
static_assert(batch_position::records == base::limits::record_batch_header_bytes);
static_assert(batch_position::leader_epoch == base::limits::record_batch_overhead_bytes);

inline constexpr std::int8_t record_batch_magic = 2;
/// The batch length of a batch without records.
inline constexpr std::int32_t least_batch_length = batch_position::records - batch_position::leader_epoch;

struct batch_attribute {
  static constexpr std::uint16_t compression_mask = 0x07;
  static constexpr std::uint16_t log_append_time = 0x08;
  static constexpr std::uint16_t transactional = 0x10;
  static constexpr std::uint16_t control = 0x20;
  static constexpr std::uint16_t delete_horizon = 0x40;
};

/// Values as the attributes carry them; 5 to 7 may come off the wire and are no compression.
enum class compression_type : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
[[nodiscard]] constexpr bool is_known(compression_type type) {
  return type <= compression_type::zstd;
}
/// Kafka's name for it, "unknown" for what is none.
[[nodiscard]] std::string_view name_of(compression_type type);

enum class timestamp_type : std::uint8_t { create_time = 0, log_append_time = 1 };

/// The header of a batch, viewed where it lies: valid for as long as the bytes are. Accessors return what is
/// written there and trust nothing: only the length has been checked.
class record_batch_header {
 public:
  [[nodiscard]] offset base_offset() const { return offset(read<std::int64_t>(batch_position::base_offset)); }
  [[nodiscard]] std::int32_t length() const { return read<std::int32_t>(batch_position::length); }
  [[nodiscard]] leader_epoch partition_leader_epoch() const {
    return leader_epoch(read<std::int32_t>(batch_position::leader_epoch));
  }
  [[nodiscard]] std::int8_t magic() const { return read<std::int8_t>(batch_position::magic); }
  [[nodiscard]] std::uint32_t crc() const { return read<std::uint32_t>(batch_position::crc); }
  [[nodiscard]] std::uint16_t attributes() const { return read<std::uint16_t>(batch_position::attributes); }
  [[nodiscard]] std::int32_t last_offset_delta() const {
    return read<std::int32_t>(batch_position::last_offset_delta);
  }
  [[nodiscard]] timestamp base_timestamp() const {
    return timestamp(read<std::int64_t>(batch_position::base_timestamp));
  }
  [[nodiscard]] timestamp max_timestamp() const {
    return timestamp(read<std::int64_t>(batch_position::max_timestamp));
  }
  [[nodiscard]] model::producer_id producer_id() const {
    return model::producer_id(read<std::int64_t>(batch_position::producer_id));
  }
  [[nodiscard]] model::producer_epoch producer_epoch() const {
    return model::producer_epoch(read<std::int16_t>(batch_position::producer_epoch));
  }
  [[nodiscard]] sequence base_sequence() const {
    return sequence(read<std::int32_t>(batch_position::base_sequence));
  }
  [[nodiscard]] std::int32_t record_count() const { return read<std::int32_t>(batch_position::record_count); }

  [[nodiscard]] offset last_offset() const { return after_base(last_offset_delta()); }
  /// The offset that follows the batch.
  [[nodiscard]] offset next_offset() const { return after_base(std::int64_t{last_offset_delta()} + 1); }
  /// Of the record with the last offset; none when the batch has no base sequence.
  [[nodiscard]] sequence last_sequence() const;

  [[nodiscard]] compression_type compression() const {
    return static_cast<compression_type>(attributes() & batch_attribute::compression_mask);
  }
  [[nodiscard]] model::timestamp_type timestamp_type() const {
    return has(batch_attribute::log_append_time) ? timestamp_type::log_append_time
                                                 : timestamp_type::create_time;
  }
  [[nodiscard]] bool is_transactional() const { return has(batch_attribute::transactional); }
  [[nodiscard]] bool is_control() const { return has(batch_attribute::control); }
  [[nodiscard]] bool has_delete_horizon() const { return has(batch_attribute::delete_horizon); }
  [[nodiscard]] bool has_producer_id() const { return producer_id().value() >= 0; }

  /// Of the whole batch, header included.
  [[nodiscard]] std::size_t size_bytes() const {
    return static_cast<std::size_t>(length()) + base::limits::record_batch_overhead_bytes;
  }

 protected:
  explicit record_batch_header(const std::byte* from) : from_(from) {}
  [[nodiscard]] const std::byte* begin() const { return from_; }
  friend base::result<record_batch_header> parse_record_batch_header(base::byte_view bytes,
                                                                     std::uint64_t available_bytes);

 private:
  template <class T>
  [[nodiscard]] T read(std::size_t position) const {
    return base::load_big_endian<T>(from_ + position);
  }
  [[nodiscard]] bool has(std::uint16_t attribute) const { return (attributes() & attribute) != 0; }
  /// Wraps instead of overflowing: a base offset off the wire may be anything.
  [[nodiscard]] offset after_base(std::int64_t distance) const {
    return offset(static_cast<std::int64_t>(static_cast<std::uint64_t>(base_offset().value()) +
                                            static_cast<std::uint64_t>(distance)));
  }

  const std::byte* from_;
};

/// A whole batch, viewed where it lies.
class record_batch_view : public record_batch_header {
 public:
  [[nodiscard]] base::byte_view bytes() const { return {begin(), size_bytes()}; }
  /// The records as they are stored, compressed or not.
  [[nodiscard]] base::byte_view records() const { return bytes().subspan(batch_position::records); }

 private:
  explicit record_batch_view(const record_batch_header& header) : record_batch_header(header) {}
  friend base::result<record_batch_view> parse_record_batch(base::byte_view bytes);
};

/// Reads the header at the front of `bytes`, for scans that do not want the records in memory.
/// `available_bytes` is what there is from the front of the batch on (the rest of the file), at least
/// bytes.size(). Checks magic and length only; fails with zero_filled, bad_length, legacy_magic,
/// unknown_magic, truncated_header or truncated_body. `bytes` should have 61 bytes where available_bytes has.
[[nodiscard]] base::result<record_batch_header> parse_record_batch_header(base::byte_view bytes,
                                                                          std::uint64_t available_bytes);
/// Reads the first batch in `bytes`; others may follow it. Checks and fails as above.
[[nodiscard]] base::result<record_batch_view> parse_record_batch(base::byte_view bytes);
/// The same for bytes that are to hold one batch and nothing else; fails with trailing_batch too.
[[nodiscard]] base::result<record_batch_view> parse_only_record_batch(base::byte_view bytes);

/// Fails with bad_crc.
[[nodiscard]] base::status verify_crc(const record_batch_view& batch);

/// What every batch in a log keeps: a known compression, offsets that do not overflow, no more records than
/// offsets. Fails with unknown_compression, bad_offsets or bad_record_count. Says nothing about the records
/// themselves.
[[nodiscard]] base::status check_header(const record_batch_header& batch);
/// What the broker further asks of a batch that a producer sends: at least one record, one record for each
/// offset, base offset 0, no control batch, an epoch and a sequence with a producer id. Includes
/// check_header.
[[nodiscard]] base::status check_produced_header(const record_batch_header& batch);

/// The sequence `distance` records after `from`; wraps from 2^31 - 1 to 0.
[[nodiscard]] sequence advance(sequence from, std::int32_t distance);

// Changing a batch where it lies. `batch` is a parsed batch's bytes. The first two fields are outside the
// checksum; after any of the others reseal_crc must follow.
void set_base_offset(base::byte_span batch, offset base_offset);
void set_partition_leader_epoch(base::byte_span batch, leader_epoch epoch);
void set_max_timestamp(base::byte_span batch, timestamp max_timestamp);
/// The batch's records count as appended at `append_time`, whatever their own timestamps say.
void set_log_append_time(base::byte_span batch, timestamp append_time);
/// Writes the checksum of what `batch` now holds. `batch` is exactly one batch.
void reseal_crc(base::byte_span batch);

}  // namespace tidelog::model
