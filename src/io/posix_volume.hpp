#pragma once
// A whole file system of the machine.

#include "posix_file.hpp"

namespace tidelog::io {

/// As file_system::volume_of().
[[nodiscard]] base::result<std::unique_ptr<volume>> open_posix_volume(const io::path& some_file);

}  // namespace tidelog::io
