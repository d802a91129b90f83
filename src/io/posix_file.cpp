#include "posix_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tidelog::io {
namespace {

/// Pages come and go in the order in which a file is written and read, so that few probes tell of what lies between; who
/// is told wrong waits for a piece of it.
constexpr std::uint64_t probe_distance_bytes = 512 * 1024;
constexpr std::uint64_t read_ahead_bytes = 1024UL * 1024;
/// What a commit may have to wait for when old data is read by turns.
constexpr std::uint64_t turn_bytes = 256UL * 1024;
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

/// A mapping of which no byte can be touched. It keeps the inode, and the inode remembers an error that nobody has been
/// told of.
class mapped_hold final : public file_hold {
 public:
  explicit mapped_hold(void* at) : at_(at) {}
  mapped_hold(const mapped_hold&) = delete;
  mapped_hold& operator=(const mapped_hold&) = delete;
  ~mapped_hold() override { ::munmap(at_, mapped_bytes); }

  static constexpr std::size_t mapped_bytes = 1;

 private:
  void* at_;
};

}  // namespace

owned_descriptor::~owned_descriptor() {
  if (number_ >= 0) ::close(number_);
}

base::result<owned_descriptor> open_descriptor(const std::string& name, int flags) {
  // Who may read the data is for the operator's umask to say.
  constexpr mode_t mode = 0666;
  const int number = uninterrupted([&] { return ::open(name.c_str(), flags | O_CLOEXEC, mode); });
  if (number < 0) return base::fail_errno(errno, "open {}", name);
  return owned_descriptor(number);
}

base::result<std::size_t> posix_file::read_at(base::byte_span into, std::uint64_t position) const {
  if (!fits(position, into.size())) return base::fail_errno(EOVERFLOW, "read {} at {}", name_, position);
  std::size_t done = 0;
  while (done < into.size()) {
    const auto at = static_cast<off_t>(position + done);
    const auto got =
        uninterrupted([&] { return ::pread(descriptor(), into.data() + done, into.size() - done, at); });
    if (got < 0) return base::fail_errno(errno, "read {} at {}", name_, position + done);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

base::status posix_file::write_at(base::byte_view bytes, std::uint64_t position) {
  if (!fits(position, bytes.size())) return base::fail_errno(EFBIG, "write {} at {}", name_, position);
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(position);
    const auto put = uninterrupted([&] { return ::pwrite(descriptor(), bytes.data(), bytes.size(), at); });
    if (put < 0) return base::fail_errno(errno, "write {} at {}", name_, position);
    // No file system does this for a regular file, but asking again and again would never end.
    if (put == 0) return base::fail_errno(EIO, "write {} at {} took nothing", name_, position);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    position += static_cast<std::uint64_t>(put);
  }
  traffic_->pace.wrote();
  return {};
}

base::status posix_file::sync_data() {
  const sync_under_way guard(traffic_->pace);
  if (uninterrupted([&] { return ::fdatasync(descriptor()); }) < 0) {
    return base::fail_errno(errno, "sync {}", name_);
  }
  return {};
}

base::result<std::uint64_t> posix_file::size() const {
  struct stat found {};
  if (::fstat(descriptor(), &found) < 0) return base::fail_errno(errno, "size of {}", name_);
  return static_cast<std::uint64_t>(found.st_size);
}

base::status posix_file::truncate(std::uint64_t size) {
  if (!fits(size, 0)) return base::fail_errno(EFBIG, "truncate {} to {}", name_, size);
  if (uninterrupted([&] { return ::ftruncate(descriptor(), static_cast<off_t>(size)); }) < 0) {
    return base::fail_errno(errno, "truncate {} to {}", name_, size);
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
  if (!fits(position, length)) return base::fail_errno(EOVERFLOW, "read {} at {}", name_, position);
  const std::uint64_t end = position + length;
  for (std::uint64_t at = position; at < end;) {
    if (traffic_->pace.others_work()) {
      const std::uint64_t piece = std::min(end - at, turn_bytes);
      const cold_pace::turn turn(traffic_->pace);
      // The kernel would go on reading ahead when the turn is over, megabytes of it.
      TIDELOG_DO(read_through(at, piece, POSIX_FADV_RANDOM, 0));
      at += piece;
    } else {
      TIDELOG_DO(read_through(at, end - at, POSIX_FADV_NORMAL, read_ahead_bytes));
      at = end;
    }
  }
  traffic_->pages.brought_in(opened_, position, length);
  return {};
}

/// Ends early at the end of the file.
base::status posix_file::read_through(std::uint64_t position, std::uint64_t length, int advice,
                                      std::uint64_t ahead_bytes) const {
  // Only hints, one for what else reads the file, one that lets the disk see the whole range at once. Reading is what
  // waits and what reports errors.
  static_cast<void>(::posix_fadvise(descriptor(), 0, 0, advice));
  static_cast<void>(::readahead(descriptor(), static_cast<off_t>(position), length + ahead_bytes));
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

void posix_file::begin_write_back(std::uint64_t position, std::uint64_t length) const {
  if (fits(position, length)) traffic_->write_back.request(opened_, position, length);
}

base::result<std::unique_ptr<file_hold>> posix_file::hold() const {
  void* at = ::mmap(nullptr, mapped_hold::mapped_bytes, PROT_NONE, MAP_SHARED, descriptor(), 0);
  if (at == MAP_FAILED) return base::fail_errno(errno, "hold {}", name_);
  return std::make_unique<mapped_hold>(at);
}

}  // namespace tidelog::io
