#pragma once
// Cuts a connection's bytes into frames: a plain state machine, without sockets.
//
//   | size: int32, big endian | size bytes: one request | size | ...
//
// Memory follows what has arrived, never what was announced: a buffer begins at 64 KiB and doubles when it is full,
// unless the connection has completed a frame of the size before (up to proven_bytes_limit). A connection that waits
// gives back what it does not need (rest()).
//
// Small frames arrive many to a read, and only the incomplete one at the end is ever moved. Large frames are
// received exactly to their end, so that the next one begins at the buffer's start and nothing is moved.

#include "tidelog/network/receive_buffer.hpp"
#include "tidelog/protocol/service.hpp"

#include <cstdint>
#include <vector>

namespace tidelog::network {

class frame_stream {
 public:
  /// API key, API version and correlation id: no request is shorter.
  static constexpr std::int32_t smallest_frame_bytes = 8;
  /// From this size on a frame is received exactly to its end.
  static constexpr std::size_t large_frame_bytes = 32UL * 1024;
  /// For frames up to this size a connection that has sent one like it gets the whole buffer at once.
  static constexpr std::size_t proven_bytes_limit = 2048UL * 1024;

  /// The pool outlives the stream.
  explicit frame_stream(buffer_pool& pool) : pool_(pool) {}
  frame_stream(const frame_stream&) = delete;
  frame_stream& operator=(const frame_stream&) = delete;

  /// Where the next bytes belong; never empty. Only when next() has found no further frame.
  [[nodiscard]] base::byte_span room();
  /// That many bytes were put there.
  void received(std::size_t bytes);

  enum class found { nothing_yet, frame, bad_size };
  struct step {
    found what = found::nothing_yet;
    /// The frame; it stays valid until room(), rest() or clear() is called, and longer while its owner is kept.
    protocol::request_frame frame{};
    /// The announced size, when it is bad.
    std::int32_t bad_size = 0;
  };
  /// The next frame, when it is complete. A bad size ends the stream: there is no finding the next frame after it.
  [[nodiscard]] step next(std::int32_t largest_frame_bytes);

  /// Before waiting for more: gives the buffer back, or exchanges it for one that fits what has arrived.
  void rest();
  void clear();

  [[nodiscard]] bool is_between_frames() const { return pending_bytes() == 0; }
  [[nodiscard]] std::size_t pending_bytes() const { return parked_.size() + (end_ - begin_); }
  /// Memory held at this moment.
  [[nodiscard]] std::size_t held_bytes() const {
    return parked_.capacity() + (buffer_ != nullptr ? buffer_->capacity : 0);
  }

 private:
  [[nodiscard]] std::size_t wanted_capacity(std::size_t pending) const;
  void move_to_front_of(receive_buffer_ptr target);
  void unpark();
  void make_room();

  buffer_pool& pool_;
  receive_buffer_ptr buffer_;
  /// Bytes [begin_, end_) of the buffer have arrived and were not handed out.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  /// The beginning of a frame, while the connection waits without a buffer.
  std::vector<std::byte> parked_;
  /// Size of the frame that is arriving, with its four leading bytes; 0 when not known yet.
  std::size_t expected_ = 0;
  /// The same of the last completed frame and of the largest one.
  std::size_t last_ = 0;
  std::size_t proven_ = 0;
};

}  // namespace tidelog::network
