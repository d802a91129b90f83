#include "tidelog/base/crc32c.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

namespace tidelog::base {

std::uint32_t crc32c(byte_view bytes) {
  return extend_crc32c(0, bytes);
}

std::uint32_t extend_crc32c(std::uint32_t checksum, byte_view bytes) {
  std::uint32_t state = ~checksum;
  while (!bytes.empty()) {
    // ISA-L counts in int and takes the buffer without const, though it only reads it.
    const auto piece = std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max());
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(piece), state);
    bytes = bytes.subspan(piece);
  }
  return ~state;
}

}  // namespace tidelog::base
