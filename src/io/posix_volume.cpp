#include "posix_volume.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace tidelog::io {
namespace {

/// Since Linux 5.8 syncfs() tells of every write-back of the file system that has failed; before, it told of none.
[[nodiscard]] bool syncfs_tells_errors() {
  constexpr std::pair first_version{5, 8};
  utsname system{};
  std::pair version{0, 0};
  if (::uname(&system) != 0) return false;
  // A kernel's version begins with these two numbers.
  if (std::sscanf(static_cast<const char*>(system.release), "%d.%d", &version.first, &version.second) != 2)
    return false;
  return version >= first_version;
}

class posix_volume final : public volume {
 public:
  posix_volume(owned_descriptor inside, std::string name, dev_t device)
      : inside_(std::move(inside)), name_(std::move(name)), device_(device) {}

  /// syncfs() waits until all has been written, and for the journal's commit, but where that had come before the last
  /// write had ended, the disk may still have it in a cache of its own. A sync of a file empties that.
  [[nodiscard]] base::status sync() override {
    if (::syncfs(inside_.number()) < 0) return base::fail_errno(errno, "sync the file system of {}", name_);
    if (::fdatasync(inside_.number()) < 0) return base::fail_errno(errno, "sync {}", name_);
    return {};
  }

  [[nodiscard]] bool has(const io::path& directory) const override {
    struct stat found {};
    return ::stat(directory.c_str(), &found) == 0 && found.st_dev == device_;
  }

 private:
  owned_descriptor inside_;
  std::string name_;
  dev_t device_;
};

}  // namespace

base::result<std::unique_ptr<volume>> open_posix_volume(const io::path& some_file) {
  TIDELOG_TRY(auto inside, open_descriptor(some_file.native(), O_RDONLY));
  struct statfs found {};
  if (::fstatfs(inside.number(), &found) < 0) return base::fail_errno(errno, "statfs {}", some_file.native());
  // The two of which it is known what their syncs wait for and tell.
  const bool is_known = found.f_type == EXT4_SUPER_MAGIC || found.f_type == XFS_SUPER_MAGIC;
  if (!is_known || !syncfs_tells_errors()) {
    return base::fail_errno(EOPNOTSUPP, "sync the file system of {}", some_file.native());
  }
  struct stat file {};
  if (::fstat(inside.number(), &file) < 0) return base::fail_errno(errno, "stat {}", some_file.native());
  return std::make_unique<posix_volume>(std::move(inside), some_file.native(), file.st_dev);
}

}  // namespace tidelog::io
