#pragma once
// A file that only takes up room, so that there is some to give back on a disk that is full to the last byte.

#include "tidelog/io/file_system.hpp"

namespace tidelog::storage {

/// One thread at a time. After a crash, what is left of the file counts; its content means nothing.
class ballast {
 public:
  static constexpr const char* file_name = ".ballast";
  /// The records of a start take some KiB, with ten thousand partitions about a MiB. On a small file system the file
  /// takes no more than a 64th of it.
  static constexpr std::uint64_t most_bytes = 4 * 1024 * 1024;

  /// `files` outlives it.
  ballast(io::file_system& files, const io::path& directory) : files_(files), name_(directory / file_name) {}

  /// Of a file system of that size.
  [[nodiscard]] static std::uint64_t wanted_bytes(std::uint64_t capacity_bytes);
  /// Lays the file, or what is missing of it, but adds no more than `room_bytes`; nothing where it is whole. Stops when
  /// the room ends, and says so only when something else goes wrong: there can be a start without it.
  void lay(std::uint64_t wanted_bytes, std::uint64_t room_bytes);
  /// Removes the file; false when there was nothing in it.
  [[nodiscard]] bool drop();

 private:
  [[nodiscard]] base::status extend(std::uint64_t from, std::uint64_t to);

  io::file_system& files_;
  const io::path name_;
};

}  // namespace tidelog::storage
