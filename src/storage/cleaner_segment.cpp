// The cleaner's output: a segment under temporary names.
#include "cleaner_run.hpp"
#include "write_back_stretch.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::storage {
cleaned_segment::cleaned_segment(segment_home& home, model::offset base, std::size_t buffer_bytes,
                                 std::int64_t index_interval)
    : segment_(std::make_shared<segment>(home, base, cleaned_suffix)),
      buffer_bytes_(buffer_bytes),
      index_interval_(index_interval) {}

cleaned_segment::~cleaned_segment() {
  if (finished_) return;
  if (auto removed = segment_->remove_files(); !removed) {
    // The next cleaning writes over them and the next open removes them.
    base::say_warning("{} is left behind", removed.error().describe());
  }
}

base::status cleaned_segment::begin() {
  TIDELOG_TRY(file_, segment_->create_data());
  segment_->mark_dirty(file_);
  return {};
}

base::status cleaned_segment::add(base::byte_view batch) {
  if (size_bytes() + batch.size() > INT32_MAX) {
    return base::fail(errc::batch_too_large, "{}: the cleaned segment would not fit its index",
                      file_->name());
  }
  TIDELOG_TRY(const auto header, model::parse_record_batch_header(batch, batch.size()));
  segment_->note_batch(header, index_interval_);
  if (buffer_.size() + batch.size() > buffer_bytes_) TIDELOG_DO(write_out());
  if (batch.size() >= buffer_bytes_) return write(batch);
  buffer_.insert(buffer_.end(), batch.begin(), batch.end());
  return {};
}

base::status cleaned_segment::write_out() {
  if (buffer_.empty()) return {};
  TIDELOG_DO(write(buffer_));
  buffer_.clear();
  return {};
}

base::status cleaned_segment::write(base::byte_view bytes) {
  TIDELOG_DO(file_->write_at(bytes, position_));
  begin_write_back_of_stretches(*file_, position_, position_ + bytes.size());
  position_ += bytes.size();
  return {};
}

base::status cleaned_segment::add_aborted_transactions(segment& from,
                                                       const std::unordered_set<std::int64_t>& without) {
  TIDELOG_TRY(const auto entries, from.all_aborted());
  for (const auto& each : entries) {
    if (!without.contains(each.last_offset.value())) aborted_.push_back(each);
  }
  return {};
}

base::result<std::shared_ptr<segment>> cleaned_segment::finish(pages written) {
  TIDELOG_DO(write_out());
  segment_->complete_indexes();
  segment_->mark_sealed();
  TIDELOG_DO(segment_->create_missing_files());
  written_mark none(nullptr);
  TIDELOG_DO(segment_->replace_aborted(model::offset(0), aborted_, none));
  TIDELOG_DO(segment_->sync());
  if (written == pages::may_go) file_->let_go(0, position_);
  finished_ = true;
  return segment_;
}

}  // namespace tidelog::storage
