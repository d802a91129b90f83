#include "whole_sync.hpp"

#include "tidelog/base/log_message.hpp"

#include <cerrno>

namespace tidelog::storage {

whole_sync::whole_sync(io::file_system& files, const io::path& some_file) {
  auto found = files.volume_of(some_file);
  if (!found) {
    // Where it is not supported, that is how it is.
    if (found.error().code != std::errc::operation_not_supported)
      base::say_warning("each segment is synced by itself: {}", found.error().describe());
    return;
  }
  volume_ = std::move(*found);
  usable_.store(true);
}

base::status whole_sync::run() {
  const std::lock_guard one_at_a_time(running_);
  if (!is_usable()) return base::fail_errno(EOPNOTSUPP, "the file system cannot be synced as a whole");
  const std::uint64_t number = begun_.fetch_add(1) + 1;
  auto synced = volume_->sync();
  if (synced) {
    succeeded_.store(number);
    return {};
  }
  usable_.store(false);
  base::say_warning("from now on each segment is synced by itself: {}", synced.error().describe());
  return synced;
}

}  // namespace tidelog::storage
