#pragma once
// Keeps old data that has been read from the disk from pushing out of the page cache what is written and read all the
// time: it may occupy a part of the machine's memory, then what was brought in first is let go of.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

namespace tidelog::io {

class owned_descriptor;

/// First in, first out, so that readers of the same old data who are not too far apart read it from the disk once.
/// Thread safe.
class cold_pages {
 public:
  explicit cold_pages(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  /// The range has been read from the disk into the page cache. May let go of ranges that came before; those of files
  /// that have been closed since are left to the kernel.
  void brought_in(const std::shared_ptr<const owned_descriptor>& file, std::uint64_t position,
                  std::uint64_t length);
  /// How many are remembered.
  [[nodiscard]] std::size_t ranges() const;

 private:
  struct range {
    std::weak_ptr<const owned_descriptor> file;
    std::uint64_t position;
    std::uint64_t length;
  };

  const std::uint64_t most_bytes_;
  mutable std::mutex mutex_;
  std::deque<range> ranges_;
  std::uint64_t bytes_ = 0;
};

/// An eighth of the machine's memory.
[[nodiscard]] std::uint64_t most_cold_bytes();

}  // namespace tidelog::io
