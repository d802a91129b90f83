// A sync that fails loses what it was to write, while reads go on showing it: an opening puts on disk what only the page
// cache may have. That is so after every stop that was not clean. A process that dies while a sync fails cannot warn anybody,
// and the kernel tells the error once only.
#include "batch_walker.hpp"
#include "log_core.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/storage/failed_sync_marker.hpp"

#include <algorithm>

namespace tidelog::storage {
namespace {

constexpr std::size_t copied_at_once_bytes = std::size_t{1} << 20;

}  // namespace

void log::core::mark_failed_sync() {
  const auto marked =
      write_failed_sync_marker(environment.files, directory, model::offset(recovery_point.load()));
  if (marked) return;
  base::say_warning(
      "{}: a program of others that opens the log before the machine is started again may find records "
      "that are not on disk: {}",
      directory.native(), marked.error().describe());
}

base::status log::core::believe_failed_sync_marker() {
  TIDELOG_TRY(const auto marked_at, read_failed_sync_marker(environment.files, directory));
  if (!marked_at) return {};
  if (marked_at->value() < recovery_point.load()) recovery_point.store(marked_at->value());
  base::say_info("{}: what a failed sync may have lost, from offset {} on, is written again",
                 directory.native(), recovery_point.load());
  return {};
}

base::status log::core::write_again(const segment_list& segments, model::offset from,
                                    model::offset indexes_trusted_below) {
  for (std::size_t at = segments.floor(from); at < segments.all.size(); ++at) {
    segment& each = *segments.all[at];
    TIDELOG_TRY(const bool written, write_again(each, from, indexes_trusted_below));
    if (!written) continue;
    // Only what a sync has confirmed is read for the recovery.
    if (auto synced = each.sync(); !synced) {
      mark_failed_sync();
      return synced;
    }
  }
  return {};
}

base::result<bool> log::core::write_again(segment& each, model::offset from,
                                          model::offset indexes_trusted_below) {
  TIDELOG_TRY(const auto file, each.data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  std::uint64_t position = 0;
  model::offset next = each.base_offset();
  if (from > next) {
    TIDELOG_TRY(const auto start, each.find_trusted_start(indexes_trusted_below, still_wanted()));
    if (start) position = start->at.position;
    if (start) next = start->at.base_offset;
  }
  batch_walker walker(*file, position, end);
  while (next < from) {
    TIDELOG_DO(check_wanted());
    const auto batch = walker.next();
    // Behind what is no batch nothing tells where the offset is: from there on all of it is written.
    if (!batch || !*batch) break;
    next = (*batch)->next_offset();
    if (next <= from) position = walker.end_position();
  }
  if (position == end) return false;
  std::vector<std::byte> bytes(std::min<std::uint64_t>(copied_at_once_bytes, end - position));
  while (position < end) {
    TIDELOG_DO(check_wanted());
    const base::byte_span piece(bytes.data(), std::min<std::uint64_t>(bytes.size(), end - position));
    TIDELOG_TRY(const std::size_t got, file->read_at(piece, position));
    if (got == 0) break;
    TIDELOG_DO(file->write_at(base::byte_view(piece.first(got)), position));
    position += got;
  }
  note_written(each, file);
  return true;
}

}  // namespace tidelog::storage
