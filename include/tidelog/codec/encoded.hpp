#pragma once
// Bytes that are ready to leave: memory with file slices between. What a response is made of; the slices leave by
// sendfile and never pass through the process.

#include "tidelog/io/file_slice.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace tidelog::codec {

/// The records of one partition in a message. When decoded, `bytes` views the frame (mutable, because a batch is
/// patched where it lies before it is appended). When encoded, what leaves is `bytes` and then the slices.
/// `present` tells null from empty.
struct records_payload {
  base::byte_span bytes{};
  std::vector<io::file_slice> slices{};
  bool present = false;

  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t total = bytes.size();
    for (const auto& slice : slices) total += slice.length;
    return total;
  }
};

/// One encoded message: `memory` holds everything but the slices; slice i goes in before memory[inserts[i].at].
struct encoded {
  struct insert {
    std::size_t at;
    io::file_slice slice;
  };
  std::vector<std::byte> memory;
  std::vector<insert> inserts;

  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t total = memory.size();
    for (const auto& entry : inserts) total += entry.slice.length;
    return total;
  }
};

}  // namespace tidelog::codec
