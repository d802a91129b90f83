#include "tidelog/codec/wire_reader.hpp"

#include "tidelog/base/varint.hpp"

namespace tidelog::codec {

std::uint32_t wire_reader::read_long_unsigned_varint() {
  const auto left = remaining();
  const auto decoded = base::read_unsigned_varint32(rest());
  if (!decoded) {
    fail(left < base::max_varint32_bytes ? errc::truncated : errc::bad_varint);
    return 0;
  }
  position_ += decoded->bytes;
  return decoded->value;
}

base::status wire_reader::outcome() const {
  if (failed_) return base::fail(code_, "at byte {} of {}", failed_at_, bytes_.size());
  return {};
}

}  // namespace tidelog::codec
