#pragma once
// When files that grow without being synced are to go to the disk, so that unwritten pages never become many at once.

#include "tidelog/io/file_system.hpp"

namespace tidelog::storage {

/// The kernel writes so much in one go without holding up others much, and is asked seldom enough.
inline constexpr std::uint64_t write_back_stretch_bytes = 2ULL << 20;

/// Of a file that has just grown from `before` to `after`: has what is whole of its stretches written.
inline void begin_write_back_of_stretches(const io::file& grown, std::uint64_t before, std::uint64_t after) {
  const std::uint64_t from = before - before % write_back_stretch_bytes;
  const std::uint64_t to = after - after % write_back_stretch_bytes;
  if (from < to) grown.begin_write_back(from, to - from);
}

}  // namespace tidelog::storage
