#pragma once
// The requests of one connection in the order they came, each with its answer once it is known. Answers are given in
// any order and taken in order: a ring of slots, without sockets or threads.

#include "tidelog/codec/encoded.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tidelog::network {

/// What became of a request.
struct no_answer {};
struct closing {
  std::string reason;
};
using settlement = std::variant<codec::encoded, no_answer, closing>;

class response_queue {
 public:
  /// A place for the answer to a request of that many bytes; returns its slot number.
  std::uint64_t push(std::size_t request_bytes);
  /// False when the slot has been settled before or is gone.
  bool settle(std::uint64_t slot, settlement outcome);

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  [[nodiscard]] bool empty() const { return next_ == first_; }
  [[nodiscard]] std::size_t unsettled() const { return unsettled_; }
  /// Of the requests that are not settled.
  [[nodiscard]] std::size_t request_bytes() const { return request_bytes_; }
  /// Memory of the answers that are in the queue, without their file slices.
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }

  /// The settlement at `place` from the front (0 is the oldest request), or null when it is not known yet.
  [[nodiscard]] const settlement* at(std::size_t place) const;
  /// The oldest request is done with.
  void pop();
  void clear();

 private:
  struct slot {
    bool settled = false;
    std::size_t request_bytes = 0;
    settlement outcome;
  };
  [[nodiscard]] slot& slot_of(std::uint64_t number) { return ring_[number & (ring_.size() - 1)]; }
  [[nodiscard]] const slot& slot_of(std::uint64_t number) const { return ring_[number & (ring_.size() - 1)]; }
  void grow();

  static constexpr std::size_t smallest_ring = 4;
  /// An empty queue lets go of a ring larger than this.
  static constexpr std::size_t kept_ring = 16;

  /// A power of two; the slot numbered n is at n modulo the size.
  std::vector<slot> ring_;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::size_t unsettled_ = 0;
  std::size_t request_bytes_ = 0;
  std::size_t queued_bytes_ = 0;
};

}  // namespace tidelog::network
