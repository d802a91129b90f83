// The active segment at start: after a clean stop from its last index entry, after an unclean one batch by batch.
#include "batch_walker.hpp"
#include "segment.hpp"

#include "tidelog/base/crc32c.hpp"
#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr std::size_t scan_buffer_bytes = 1024 * 1024;

/// Reads a file front to back in large pieces and checks each batch whole, in bounded memory.
class batch_checker {
 public:
  batch_checker(const io::file& file, std::uint64_t end)
      : file_(file),
        end_(end),
        buffer_(static_cast<std::size_t>(std::min<std::uint64_t>(end, scan_buffer_bytes))) {}

  /// The batch at `position`, valid until the next call. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<model::record_batch_header> check(std::uint64_t position) {
    TIDELOG_TRY(auto bytes, at(position, base::limits::record_batch_header_bytes));
    TIDELOG_TRY(auto header, model::parse_record_batch_header(bytes, end_ - position));
    const std::size_t size = header.size_bytes();
    const std::uint32_t expected = header.crc();
    TIDELOG_DO(model::check_header(header));
    // The header may have to be read again at the end, when the batch is larger than the buffer.
    TIDELOG_TRY(const std::uint32_t actual, checksum(position, size));
    if (actual != expected) return base::fail(model::batch_errc::bad_crc, "at position {}", position);
    TIDELOG_TRY(bytes, at(position, base::limits::record_batch_header_bytes));
    return model::parse_record_batch_header(bytes, end_ - position);
  }

  /// Nothing but zeros from `position` to the end.
  [[nodiscard]] base::result<bool> only_zeros_from(std::uint64_t position) {
    while (position < end_) {
      TIDELOG_TRY(const auto bytes, at(position, 1));
      if (bytes.empty()) return true;
      if (std::any_of(bytes.begin(), bytes.end(), [](std::byte value) { return value != std::byte{0}; }))
        return false;
      position += bytes.size();
    }
    return true;
  }

 private:
  /// What the buffer holds from `position` on, at least `wanted` bytes where the file has them.
  [[nodiscard]] base::result<base::byte_view> at(std::uint64_t position, std::size_t wanted) {
    const std::uint64_t left = end_ - position;
    const auto needed = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, left));
    if (position < from_ || position + needed > from_ + filled_) {
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
      filled_ = 0;
      TIDELOG_TRY(filled_, file_.read_at(base::byte_span(buffer_.data(), piece), position));
      from_ = position;
    }
    const auto skipped = static_cast<std::size_t>(position - from_);
    return base::byte_view(buffer_.data() + skipped, filled_ - std::min(skipped, filled_));
  }

  [[nodiscard]] base::result<std::uint32_t> checksum(std::uint64_t position, std::size_t size) {
    std::uint32_t sum = 0;
    std::uint64_t done = position + model::batch_position::attributes;
    const std::uint64_t end = position + size;
    while (done < end) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end - done, buffer_.size()));
      TIDELOG_TRY(const auto bytes, at(done, wanted));
      if (bytes.empty()) return base::fail(model::batch_errc::truncated_body, "at position {}", position);
      const auto part = bytes.first(std::min(bytes.size(), wanted));
      sum = done == position + model::batch_position::attributes ? base::crc32c(part)
                                                                 : base::extend_crc32c(sum, part);
      done += part.size();
    }
    return sum;
  }

  const io::file& file_;
  const std::uint64_t end_;
  std::vector<std::byte> buffer_;
  std::uint64_t from_ = 0;
  std::size_t filled_ = 0;
};

[[nodiscard]] base::result<scan_verdict> verdict_on(const base::error& error, batch_checker& checker,
                                                    std::uint64_t position) {
  if (error.code == model::batch_errc::truncated_header || error.code == model::batch_errc::truncated_body) {
    return scan_verdict::torn_tail;
  }
  if (error.code == model::batch_errc::zero_filled) {
    TIDELOG_TRY(const bool zeros, checker.only_zeros_from(position));
    if (zeros) return scan_verdict::zero_filled_tail;
  }
  return scan_verdict::damaged_batch;
}

}  // namespace

std::string_view name_of(scan_verdict verdict) {
  switch (verdict) {
    case scan_verdict::complete:
      return "complete";
    case scan_verdict::torn_tail:
      return "torn tail";
    case scan_verdict::zero_filled_tail:
      return "zero-filled tail";
    case scan_verdict::damaged_batch:
      return "damaged batch";
  }
  return "unknown";
}

base::result<model::offset> segment::load_active(std::int64_t interval) {
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  const std::lock_guard guard(change_mutex_);
  size_.store(end, std::memory_order_release);
  TIDELOG_TRY(const bool right, indexes_look_right(end));
  if (!right) {
    base::say_warning("the indexes of {} are made again", file->name().native());
    TIDELOG_DO(rebuild_indexes_locked(interval));
  }
  TIDELOG_TRY(const model::offset next_offset, resume_growth(interval));
  indexes_checked_.store(true, std::memory_order_release);
  return next_offset;
}

