#pragma once
// Which offset has the newest record of each key, for one cleaning. A table of fixed size that holds hashes for keys:
// memory does not grow with the keys, neither with their number nor with their length.

#include "key_hash.hpp"

#include "tidelog/model/types.hpp"

#include <optional>
#include <vector>

namespace tidelog::storage {

/// Not thread safe.
class offset_map {
 public:
  struct size_limits {
    std::size_t most_memory_bytes = 0;
    /// How full the table may get, 0 to 1.
    double load_factor = 0;
    /// More keys are never put; less memory is taken then.
    std::uint64_t most_keys = 0;
  };
  explicit offset_map(const size_limits& limits);
  offset_map(const size_limits& limits, const key_hasher& hasher);

  enum class put_outcome { taken, full };
  /// `at` is larger than for earlier puts of the same key. Full: the key is new and has no place any more.
  [[nodiscard]] put_outcome put(base::byte_view key, model::offset at);
  [[nodiscard]] std::optional<model::offset> find(base::byte_view key) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t most_keys() const { return most_keys_; }
  [[nodiscard]] std::size_t memory_bytes() const { return slots_.size() * sizeof(slot); }

 private:
  struct slot {
    key_hash hash;
    model::offset at = model::no_offset;
  };
  /// The key's slot, or the free one where it would be.
  [[nodiscard]] std::size_t place_of(const key_hash& hash) const;

  key_hasher hasher_;
  std::vector<slot> slots_;
  std::size_t most_keys_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tidelog::storage
