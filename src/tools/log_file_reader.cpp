#include "log_file_reader.hpp"

#include <algorithm>

namespace tidelog::tools {

base::result<log_file_reader> log_file_reader::open(const io::file& source) {
  TIDELOG_TRY(const auto size, source.size());
  return log_file_reader(source, size);
}

base::result<std::optional<model::record_batch_view>> log_file_reader::next() {
  const auto left = size_ - position_;
  if (left == 0) return std::nullopt;
  bytes_.resize(std::min<std::uint64_t>(left, base::limits::record_batch_header_bytes));
  TIDELOG_TRY([[maybe_unused]] const auto header_bytes, source_->read_at(bytes_, position_));
  TIDELOG_TRY(const auto header, model::parse_record_batch_header(bytes_, left));
  // The length has been held against what is left of the file.
  bytes_.resize(header.size_bytes());
  TIDELOG_TRY(const auto got, source_->read_at(bytes_, position_));
  bytes_.resize(got);
  TIDELOG_TRY(const auto batch, model::parse_only_record_batch(bytes_));
  position_ += batch.size_bytes();
  return batch;
}

}  // namespace tidelog::tools
