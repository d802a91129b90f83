#pragma once
// Bytes and fixed-width integers in network order, the only order on the wire and in the files.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace tidelog::base {

using byte_view = std::span<const std::byte>;
using byte_span = std::span<std::byte>;

template <std::integral T>
[[nodiscard]] constexpr T byte_swapped(T value) {
  using unsigned_type = std::make_unsigned_t<T>;
  auto bits = static_cast<unsigned_type>(value);
  if constexpr (sizeof(T) == 2) bits = static_cast<unsigned_type>(__builtin_bswap16(bits));
  if constexpr (sizeof(T) == 4) bits = static_cast<unsigned_type>(__builtin_bswap32(bits));
  if constexpr (sizeof(T) == 8) bits = static_cast<unsigned_type>(__builtin_bswap64(bits));
  return static_cast<T>(bits);
}

/// Reads a big-endian integer; `from` points at sizeof(T) readable bytes, at any alignment.
template <std::integral T>
[[nodiscard]] inline T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  if constexpr (std::endian::native == std::endian::little) value = byte_swapped(value);
  return value;
}

/// Writes a big-endian integer; `to` points at sizeof(T) writable bytes, at any alignment.
template <std::integral T>
inline void store_big_endian(std::byte* to, T value) {
  if constexpr (std::endian::native == std::endian::little) value = byte_swapped(value);
  std::memcpy(to, &value, sizeof(T));
}

[[nodiscard]] inline byte_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(byte_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tidelog::base
