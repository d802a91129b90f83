#pragma once
// Reads the fields of a message from bytes that nobody vouches for.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/limits.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/errc.hpp"

#include <cstddef>
#include <cstdint>

namespace tidelog::codec {

/// Never reads past the end of its bytes. The first error sticks: from then on every read gives zero or nothing, so
/// that a caller may read on and look once at the end. The bytes are mutable because records are handed out as a view
/// that is patched in place; the reader itself changes none. One thread; the bytes must outlive it and every view.
class wire_reader {
 public:
  explicit wire_reader(base::byte_span bytes) : bytes_(bytes), end_(bytes.size()) {}

  template <std::integral T>
  [[nodiscard]] T read_integer() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail(errc::truncated);
      return T{};
    }
    const T value = base::load_big_endian<T>(bytes_.data() + position_);
    position_ += sizeof(T);
    return value;
  }
  [[nodiscard]] double read_double() { return std::bit_cast<double>(read_integer<std::uint64_t>()); }
  [[nodiscard]] std::uint32_t read_unsigned_varint() {
    if (position_ < end_) [[likely]] {
      const auto first = std::to_integer<std::uint32_t>(bytes_[position_]);
      if (first < 0x80) [[likely]] {
        ++position_;
        return first;
      }
    }
    return read_long_unsigned_varint();
  }
  /// Exactly `count` bytes, as a view; empty after an error.
  [[nodiscard]] base::byte_span read_bytes(std::size_t count) {
    if (remaining() < count) [[unlikely]] {
      fail(errc::truncated);
      return {};
    }
    const auto view = bytes_.subspan(position_, count);
    position_ += count;
    return view;
  }
  void skip(std::size_t count) { static_cast<void>(read_bytes(count)); }

  /// Says that an array of `count` elements follows, each of at least `element_bytes` (1 or more) on the wire. False,
  /// and the reader failed, when the bytes left cannot hold them or the reader's budget of elements is spent. Ask
  /// before allocating.
  [[nodiscard]] bool claim_elements(std::size_t count, std::size_t element_bytes) {
    if (count > remaining() / element_bytes) [[unlikely]] {
      fail(errc::truncated);
      return false;
    }
    if (count > elements_left_) [[unlikely]] {
      fail(errc::too_many_elements);
      return false;
    }
    elements_left_ -= count;
    return true;
  }

  /// While it lives, the reader ends `size` bytes from here; for values with an announced size.
  class section {
   public:
    section(wire_reader& reader, std::size_t size) : reader_(reader), outer_end_(reader.end_) {
      if (size > reader.remaining()) {
        reader.fail(errc::truncated);
      } else {
        reader.end_ = reader.position_ + size;
      }
    }
    section(const section&) = delete;
    section& operator=(const section&) = delete;
    /// Bytes that were not read make the reader fail.
    ~section() {
      if (reader_.failed()) return;
      if (reader_.remaining() != 0) reader_.fail(errc::tagged_field_size);
      reader_.end_ = outer_end_;
    }

   private:
    wire_reader& reader_;
    std::size_t outer_end_;
  };

  void fail(errc code) {
    if (failed_) return;
    failed_ = true;
    code_ = code;
    failed_at_ = position_;
    position_ = end_ = 0;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t remaining() const { return end_ - position_; }
  /// Everything not yet read.
  [[nodiscard]] base::byte_span rest() const { return bytes_.subspan(position_, remaining()); }
  /// The sticky error, with the position at which it happened.
  [[nodiscard]] base::status outcome() const;

 private:
  [[nodiscard]] std::uint32_t read_long_unsigned_varint();

  base::byte_span bytes_;
  std::size_t position_ = 0;
  std::size_t end_;
  std::size_t elements_left_ = base::limits::decoded_elements_per_request;
  std::size_t failed_at_ = 0;
  errc code_{};
  bool failed_ = false;
};

}  // namespace tidelog::codec
