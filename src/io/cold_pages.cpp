#include "cold_pages.hpp"

#include "posix_file.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace tidelog::io {
namespace {

/// Whatever is read brings in a page and takes a place in the list: a client that reads old data by the byte must not make
/// that grow without end.
constexpr std::uint64_t least_counted_bytes = 64 * 1024;

}  // namespace

void cold_pages::brought_in(const std::shared_ptr<const owned_descriptor>& file, std::uint64_t position,
                            std::uint64_t length) {
  std::vector<range> surplus;
  {
    const std::lock_guard guard(mutex_);
    ranges_.push_back({file, position, length});
    bytes_ += std::max(length, least_counted_bytes);
    while (bytes_ > most_bytes_) {
      bytes_ -= std::max(ranges_.front().length, least_counted_bytes);
      surplus.push_back(std::move(ranges_.front()));
      ranges_.pop_front();
    }
  }
  for (const auto& each : surplus) {
    const auto open = each.file.lock();
    if (!open) continue;
    // A hint: pages that somebody is just sending stay.
    ::posix_fadvise(open->number(), static_cast<off_t>(each.position), static_cast<off_t>(each.length),
                    POSIX_FADV_DONTNEED);
  }
}

std::size_t cold_pages::ranges() const {
  const std::lock_guard guard(mutex_);
  return ranges_.size();
}

std::uint64_t most_cold_bytes() {
  constexpr std::uint64_t least = 64ULL << 20;
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return least;
  return std::max(least, static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes) / 8);
}

}  // namespace tidelog::io
