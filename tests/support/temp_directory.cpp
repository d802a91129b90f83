#include "support/temp_directory.hpp"

#include <stdexcept>
#include <stdlib.h>

namespace tidelog::test {

temp_directory::temp_directory() {
  auto pattern = (std::filesystem::temp_directory_path() / "tidelog-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + pattern);
  path_ = pattern;
}

temp_directory::~temp_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tidelog::test
