#include "tidelog/base/varint.hpp"

#include <limits>

namespace tidelog::base {
namespace {

template <class T>
std::optional<varint<T>> read_groups(byte_view from) {
  T value = 0;
  unsigned shift = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto group = static_cast<T>(std::to_integer<std::uint8_t>(from[i]) & 0x7f);
    const unsigned room = std::numeric_limits<T>::digits - shift;
    if (room < 7 && (group >> room) != 0) return std::nullopt;
    value = static_cast<T>(value | static_cast<T>(group << shift));
    if ((from[i] & std::byte{0x80}) == std::byte{0}) return varint<T>{value, i + 1};
    shift += 7;
    if (shift >= std::numeric_limits<T>::digits) return std::nullopt;
  }
  return std::nullopt;
}

template <class T>
std::size_t write_groups(std::byte* to, T value) {
  std::size_t written = 0;
  while (value >= 0x80) {
    to[written++] = static_cast<std::byte>((value & 0x7f) | 0x80);
    value = static_cast<T>(value >> 7);
  }
  to[written++] = static_cast<std::byte>(value);
  return written;
}

}  // namespace

std::optional<varint<std::uint32_t>> read_unsigned_varint32(byte_view from) {
  return read_groups<std::uint32_t>(from);
}

std::optional<varint<std::uint64_t>> read_unsigned_varint64(byte_view from) {
  return read_groups<std::uint64_t>(from);
}

std::optional<varint<std::int32_t>> read_varint32(byte_view from) {
  const auto raw = read_groups<std::uint32_t>(from);
  if (!raw) return std::nullopt;
  const std::uint32_t sign = ~(raw->value & 1) + 1;
  return varint<std::int32_t>{static_cast<std::int32_t>((raw->value >> 1) ^ sign), raw->bytes};
}

std::optional<varint<std::int64_t>> read_varint64(byte_view from) {
  const auto raw = read_groups<std::uint64_t>(from);
  if (!raw) return std::nullopt;
  const std::uint64_t sign = ~(raw->value & 1) + 1;
  return varint<std::int64_t>{static_cast<std::int64_t>((raw->value >> 1) ^ sign), raw->bytes};
}

std::size_t write_unsigned_varint32(std::byte* to, std::uint32_t value) {
  return write_groups(to, value);
}
std::size_t write_unsigned_varint64(std::byte* to, std::uint64_t value) {
  return write_groups(to, value);
}
std::size_t write_varint32(std::byte* to, std::int32_t value) {
  return write_groups(to, zig_zag(value));
}
std::size_t write_varint64(std::byte* to, std::int64_t value) {
  return write_groups(to, zig_zag(value));
}

std::size_t unsigned_varint_size(std::uint64_t value) {
  const auto bits = static_cast<std::size_t>(64 - std::countl_zero(value | 1));
  return (bits + 6) / 7;
}

}  // namespace tidelog::base
