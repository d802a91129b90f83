#include "tidelog/codec/wire_writer.hpp"

#include "tidelog/base/assert.hpp"

#include <array>

namespace tidelog::codec {

void wire_writer::grow(std::size_t count) {
  encoded_.memory.resize(std::max(encoded_.memory.size() * 2, size_ + count));
}

void wire_writer::prefix_size(std::size_t position) {
  TIDELOG_ASSERT(encoded_.inserts.empty() || encoded_.inserts.back().at <= position);
  const auto bytes = size_ - position;
  std::array<std::byte, base::max_varint32_bytes> prefix;
  const auto prefix_bytes = base::write_unsigned_varint32(prefix.data(), static_cast<std::uint32_t>(bytes));
  auto* const end = room_for(prefix_bytes);
  auto* const begin = end - bytes;
  std::memmove(begin + prefix_bytes, begin, bytes);
  std::memcpy(begin, prefix.data(), prefix_bytes);
  size_ += prefix_bytes;
}

}  // namespace tidelog::codec
