#include "log_file_reader.hpp"

#include <algorithm>

namespace tidelog::tools {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;
/// About what a disk fails to read at once.
constexpr std::uint64_t small_piece_bytes = 4096;

}  // namespace

base::result<file_window> file_window::open(const io::file& source) {
  TIDELOG_TRY(const auto size, source.size());
  return file_window(source, size);
}

base::result<base::byte_view> file_window::view(std::uint64_t position, std::uint64_t length) {
  const auto left = position < size_ ? size_ - position : 0;
  length = std::min(length, left);
  const bool is_here = position >= start_ && position - start_ + length <= bytes_.size();
  if (!is_here) {
    const auto whole_piece = std::min(left, std::max(length, piece_bytes));
    const auto small_piece = std::min(left, std::max(length, small_piece_bytes));
    auto got = fill(position, position < small_pieces_until_ ? small_piece : whole_piece);
    if (!got && position >= small_pieces_until_) {
      // What cannot be read may lie behind what is wanted.
      small_pieces_until_ = position + whole_piece;
      got = fill(position, small_piece);
    }
    if (!got && length < small_piece) got = fill(position, length);
    if (!got) return base::forward_error(got);
    length = std::min<std::uint64_t>(length, *got);
  }
  return base::byte_view(bytes_).subspan(position - start_, length);
}

base::result<std::size_t> file_window::fill(std::uint64_t position, std::uint64_t length) {
  start_ = position;
  bytes_.resize(length);
  auto got = source_->read_at(bytes_, position);
  bytes_.resize(got.value_or(0));
  return got;
}

base::result<model::record_batch_header> file_window::header_at(std::uint64_t position) {
  TIDELOG_TRY(const auto bytes, view(position, base::limits::record_batch_header_bytes));
  return model::parse_record_batch_header(bytes, size_ - std::min(position, size_));
}

base::result<model::record_batch_view> file_window::batch_at(std::uint64_t position) {
  TIDELOG_TRY(const auto header, header_at(position));
  // The length has been held against what is left of the file.
  TIDELOG_TRY(const auto bytes, view(position, header.size_bytes()));
  return model::parse_only_record_batch(bytes);
}

base::result<log_file_reader> log_file_reader::open(const io::file& source) {
  TIDELOG_TRY(auto window, file_window::open(source));
  return log_file_reader(std::move(window));
}

base::result<std::optional<model::record_batch_view>> log_file_reader::next() {
  if (position_ >= window_.size()) return std::nullopt;
  TIDELOG_TRY(const auto batch, window_.batch_at(position_));
  position_ += batch.size_bytes();
  return batch;
}

}  // namespace tidelog::tools
