#pragma once
// Variable-length integers: seven bits a byte, least significant group first, the high bit says that more follow.
// Signed values are zig-zag coded. int32 takes at most 5 bytes, int64 at most 10.

#include "tidelog/base/bytes.hpp"

#include <optional>

namespace tidelog::base {

inline constexpr std::size_t max_varint32_bytes = 5;
inline constexpr std::size_t max_varint64_bytes = 10;

/// A decoded integer and how many bytes it took.
template <class T>
struct varint {
  T value;
  std::size_t bytes;
};

/// Nothing when the bytes end early or the integer does not fit its type.
[[nodiscard]] std::optional<varint<std::uint32_t>> read_unsigned_varint32(byte_view from);
[[nodiscard]] std::optional<varint<std::uint64_t>> read_unsigned_varint64(byte_view from);
[[nodiscard]] std::optional<varint<std::int32_t>> read_varint32(byte_view from);
[[nodiscard]] std::optional<varint<std::int64_t>> read_varint64(byte_view from);

/// Writes to `to`, which has room for the type's most bytes; returns how many were written.
std::size_t write_unsigned_varint32(std::byte* to, std::uint32_t value);
std::size_t write_unsigned_varint64(std::byte* to, std::uint64_t value);
std::size_t write_varint32(std::byte* to, std::int32_t value);
std::size_t write_varint64(std::byte* to, std::int64_t value);

[[nodiscard]] std::size_t unsigned_varint_size(std::uint64_t value);
[[nodiscard]] constexpr std::uint32_t zig_zag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
[[nodiscard]] constexpr std::uint64_t zig_zag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] inline std::size_t varint_size(std::int32_t value) {
  return unsigned_varint_size(zig_zag(value));
}
[[nodiscard]] inline std::size_t varint_size(std::int64_t value) {
  return unsigned_varint_size(zig_zag(value));
}

}  // namespace tidelog::base
