#include "write_back.hpp"

#include "posix_file.hpp"

#include <fcntl.h>

namespace tidelog::io {

void write_back::request(const std::shared_ptr<const owned_descriptor>& file, std::uint64_t position,
                         std::uint64_t length) {
  std::call_once(first_, [this] { thread_.emplace("write-back", 1); });
  if (thread_->backlog() >= most_waiting) return;
  // The file stays open for so long: an error of the write-back could vanish with the descriptor.
  thread_->submit([this, file, position, length] { begin_(file->number(), position, length); });
}

void write_back::begin_writing(int descriptor, std::uint64_t position, std::uint64_t length) {
  // Without SYNC_FILE_RANGE_WAIT_AFTER, which would take the error of a failed write-back away from the next sync. It is a
  // hint: where the file system cannot do it, the kernel writes when it sees fit.
  static_cast<void>(::sync_file_range(descriptor, static_cast<off64_t>(position),
                                      static_cast<off64_t>(length), SYNC_FILE_RANGE_WRITE));
}

}  // namespace tidelog::io
