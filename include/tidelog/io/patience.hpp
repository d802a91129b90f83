#pragma once
// Reading on threads that others wait for: out of the page cache or not at all.

#include "tidelog/io/file_system.hpp"

namespace tidelog::io {

/// What somebody who reads may be made to wait for.
enum class patience {
  waits_for_disk,
  never_waits,  ///< gets EAGAIN where the disk would have to be waited for: see would_wait()
};

/// True for what a call without patience fails with where it would have had to wait for the disk.
[[nodiscard]] inline bool would_wait(const base::error& failure) {
  return failure.code == std::errc::resource_unavailable_try_again;
}

/// As file::read_at(); without patience it fails with EAGAIN where something of the range is not in the page cache. Where
/// the kernel cannot tell, everything counts as cached.
[[nodiscard]] base::result<std::size_t> read_at(const file& from, base::byte_span into,
                                                std::uint64_t position, patience reader);

}  // namespace tidelog::io
