#include "timestamp_scan.hpp"

#include "tidelog/base/varint.hpp"
#include "tidelog/codec/compression.hpp"

#include <algorithm>
#include <array>

namespace tidelog::storage {
namespace {

/// Length, attributes, timestamp delta and offset delta at their longest.
constexpr std::size_t most_head_bytes =
    base::max_varint32_bytes + 1 + base::max_varint64_bytes + base::max_varint32_bytes;

struct record_head {
  std::size_t record_bytes;
  std::int64_t timestamp_delta;
  std::int32_t offset_delta;
};

/// Nothing when the bytes do not reach, or say what cannot be.
[[nodiscard]] std::optional<record_head> parse_head(base::byte_view bytes) {
  const auto length = base::read_varint32(bytes);
  if (!length || length->value < 1 || bytes.size() < length->bytes + 1) return std::nullopt;
  bytes = bytes.subspan(length->bytes + 1);
  const auto timestamp = base::read_varint64(bytes);
  if (!timestamp) return std::nullopt;
  const auto offset = base::read_varint32(bytes.subspan(timestamp->bytes));
  if (!offset) return std::nullopt;
  const auto body = static_cast<std::size_t>(length->value);
  if (body < 1 + timestamp->bytes + offset->bytes) return std::nullopt;
  return record_head{length->bytes + body, timestamp->value, offset->value};
}

/// Takes the records in pieces, as a decompressor lets them out.
class record_scan {
 public:
  record_scan(const model::record_batch_view& batch, model::timestamp wanted, model::offset start)
      : batch_(batch), wanted_(wanted), start_(start) {}

  [[nodiscard]] base::status take(base::byte_view chunk) {
    while (!chunk.empty()) {
      if (to_skip_ > 0) {
        const std::size_t skipped = std::min(to_skip_, chunk.size());
        to_skip_ -= skipped;
        chunk = chunk.subspan(skipped);
        continue;
      }
      const base::byte_view bytes = joined(chunk);
      const auto head = parse_head(bytes);
      if (!head && bytes.size() >= most_head_bytes) {
        return base::fail(model::batch_errc::bad_record_framing, "in the batch at offset {}",
                          batch_.base_offset().value());
      }
      if (!head) {
        keep(bytes);
        return {};
      }
      to_skip_ = head->record_bytes - head_size_;
      head_size_ = 0;
      look_at(*head);
      // The failure ends the decompression; it is no failure for the caller.
      if (found_) return base::fail(std::make_error_code(std::errc::operation_canceled), "found");
    }
    return {};
  }

  [[nodiscard]] const std::optional<timed_record>& found() const { return found_; }

 private:
  /// A record's head may be cut by the end of a piece; what is left of the last one goes before this.
  [[nodiscard]] base::byte_view joined(base::byte_view chunk) {
    if (head_size_ == 0) return chunk;
    const std::size_t added = std::min(chunk.size(), head_.size() - head_size_);
    std::copy_n(chunk.begin(), added, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    return {head_.data(), head_size_ + added};
  }
  void keep(base::byte_view bytes) {
    if (head_size_ == 0) std::copy(bytes.begin(), bytes.end(), head_.begin());
    head_size_ = bytes.size();
  }
  void look_at(const record_head& head) {
    const model::offset at = batch_.base_offset() + head.offset_delta;
    const auto sum = static_cast<std::uint64_t>(batch_.base_timestamp().value()) +
                     static_cast<std::uint64_t>(head.timestamp_delta);
    const bool stamped_by_broker = batch_.timestamp_type() == model::timestamp_type::log_append_time;
    const model::timestamp time =
        stamped_by_broker ? batch_.max_timestamp() : model::timestamp(static_cast<std::int64_t>(sum));
    if (at >= start_ && time >= wanted_) found_ = timed_record{at, time};
  }

  const model::record_batch_view& batch_;
  const model::timestamp wanted_;
  const model::offset start_;
  std::array<std::byte, most_head_bytes> head_;
  std::size_t head_size_ = 0;
  std::size_t to_skip_ = 0;
  std::optional<timed_record> found_;
};

}  // namespace

base::result<std::optional<timed_record>> first_record_at_or_after(const model::record_batch_view& batch,
                                                                   model::timestamp wanted,
                                                                   model::offset start) {
  record_scan scan(batch, wanted, start);
  auto outcome = batch.compression() == model::compression_type::none
                     ? scan.take(batch.records())
                     : codec::decompress_stream(batch.compression(), batch.records(),
                                                [&](base::byte_view chunk) { return scan.take(chunk); });
  if (!outcome && !scan.found()) return base::forward_error(outcome);
  return scan.found();
}

}  // namespace tidelog::storage
