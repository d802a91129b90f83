#pragma once
// Which parts of a file have been looked at, as long as somebody remembers them.

#include <cstdint>
#include <vector>

namespace tidelog::storage {

/// Not thread safe.
class checked_ranges {
 public:
  void add(std::uint64_t from, std::uint64_t to);
  /// Up to where all from `from` on is known; `from` where nothing is.
  [[nodiscard]] std::uint64_t end_from(std::uint64_t from) const;
  /// Nothing is known from `position` on.
  void forget_from(std::uint64_t position);

 private:
  struct range {
    std::uint64_t from;
    std::uint64_t to;
  };
  /// Readers that go on in order make one range each; who reads here and there is not remembered for ever.
  static constexpr std::size_t most_ranges = 64;

  /// By their beginnings; they neither overlap nor touch.
  std::vector<range> ranges_;
};

}  // namespace tidelog::storage
