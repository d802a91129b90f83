#include "posix_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tidelog::io {
namespace {

/// The kernel reads ahead in pieces of this size, so a probe in each tells about the piece.
constexpr std::uint64_t probe_distance_bytes = 128 * 1024;
constexpr std::size_t bring_in_buffer_bytes = 64 * 1024;
constexpr auto largest_position = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

/// Positions are unsigned with us and signed with the kernel; what does not fit would turn negative.
[[nodiscard]] bool fits(std::uint64_t position, std::uint64_t length) {
  return position <= largest_position && length <= largest_position - position;
}

template <class Call>
[[nodiscard]] auto uninterrupted(Call call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR) outcome = call();
  return outcome;
}

}  // namespace

owned_descriptor::~owned_descriptor() {
  if (number_ >= 0) ::close(number_);
}

base::result<owned_descriptor> open_descriptor(const io::path& name, int flags) {
  // Who may read the data is for the operator's umask to say.
  constexpr mode_t mode = 0666;
  const int number = uninterrupted([&] { return ::open(name.c_str(), flags | O_CLOEXEC, mode); });
  if (number < 0) return base::fail_errno(errno, "open {}", name.native());
  return owned_descriptor(number);
}

base::result<std::size_t> posix_file::read_at(base::byte_span into, std::uint64_t position) const {
  if (!fits(position, into.size()))
    return base::fail_errno(EOVERFLOW, "read {} at {}", name_.native(), position);
  std::size_t done = 0;
  while (done < into.size()) {
    const auto at = static_cast<off_t>(position + done);
    const auto got =
        uninterrupted([&] { return ::pread(descriptor(), into.data() + done, into.size() - done, at); });
    if (got < 0) return base::fail_errno(errno, "read {} at {}", name_.native(), position + done);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

base::status posix_file::write_at(base::byte_view bytes, std::uint64_t position) {
  if (!fits(position, bytes.size()))
    return base::fail_errno(EFBIG, "write {} at {}", name_.native(), position);
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(position);
    const auto put = uninterrupted([&] { return ::pwrite(descriptor(), bytes.data(), bytes.size(), at); });
    if (put < 0) return base::fail_errno(errno, "write {} at {}", name_.native(), position);
    // No file system does this for a regular file, but asking again and again would never end.
    if (put == 0) return base::fail_errno(EIO, "write {} at {} took nothing", name_.native(), position);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    position += static_cast<std::uint64_t>(put);
  }
  return {};
}

base::status posix_file::sync_data() {
  if (uninterrupted([&] { return ::fdatasync(descriptor()); }) < 0) {
    return base::fail_errno(errno, "sync {}", name_.native());
  }
  return {};
}

base::result<std::uint64_t> posix_file::size() const {
  struct stat found {};
  if (::fstat(descriptor(), &found) < 0) return base::fail_errno(errno, "size of {}", name_.native());
  return static_cast<std::uint64_t>(found.st_size);
}

base::status posix_file::truncate(std::uint64_t size) {
  if (!fits(size, 0)) return base::fail_errno(EFBIG, "truncate {} to {}", name_.native(), size);
  if (uninterrupted([&] { return ::ftruncate(descriptor(), static_cast<off_t>(size)); }) < 0) {
    return base::fail_errno(errno, "truncate {} to {}", name_.native(), size);
  }
  return {};
}

bool posix_file::byte_is_cached(std::uint64_t position) const {
  std::byte probe;
  iovec into{&probe, 1};
  const auto at = static_cast<off_t>(position);
  if (uninterrupted([&] { return ::preadv2(descriptor(), &into, 1, at, RWF_NOWAIT); }) >= 0) return true;
  // Where the question cannot be asked (tmpfs on older kernels, some network file systems) the answer has to
  // be yes: otherwise every fetch would go by the worker pool for ever. Any other failure is left to bring_in
  // to report.
  return errno == EOPNOTSUPP || errno == ENOSYS;
}

bool posix_file::is_cached(std::uint64_t position, std::uint64_t length) const {
  if (length == 0 || !fits(position, length)) return true;
  const std::uint64_t last = position + length - 1;
  for (std::uint64_t at = position; at < last; at += std::min(probe_distance_bytes, last - at)) {
    if (!byte_is_cached(at)) return false;
  }
  return byte_is_cached(last);
}

base::status posix_file::bring_in(std::uint64_t position, std::uint64_t length) const {
  if (!fits(position, length)) return base::fail_errno(EOVERFLOW, "read {} at {}", name_.native(), position);
  // Only a hint that lets the disk see the whole range at once; reading is what waits and what reports
  // errors.
  static_cast<void>(::readahead(descriptor(), static_cast<off_t>(position), length));
  std::array<std::byte, bring_in_buffer_bytes> passing;
  while (length > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(length, passing.size()));
    TIDELOG_TRY(const std::size_t got, read_at(base::byte_span(passing.data(), piece), position));
    if (got < piece) return {};
    position += piece;
    length -= piece;
  }
  return {};
}

void posix_file::let_go(std::uint64_t position, std::uint64_t length) const {
  if (!fits(position, length)) return;
  static_cast<void>(::posix_fadvise(descriptor(), static_cast<off_t>(position), static_cast<off_t>(length),
                                    POSIX_FADV_DONTNEED));
}

}  // namespace tidelog::io
