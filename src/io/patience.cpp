#include "tidelog/io/patience.hpp"

#include <cerrno>
#include <sys/uio.h>

namespace tidelog::io {

base::result<std::size_t> read_at(const file& from, base::byte_span into, std::uint64_t position,
                                  patience reader) {
  if (reader == patience::waits_for_disk) return from.read_at(into, position);
  if (from.descriptor() < 0) {
    if (from.is_cached(position, into.size())) return from.read_at(into, position);
    return base::fail_errno(EAGAIN, "read {} at {}", from.name(), position);
  }
  std::size_t done = 0;
  while (done < into.size()) {
    iovec rest{into.data() + done, into.size() - done};
    const auto at = static_cast<off_t>(position + done);
    const auto got = ::preadv2(from.descriptor(), &rest, 1, at, RWF_NOWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      return base::fail_errno(EAGAIN, "read {} at {}", from.name(), position + done);
    // RWF_NOWAIT is not known here (tmpfs on older kernels, some network file systems), or a plain read will tell why.
    if (got < 0) return from.read_at(into, position);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace tidelog::io
