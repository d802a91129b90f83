// After a sync that failed: the log's next opening is warned, and puts on disk what only the page cache may have.
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
  base::say_error(
      "{}: should the daemon be started again before the machine, records that are not on disk may be "
      "served: {}",
      directory.native(), marked.error().describe());
}

base::status log::core::undo_failed_sync(const segment_list& segments) {
  TIDELOG_TRY(const auto marked_at, read_failed_sync_marker(environment.files, directory));
  if (marked_at && marked_at->value() < recovery_point.load()) recovery_point.store(marked_at->value());
  const model::offset from(recovery_point.load());
  base::status written;
  for (std::size_t at = segments.floor(from); written && at < segments.all.size(); ++at) {
    written = write_again(*segments.all[at], from);
    // Only what a sync has confirmed is read for the recovery.
    if (written) written = segments.all[at]->sync();
  }
  if (written) written = environment.files.sync_directory(directory);
  if (written) written = environment.files.sync_directory(parent_of(directory));
  if (!written) {
    mark_failed_sync();
    return written;
  }
  if (!marked_at) return {};
  base::say_info("{}: what a failed sync may have lost, from offset {} on, is written again",
                 directory.native(), from.value());
  return remove_failed_sync_marker(environment.files, directory);
}

base::status log::core::write_again(segment& each, model::offset from) {
  TIDELOG_TRY(const auto file, each.data());
  TIDELOG_TRY(const std::uint64_t end, file->size());
  batch_walker walker(*file, 0, end);
  std::uint64_t position = 0;
  for (model::offset next = each.base_offset(); next < from;) {
    const auto batch = walker.next();
    // Behind what is no batch nothing tells where the offset is: from there on all of it is written.
    if (!batch || !*batch) break;
    next = (*batch)->next_offset();
    if (next <= from) position = walker.end_position();
  }
  std::vector<std::byte> bytes(std::min<std::uint64_t>(copied_at_once_bytes, end - position));
  while (position < end) {
    TIDELOG_DO(check_wanted());
    const base::byte_span piece(bytes.data(), std::min<std::uint64_t>(bytes.size(), end - position));
    TIDELOG_TRY(const std::size_t got, file->read_at(piece, position));
    if (got == 0) break;
    TIDELOG_DO(file->write_at(base::byte_view(piece.first(got)), position));
    position += got;
  }
  each.mark_dirty(file);
  return {};
}

}  // namespace tidelog::storage
