#pragma once
// Headers of commit journals that another version might have written.

#include <gtest/gtest.h>

#include "tidelog/base/crc32c.hpp"
#include "tidelog/io/file_system.hpp"

#include <vector>

namespace tidelog::test {

/// A header of any version has its version and its CRC there.
inline constexpr std::size_t journal_version_position = 8;
inline constexpr std::size_t journal_crc_position = 58;

/// The header at `position` says that version, soundly.
inline void set_journal_version(io::file& file, std::uint64_t position, std::int16_t version) {
  std::vector<std::byte> header(journal_crc_position + sizeof(std::uint32_t));
  ASSERT_TRUE(file.read_at(header, position));
  base::store_big_endian(header.data() + journal_version_position, version);
  base::store_big_endian(header.data() + journal_crc_position,
                         base::crc32c(base::byte_view(header).first(journal_crc_position)));
  ASSERT_TRUE(file.write_at(header, position));
}

}  // namespace tidelog::test
