// The cleaner's output: a segment under temporary names.
#include "cleaner_run.hpp"
#include "write_back_stretch.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::storage {
namespace {

/// An entry of BASE.txnindex: version int16, producer id, first offset, last offset (of the marker), last stable offset.
constexpr std::size_t aborted_entry_bytes = 34;
constexpr std::size_t aborted_last_offset_at = 18;
constexpr std::uint64_t most_aborted_index_bytes = 64 * 1024 * 1024;

}  // namespace

cleaned_segment::cleaned_segment(segment_home& home, model::offset base, std::size_t buffer_bytes,
                                 std::int64_t index_interval)
    : home_(home),
      segment_(std::make_shared<segment>(home, base, cleaned_suffix)),
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

base::status cleaned_segment::add_aborted_transactions(const io::path& from,
                                                       const std::unordered_set<std::int64_t>& without) {
  TIDELOG_TRY(const bool is_there, home_.environment.files.exists(from));
  if (!is_there) return {};
  TIDELOG_TRY(const auto bytes, io::read_file(home_.environment.files, from, most_aborted_index_bytes));
  for (std::size_t at = 0; at + aborted_entry_bytes <= bytes.size(); at += aborted_entry_bytes) {
    const auto entry = base::byte_view(bytes).subspan(at, aborted_entry_bytes);
    const auto last = base::load_big_endian<std::int64_t>(entry.data() + aborted_last_offset_at);
    if (!without.contains(last)) aborted_.insert(aborted_.end(), entry.begin(), entry.end());
  }
  return {};
}

base::result<std::shared_ptr<segment>> cleaned_segment::finish(pages written) {
  TIDELOG_DO(write_out());
  segment_->complete_indexes();
  segment_->mark_sealed();
  TIDELOG_DO(segment_->create_missing_files());
  TIDELOG_DO(segment_->sync());
  if (written == pages::may_go) file_->let_go(0, position_);
  if (!aborted_.empty()) {
    TIDELOG_TRY(const auto file,
                home_.environment.files.open(segment_->transaction_index_name(), io::open_mode::create));
    TIDELOG_DO(file->truncate(0));
    TIDELOG_DO(file->write_at(aborted_, 0));
    TIDELOG_DO(file->sync_data());
  }
  finished_ = true;
  return segment_;
}

}  // namespace tidelog::storage
