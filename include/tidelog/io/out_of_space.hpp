#pragma once
// What a write fails with that only wants room.

#include <cerrno>
#include <system_error>

namespace tidelog::io {

/// True for a full file system and for a quota that is used up: there is nothing wrong with the disk.
[[nodiscard]] inline bool is_out_of_space(const std::error_code& code) {
  return code == std::errc::no_space_on_device || code == std::error_code(EDQUOT, std::system_category());
}

}  // namespace tidelog::io
