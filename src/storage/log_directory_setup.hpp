#pragma once
// Taking a data directory: whether it is one, whose it is, and that nobody else has it.

#include "tidelog/storage/log_directory.hpp"

namespace tidelog::storage {

struct taken_directory {
  std::unique_ptr<io::directory_lock> lock;
  meta_properties properties;
  enum class origin { existing, made };
  origin came_from = origin::existing;
};

/// Fails as log_directory::open().
[[nodiscard]] base::result<taken_directory> take_directory(io::file_system& files, const io::path& directory,
                                                           const log_directory_options& options);

}  // namespace tidelog::storage
