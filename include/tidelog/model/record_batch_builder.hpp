#pragma once
// Builds uncompressed record batches: what the client sends, what the metadata log writes, what the tests need.

#include "tidelog/model/record.hpp"

#include <span>
#include <vector>

namespace tidelog::model {

/// The header fields that the records do not decide.
struct record_batch_fields {
  offset base_offset{0};
  leader_epoch partition_leader_epoch = no_leader_epoch;
  model::producer_id producer_id = no_producer_id;
  model::producer_epoch producer_epoch = no_producer_epoch;
  sequence base_sequence = no_sequence;
  /// batch_attribute::transactional and ::control; compression and timestamp type are not the builder's to set.
  std::uint16_t attributes = 0;
};

/// Add records, then build once. Offset deltas count up from 0, the base timestamp is that of the first record and the
/// max timestamp the largest. A batch may not reach 2 GiB: look at size_bytes(). Not thread safe.
class record_batch_builder {
 public:
  record_batch_builder() : record_batch_builder(record_batch_fields{}) {}
  explicit record_batch_builder(const record_batch_fields& fields);

  void add(timestamp at, const nullable_bytes& key, const nullable_bytes& value,
           std::span<const record_header_view> headers = {});

  [[nodiscard]] std::int32_t record_count() const { return record_count_; }
  /// Of the batch as it stands, header included.
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.size(); }
  /// At least what the batch grows by with such a record.
  [[nodiscard]] static std::size_t most_bytes_of(const nullable_bytes& key, const nullable_bytes& value,
                                                 std::span<const record_header_view> headers = {});

  /// The batch, sealed. The builder is empty afterwards, with the same fields.
  [[nodiscard]] std::vector<std::byte> build();

 private:
  void append_integer(std::int32_t value);
  void append_integer(std::int64_t value);
  void append_bytes(const nullable_bytes& bytes);

  record_batch_fields fields_;
  std::vector<std::byte> bytes_;
  std::int32_t record_count_ = 0;
  timestamp base_timestamp_ = no_timestamp;
  timestamp max_timestamp_ = no_timestamp;
};

}  // namespace tidelog::model
