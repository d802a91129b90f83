#pragma once
// Checks the records of a batch as they come, in pieces of any size and in constant memory: what is fed may be the
// whole uncompressed records or what a decompressor lets out. Bodies of keys, values and headers are skipped, not read.

#include "tidelog/model/record.hpp"

#include <vector>

namespace tidelog::model {

enum class key_policy { optional, required };
enum class offset_delta_order {
  /// 0, 1, 2, … as a producer must number them.
  contiguous,
  /// Rising, with gaps, as compaction leaves them.
  increasing,
};

struct record_check_options {
  offset_delta_order deltas = offset_delta_order::contiguous;
  /// `required` notes the records without a key; it does not fail.
  key_policy keys = key_policy::optional;
  /// Records with timestamps outside are noted. Timestamp -1 (none) always passes.
  std::optional<timestamp> earliest_timestamp{};
  std::optional<timestamp> latest_timestamp{};
};

struct record_check_summary {
  /// The largest timestamp by the records' own word, and the first record that has it.
  timestamp max_timestamp = no_timestamp;
  std::int32_t offset_delta_of_max_timestamp = 0;
  /// Indexes of the first offending records, at most limits::record_faults_reported of each kind.
  std::vector<std::int32_t> without_key{};
  std::vector<std::int32_t> outside_timestamps{};
  /// Uncompressed size of the records.
  std::uint64_t records_bytes = 0;
};

/// Feed everything, then finish. After a failure the checker is of no use. Not thread safe.
class record_stream_checker {
 public:
  /// Takes record count, base timestamp and last offset delta from the header, which need not outlive the call.
  record_stream_checker(const record_batch_header& batch, const record_check_options& options);

  /// Fails with bad_record_framing, bad_offset_delta or trailing_records.
  [[nodiscard]] base::status feed(base::byte_view bytes);
  /// Fails with truncated_records.
  [[nodiscard]] base::result<record_check_summary> finish();

 private:
  /// What the next byte belongs to.
  enum class part {
    length,
    attributes,
    timestamp_delta,
    offset_delta,
    key_length,
    key,
    value_length,
    value,
    header_count,
    header_key_length,
    header_key,
    header_value_length,
    header_value,
  };

  [[nodiscard]] batch_errc take_whole_records(base::byte_view& bytes);
  [[nodiscard]] batch_errc take_piece(base::byte_view& bytes);
  [[nodiscard]] batch_errc take_byte_of_integer(std::byte byte);
  [[nodiscard]] batch_errc accept_integer(std::int64_t value);
  [[nodiscard]] batch_errc enter_body(std::int64_t length, part body);
  [[nodiscard]] batch_errc leave_body();
  [[nodiscard]] batch_errc begin_headers(std::int64_t count);
  [[nodiscard]] batch_errc end_header();
  [[nodiscard]] batch_errc end_record();
  [[nodiscard]] batch_errc note_record(std::int64_t timestamp_delta, std::int32_t offset_delta, bool has_key);
  [[nodiscard]] bool is_in_body() const;

  record_check_options options_;
  timestamp base_timestamp_;
  std::int32_t record_count_;
  std::int32_t last_offset_delta_;
  record_check_summary summary_;
  std::int32_t seen_ = 0;
  std::int32_t previous_offset_delta_ = -1;

  // Of the record that the pieces have cut.
  part part_ = part::length;
  std::uint64_t integer_ = 0;
  unsigned integer_bytes_ = 0;
  std::uint64_t left_in_record_ = 0;
  std::uint64_t left_in_body_ = 0;
  std::int64_t timestamp_delta_ = 0;
  std::int32_t offset_delta_ = 0;
  std::int32_t headers_left_ = 0;
  bool has_key_ = false;
};

}  // namespace tidelog::model
