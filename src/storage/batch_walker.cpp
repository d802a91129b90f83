#include "batch_walker.hpp"

#include <algorithm>

namespace tidelog::storage {

base::result<base::byte_view> batch_walker::header_bytes() {
  const std::uint64_t left = end_ - next_position_;
  const auto wanted = std::min<std::uint64_t>(left, base::limits::record_batch_header_bytes);
  const bool inside =
      next_position_ >= buffer_position_ && next_position_ + wanted <= buffer_position_ + buffered_;
  if (!inside) {
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
    buffered_ = 0;
    TIDELOG_TRY(buffered_,
                io::read_at(file_, base::byte_span(buffer_.data(), chunk), next_position_, reader_));
    buffer_position_ = next_position_;
  }
  const auto from = static_cast<std::size_t>(next_position_ - buffer_position_);
  return base::byte_view(buffer_.data() + from, buffered_ - from);
}

base::result<std::optional<model::record_batch_header>> batch_walker::next() {
  position_ = next_position_;
  if (next_position_ >= end_) return std::nullopt;
  TIDELOG_TRY(const auto bytes, header_bytes());
  auto header =
      model::parse_record_batch_header(bytes, std::max<std::uint64_t>(end_ - position_, bytes.size()));
  if (!header) {
    return base::fail(header.error().code, "{} at position {}", file_.name(), position_);
  }
  next_position_ += header->size_bytes();
  return std::optional(*header);
}

}  // namespace tidelog::storage
