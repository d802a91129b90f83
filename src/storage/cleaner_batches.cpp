#include "cleaner_batches.hpp"

#include "tidelog/codec/compression.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

/// Less than this would read small batches one by one.
constexpr std::size_t least_piece_bytes = 64 * 1024;

class record_walk {
 public:
  record_walk(const model::record_batch_view& batch, const record_visitor& visitor)
      : batch_(batch), visitor_(visitor) {}

  [[nodiscard]] base::status take(base::byte_view chunk) {
    if (kept_.empty()) {
      TIDELOG_TRY(const std::size_t used, walk(chunk));
      kept_.assign(chunk.begin() + static_cast<std::ptrdiff_t>(used), chunk.end());
      return {};
    }
    kept_.insert(kept_.end(), chunk.begin(), chunk.end());
    TIDELOG_TRY(const std::size_t used, walk(kept_));
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(used));
    return {};
  }

  [[nodiscard]] base::status finish() const {
    if (!kept_.empty()) return fault(model::batch_errc::truncated_records);
    if (seen_ != batch_.record_count()) return fault(model::batch_errc::bad_record_count);
    return {};
  }

 private:
  [[nodiscard]] tl::unexpected<base::error> fault(model::batch_errc code) const {
    return base::fail(code, "the batch at offset {}, record {}", batch_.base_offset().value(), seen_);
  }

  /// Returns how many bytes were whole records.
  [[nodiscard]] base::result<std::size_t> walk(base::byte_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
      TIDELOG_TRY(const auto record, model::parse_first_record(bytes.subspan(used)));
      if (!record) break;
      if (record->offset_delta <= last_delta_ || record->offset_delta > batch_.last_offset_delta()) {
        return fault(model::batch_errc::bad_offset_delta);
      }
      if (++seen_ > batch_.record_count()) return fault(model::batch_errc::bad_record_count);
      last_delta_ = record->offset_delta;
      TIDELOG_DO(visitor_(*record, bytes.subspan(used, record->size_bytes)));
      used += record->size_bytes;
    }
    return used;
  }

  const model::record_batch_view& batch_;
  const record_visitor& visitor_;
  std::vector<std::byte> kept_;  ///< of a record that is not whole yet
  std::int32_t last_delta_ = -1;
  std::int32_t seen_ = 0;
};

}  // namespace

batch_source::batch_source(const io::file& file, std::uint64_t position, std::uint64_t end,
                           std::size_t buffer_bytes)
    : file_(file),
      position_(position),
      next_position_(position),
      end_(end),
      piece_bytes_(std::max(buffer_bytes, least_piece_bytes)) {}

base::result<base::byte_view> batch_source::at_least(std::size_t bytes) {
  const std::uint64_t left = end_ - next_position_;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left));
  if (next_position_ < buffer_position_ || next_position_ + wanted > buffer_position_ + buffered_) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, std::max(bytes, piece_bytes_)));
    // A single large batch is not to keep its memory for all that follow.
    if (buffer_.size() < piece || buffer_.size() > 2 * piece) buffer_ = std::vector<std::byte>(piece);
    buffered_ = 0;
    if (!file_.is_cached(next_position_, piece)) {
      TIDELOG_DO(file_.bring_in(next_position_, piece));
      bytes_brought_in_ += piece;
    }
    TIDELOG_TRY(buffered_, file_.read_at(base::byte_span(buffer_.data(), piece), next_position_));
    buffer_position_ = next_position_;
  }
  const auto from = static_cast<std::size_t>(next_position_ - buffer_position_);
  return base::byte_view(buffer_.data() + from, buffered_ - std::min(from, buffered_));
}

base::result<model::record_batch_view> batch_source::checked_batch() {
  TIDELOG_TRY(auto bytes, at_least(base::limits::record_batch_header_bytes));
  TIDELOG_TRY(const auto header, model::parse_record_batch_header(
                                     bytes, std::max<std::uint64_t>(end_ - next_position_, bytes.size())));
  const std::size_t size = header.size_bytes();
  TIDELOG_TRY(bytes, at_least(size));
  TIDELOG_TRY(auto batch, model::parse_record_batch(bytes));
  TIDELOG_DO(model::verify_crc(batch));
  TIDELOG_DO(model::check_header(batch));
  return batch;
}

base::result<std::optional<model::record_batch_view>> batch_source::next() {
  position_ = next_position_;
  if (next_position_ >= end_) return std::nullopt;
  auto batch = checked_batch();
  if (!batch && batch.error().code.category() == model::batch_category()) {
    return base::fail(errc::corrupt_segment, "{} at position {}: {}", file_.name(), position_,
                      batch.error().describe());
  }
  if (!batch) return base::forward_error(batch);
  next_position_ += batch->size_bytes();
  return std::optional(*batch);
}

base::status visit_records(const model::record_batch_view& batch, const record_visitor& visitor) {
  record_walk walk(batch, visitor);
  if (batch.compression() == model::compression_type::none) {
    TIDELOG_DO(walk.take(batch.records()));
  } else if (batch.record_count() > 0 || !batch.records().empty()) {
    TIDELOG_DO(codec::decompress_stream(batch.compression(), batch.records(),
                                        [&walk](base::byte_view chunk) { return walk.take(chunk); }));
  }
  return walk.finish();
}

}  // namespace tidelog::storage
