#pragma once
// Timers of one reactor: a binary heap over a table of entries that know their place in it, so that starting and
// cancelling are O(log n) without hashing or allocation. Waiting fetches start and cancel one each.

#include "tidelog/base/unique_function.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace tidelog::network {

class timer_heap {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Never zero, and not given again for as long as anybody could remember it.
  using id = std::uint64_t;

  id start(time_point due, base::task work);
  /// Without effect when the timer has run or was cancelled.
  void cancel(id timer);
  [[nodiscard]] std::optional<time_point> earliest() const;
  /// Takes out the earliest timer that is due at `now`; an empty task when there is none.
  [[nodiscard]] base::task take_due(time_point now);
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  void clear();

 private:
  struct entry {
    time_point due;
    std::uint32_t generation = 1;
    std::uint32_t place = 0;
    base::task work;
  };
  [[nodiscard]] bool before(std::uint32_t left, std::uint32_t right) const {
    return entries_[left].due < entries_[right].due;
  }
  void put(std::size_t place, std::uint32_t index);
  void rise(std::size_t place);
  void sink(std::size_t place);
  base::task remove(std::size_t place);

  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> heap_;
};

}  // namespace tidelog::network
