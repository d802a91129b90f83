#pragma once
// A directory of a test's own, removed with everything in it at the end.

#include <filesystem>
#include <string>

namespace tidelog::test {

class temp_directory {
 public:
  temp_directory();
  temp_directory(const temp_directory&) = delete;
  temp_directory& operator=(const temp_directory&) = delete;
  ~temp_directory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tidelog::test
