#pragma once
// Writes the fields of a message into memory, with file slices between.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/varint.hpp"
#include "tidelog/codec/encoded.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tidelog::codec {

/// Memory is taken in steps that double, so that a usual response costs one allocation. One thread.
class wire_writer {
 public:
  /// Enough for nearly every response that carries no data.
  static constexpr std::size_t first_bytes = 512;

  wire_writer() { encoded_.memory.resize(first_bytes); }

  template <std::integral T>
  void write_integer(T value) {
    base::store_big_endian(room_for(sizeof(T)), value);
    size_ += sizeof(T);
  }
  void write_double(double value) { write_integer(std::bit_cast<std::uint64_t>(value)); }
  void write_unsigned_varint(std::uint32_t value) {
    auto* const to = room_for(base::max_varint32_bytes);
    if (value < 0x80) {
      *to = static_cast<std::byte>(value);
      ++size_;
    } else {
      size_ += base::write_unsigned_varint32(to, value);
    }
  }
  void write_bytes(base::byte_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(room_for(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  /// The slice leaves between what was written before and what is written after.
  void write_slice(io::file_slice slice) { encoded_.inserts.push_back({size_, std::move(slice)}); }

  /// Bytes of memory written so far, without slices: a place for patch_integer.
  [[nodiscard]] std::size_t position() const { return size_; }
  /// Bytes written so far with those of the slices.
  [[nodiscard]] std::uint64_t total_bytes() const {
    std::uint64_t total = size_;
    for (const auto& entry : encoded_.inserts) total += entry.slice.length;
    return total;
  }
  /// Overwrites what was written at `position`.
  template <std::integral T>
  void patch_integer(std::size_t position, T value) {
    base::store_big_endian(encoded_.memory.data() + position, value);
  }
  /// Puts the size of everything written since `position` before it, as an unsigned varint. No slice is among it.
  void prefix_size(std::size_t position);

  /// Hands the bytes over; the writer is done for.
  [[nodiscard]] encoded take() && {
    encoded_.memory.resize(size_);
    return std::move(encoded_);
  }

 private:
  [[nodiscard]] std::byte* room_for(std::size_t count) {
    if (encoded_.memory.size() - size_ < count) [[unlikely]]
      grow(count);
    return encoded_.memory.data() + size_;
  }
  void grow(std::size_t count);

  encoded encoded_;
  std::size_t size_ = 0;
};

}  // namespace tidelog::codec
