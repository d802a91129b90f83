#pragma once
// Memory that requests arrive in, and each reactor's stock of it, so that idle connections need none.

#include "tidelog/base/bytes.hpp"

#include <memory>
#include <vector>

namespace tidelog::network {

/// Shared with whoever keeps a request_frame's owner; may be let go on any thread.
struct receive_buffer {
  explicit receive_buffer(std::size_t size)
      : bytes(std::make_unique_for_overwrite<std::byte[]>(size)), capacity(size) {}
  std::unique_ptr<std::byte[]> bytes;
  std::size_t capacity;
};
using receive_buffer_ptr = std::shared_ptr<receive_buffer>;

/// True when nobody else holds the buffer, and then everything others did with its bytes has happened before.
[[nodiscard]] bool is_sole_owner(const receive_buffer_ptr& buffer);

/// One reactor's spare buffers; used on its thread only.
class buffer_pool {
 public:
  /// What one read takes in, and the size of a buffer before anything is known of the connection.
  static constexpr std::size_t standard_bytes = 64UL * 1024;

  explicit buffer_pool(std::size_t most_bytes_kept) : most_bytes_kept_(most_bytes_kept) {}
  /// A buffer of at least that capacity: the smallest fitting spare one that is not wastefully large, or a new one.
  [[nodiscard]] receive_buffer_ptr take(std::size_t capacity);
  /// Kept for the next when nobody else holds it and the stock has room; let go otherwise.
  void give_back(receive_buffer_ptr buffer);
  [[nodiscard]] std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  std::size_t most_bytes_kept_;
  std::size_t kept_bytes_ = 0;
  std::vector<receive_buffer_ptr> spare_;
};

}  // namespace tidelog::network