base::result<model::offset> segment::resume_growth(std::int64_t interval) {
  file_parts& mine = parts();
  forget_growth();
  offset_entries_.store(mine.offsets.count(), std::memory_order_relaxed);
  time_entries_.store(mine.times.count(), std::memory_order_relaxed);
  TIDELOG_TRY(const auto entry, mine.offsets.last());
  TIDELOG_TRY(const auto last_time, mine.times.last());
  if (last_time) {
    growth_.largest = {last_time->timestamp, last_time->last_offset};
    growth_.last_time_entry = last_time->timestamp;
  }
  const std::uint64_t end = size_.load();
  model::offset next_offset = base_;
  TIDELOG_TRY(const auto file, data());
  batch_walker walker(*file, entry ? entry->position : 0, end);
  while (true) {
    auto batch = walker.next();
    if (!batch && batch.error().code.category() == model::batch_category()) {
      return base::fail(errc::corrupt_segment, "{}", batch.error().describe());
    }
    if (!batch) return base::forward_error(batch);
    if (!*batch) return next_offset;
    grow(**batch, walker.position(), interval);
    next_offset = (*batch)->next_offset();
  }
}

base::result<std::optional<offset_index_entry>> segment::entry_below(
    const std::vector<offset_index_entry>& entries, model::offset bound, std::uint64_t size) {
  TIDELOG_TRY(const auto file, data());
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->last_offset >= bound || entry->position >= size) continue;
    batch_walker walker(*file, entry->position, size);
    const auto batch = walker.next();
    if (batch && *batch && (*batch)->last_offset() == entry->last_offset) return *entry;
  }
  return std::nullopt;
}

base::result<scan_outcome> segment::scan(model::offset trusted_below, std::int64_t interval) {
  TIDELOG_TRY(const auto file, data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  const std::lock_guard guard(change_mutex_);
  file_parts& mine = parts();
  const auto old_entries = mine.offsets.read_rising();
  forget_growth();
  mine.offsets.replace({});
  mine.times.replace({});
  scan_outcome outcome{scan_verdict::complete, 0, base_, false};
  const auto take = [&](const model::record_batch_header& batch) {
    grow(batch, outcome.end_position, interval);
    write_index_entries_locked();
    if (batch.base_offset() > outcome.next_offset || batch.record_count() <= batch.last_offset_delta()) {
      outcome.has_been_compacted = true;
    }
    outcome.end_position += batch.size_bytes();
    outcome.next_offset = batch.next_offset();
  };

  // What is trusted was synced once: only its framing is followed.
  batch_walker walker(*file, 0, end);
  while (outcome.next_offset < trusted_below) {
    auto batch = walker.next();
    if (batch && !*batch) break;
    if (batch && (*batch)->base_offset() >= outcome.next_offset) {
      take(**batch);
      continue;
    }
    if (!batch && batch.error().code.category() != model::batch_category()) return base::forward_error(batch);
    // One damaged batch among those that were confirmed must not take all that follow with it: the old index may know
    // a place behind it.
    if (!old_entries) break;
    TIDELOG_TRY(const auto beyond, entry_below(*old_entries, trusted_below, end));
    if (!beyond || beyond->position <= outcome.end_position) break;
    base::say_error("{}: damaged between positions {} and {}; what follows is kept", file->name().native(),
                    outcome.end_position, beyond->position);
    outcome.end_position = beyond->position;
    break;
  }

  batch_checker checker(*file, end);
  while (outcome.end_position < end) {
    auto batch = checker.check(outcome.end_position);
    if (batch && batch->base_offset() >= outcome.next_offset && batch->last_offset() - base_ <= INT32_MAX) {
      take(*batch);
      continue;
    }
    if (batch) {
      outcome.verdict = scan_verdict::damaged_batch;
    } else if (batch.error().code.category() != model::batch_category()) {
      return base::forward_error(batch);
    } else {
      TIDELOG_TRY(outcome.verdict, verdict_on(batch.error(), checker, outcome.end_position));
    }
    break;
  }
  size_.store(outcome.end_position, std::memory_order_release);
  indexes_checked_.store(true, std::memory_order_release);
  return outcome;
}

base::status segment::cut(std::uint64_t size, model::offset next_offset, std::int64_t interval) {
  const std::lock_guard guard(change_mutex_);
  file_parts& mine = parts();
  size_.store(size, std::memory_order_release);
  auto kept = mine.offsets.keep_where(
      [&](const auto& each) { return each.last_offset < next_offset && each.position < size; });
  if (kept) kept = mine.times.keep_where([&](const auto& each) { return each.last_offset < next_offset; });
  if (!kept) {
    base::say_warning("{}", kept.error().describe());
    TIDELOG_DO(rebuild_indexes_locked(interval));
  }
  // Appends go on here even if it had been closed.
  sealed_.store(false, std::memory_order_release);
  sealed_largest_.reset();
  TIDELOG_DO(resume_growth(interval));
  return {};
}

}  // namespace tidelog::storage
