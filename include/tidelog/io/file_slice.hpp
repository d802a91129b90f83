#pragma once
// A range of a file that is to leave by sendfile. Keeps the file open, also when its name has been removed since.

#include "tidelog/io/file_system.hpp"

namespace tidelog::io {

struct file_slice {
  std::shared_ptr<const file> source;
  std::uint64_t position = 0;
  std::uint64_t length = 0;
};

}  // namespace tidelog::io
