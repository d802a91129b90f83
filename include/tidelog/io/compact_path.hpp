#pragma once
// A path that is kept and seldom used. std::filesystem::path keeps its components too, each as a path of its own, which is
// several times the memory of the name.

#include "tidelog/io/file_system.hpp"

#include <string>
#include <string_view>

namespace tidelog::io {

class compact_path {
 public:
  /// Explicit, so that nobody keeps a reference to one that was made in passing.
  explicit compact_path(const path& name) : name_(name.native()) { name_.shrink_to_fit(); }

  // What works on files takes paths, and this is one.
  operator path() const { return name_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const std::string& native() const { return name_; }
  [[nodiscard]] friend path operator/(const compact_path& directory, std::string_view name) {
    return path(directory.name_) / name;
  }
  friend bool operator==(const compact_path&, const compact_path&) = default;

 private:
  std::string name_;
};

}  // namespace tidelog::io
