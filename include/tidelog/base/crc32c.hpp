#pragma once
// CRC32C (Castagnoli), as record batches and producer snapshots carry it.

#include "tidelog/base/bytes.hpp"

namespace tidelog::base {

[[nodiscard]] std::uint32_t crc32c(byte_view bytes);
/// Continues a checksum: extend_crc32c(crc32c(a), b) == crc32c(a followed by b).
[[nodiscard]] std::uint32_t extend_crc32c(std::uint32_t checksum, byte_view bytes);

}  // namespace tidelog::base
