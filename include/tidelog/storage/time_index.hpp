#pragma once
// BASE.timeindex: which batch of BASE.log first reaches a timestamp. Entries of 12 bytes, timestamps rising strictly:
//
//   largest timestamp so far int64 | last offset of the batch that has it, minus BASE int32
//
// Made together with the entries of the offset index, where the largest timestamp has risen; a closing entry for the
// whole segment is added when it is closed and at a clean stop. Every batch before the one an entry names has smaller
// timestamps only, or equal ones of later batches. Disposable like the offset index.

#include "tidelog/base/bytes.hpp"
#include "tidelog/model/types.hpp"

namespace tidelog::storage {

struct time_index_entry {
  static constexpr std::size_t size_bytes = 12;
  static constexpr const char* file_suffix = ".timeindex";

  model::timestamp timestamp = model::no_timestamp;
  model::offset last_offset{};

  void encode(std::byte* into, model::offset base) const {
    base::store_big_endian(into, timestamp.value());
    base::store_big_endian(into + 8, static_cast<std::int32_t>(last_offset - base));
  }
  [[nodiscard]] static time_index_entry decode(const std::byte* from, model::offset base) {
    return {model::timestamp(base::load_big_endian<std::int64_t>(from)),
            base + base::load_big_endian<std::int32_t>(from + 8)};
  }
  [[nodiscard]] bool follows(const time_index_entry& before) const {
    return timestamp > before.timestamp && last_offset > before.last_offset;
  }
  friend bool operator==(const time_index_entry&, const time_index_entry&) = default;
};

}  // namespace tidelog::storage
