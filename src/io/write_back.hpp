#pragma once
// Lets the kernel begin early to write what files have got, so that unwritten pages never become many at once: then it
// would hold up whoever writes until it has caught up.

#include "tidelog/base/worker_pool.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace tidelog::io {

class owned_descriptor;

/// Begins write-backs on a thread of its own: where the disk has enough to do already, beginning another waits for it.
/// Thread safe.
class write_back {
 public:
  using begin_call = std::function<void(int descriptor, std::uint64_t position, std::uint64_t length)>;

  /// `begin` is what the thread calls.
  explicit write_back(begin_call begin = begin_writing) : begin_(std::move(begin)) {}

  /// Returns at once. While `most_waiting` others wait for the thread the range is left to the kernel's own judgement.
  void request(const std::shared_ptr<const owned_descriptor>& file, std::uint64_t position,
               std::uint64_t length);

  static constexpr std::size_t most_waiting = 256;

 private:
  /// Waits for no write and takes no error: the next sync of the file is told of it.
  static void begin_writing(int descriptor, std::uint64_t position, std::uint64_t length);

  const begin_call begin_;
  std::once_flag first_;
  /// From the first request on. Last, so that what waits is done before the rest goes.
  std::optional<base::worker_pool> thread_;
};

}  // namespace tidelog::io
