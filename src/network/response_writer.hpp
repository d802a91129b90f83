#pragma once
// Sends the settled answers at the front of a response_queue: memory of several answers by one sendmsg, file slices
// by sendfile. Remembers where it stopped. Knows a non-blocking socket's descriptor, but waits for nothing itself.

#include "response_queue.hpp"

#include "tidelog/base/result.hpp"

#include <cstdint>

namespace tidelog::network {

class response_writer {
 public:
  /// A slice is asked for and brought in by pieces of this size.
  static constexpr std::uint64_t piece_bytes = 1024UL * 1024;

  enum class state {
    drained,    ///< everything that is settled has left
    blocked,    ///< the socket takes no more for now
    turn_used,  ///< more could be sent, but others want their turn
    cold,       ///< cold_piece() has to be read from disk first
    closing,    ///< the front request is settled by closing; all answers before it have left
    failed,     ///< the socket or a file failed: failure() says how
  };
  struct progress {
    state now;
    std::uint64_t sent_bytes;
  };
  /// Sends until there is nothing more, the socket is full or about `most_bytes` have left.
  [[nodiscard]] progress write(int socket, response_queue& queue, std::uint64_t most_bytes);

  [[nodiscard]] const io::file_slice& cold_piece() const { return cold_; }
  /// The cold piece has been read; it is not asked for again.
  void piece_is_in();
  [[nodiscard]] const base::error& failure() const { return failure_; }

 private:
  [[nodiscard]] state write_memory(int socket, response_queue& queue, bool& wrote);
  [[nodiscard]] state write_slice(int socket, const codec::encoded& answer, response_queue& queue);
  [[nodiscard]] state send_piece(int socket, const io::file_slice& slice, std::uint64_t length);
  void advance(response_queue& queue, std::size_t bytes);
  void pop_front(response_queue& queue);
  [[nodiscard]] bool anything_follows(const codec::encoded& answer, const response_queue& queue) const;
  void set_cork(int socket, int value);
  [[nodiscard]] state fail_with(base::error failure);

  /// Of the front answer: bytes of memory sent, inserts sent, bytes of the current insert's slice sent.
  std::size_t memory_sent_ = 0;
  std::size_t insert_ = 0;
  std::uint64_t slice_sent_ = 0;
  /// The current slice is known to be in the page cache up to here (relative to its start).
  std::uint64_t warm_until_ = 0;
  io::file_slice cold_;
  bool corked_ = false;
  std::uint64_t sent_ = 0;
  base::error failure_;
};

}  // namespace tidelog::network
