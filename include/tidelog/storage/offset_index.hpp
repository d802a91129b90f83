#pragma once
// BASE.index: where in BASE.log an offset is to be looked for. Entries of 8 bytes, both fields rising strictly:
//
//   last offset of a batch minus BASE int32 | position of that batch in BASE.log int32
//
// There is an entry about every index.interval.bytes, never one for the first batch. To find an offset, take the last
// entry that is not above it and walk the batches from its position (from the beginning when there is none).
// Disposable: one that is missing, ragged or wrong is made again from the batches. Only synced with its segment, when
// that is closed.

#include "tidelog/base/bytes.hpp"
#include "tidelog/model/types.hpp"

namespace tidelog::storage {

struct offset_index_entry {
  static constexpr std::size_t size_bytes = 8;
  static constexpr const char* file_suffix = ".index";

  model::offset last_offset{};
  std::uint32_t position = 0;

  void encode(std::byte* into, model::offset base) const {
    base::store_big_endian(into, static_cast<std::int32_t>(last_offset - base));
    base::store_big_endian(into + 4, static_cast<std::int32_t>(position));
  }
  [[nodiscard]] static offset_index_entry decode(const std::byte* from, model::offset base) {
    return {base + base::load_big_endian<std::int32_t>(from), base::load_big_endian<std::uint32_t>(from + 4)};
  }
  [[nodiscard]] bool follows(const offset_index_entry& before) const {
    return last_offset > before.last_offset && position > before.position;
  }
  friend bool operator==(const offset_index_entry&, const offset_index_entry&) = default;
};

}  // namespace tidelog::storage
