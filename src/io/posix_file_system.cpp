#include "posix_file.hpp"
#include "posix_volume.hpp"

#include "tidelog/base/assert.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace tidelog::io {
namespace {

[[nodiscard]] int open_flags(open_mode mode) {
  switch (mode) {
    case open_mode::read:
    case open_mode::scan:
      return O_RDONLY;
    case open_mode::read_write:
      return O_RDWR;
    case open_mode::create:
      return O_RDWR | O_CREAT;
    case open_mode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  base::assertion_failed("open mode is known", __FILE__, __LINE__, {});
}

[[nodiscard]] entry_kind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return entry_kind::file;
  if (S_ISDIR(mode)) return entry_kind::directory;
  return entry_kind::other;
}

/// The kind of a directory's entry; nothing when the entry has gone since the directory was read.
[[nodiscard]] base::result<std::optional<entry_kind>> kind_of(int directory, const dirent& entry,
                                                              const io::path& directory_name) {
  if (entry.d_type == DT_REG) return entry_kind::file;
  if (entry.d_type == DT_DIR) return entry_kind::directory;
  // Not every file system fills in the type, and a link's own type does not tell what it leads to.
  struct stat found {};
  if (::fstatat(directory, entry.d_name, &found, 0) == 0) return kind_of(found.st_mode);
  if (errno != ENOENT) return base::fail_errno(errno, "stat {}", (directory_name / entry.d_name).native());
  if (entry.d_type == DT_LNK) return entry_kind::other;
  return std::nullopt;
}

struct close_directory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

class posix_directory_lock final : public directory_lock {
 public:
  explicit posix_directory_lock(owned_descriptor held) : held_(std::move(held)) {}

 private:
  owned_descriptor held_;
};

class posix_file_system final : public file_system {
 public:
  [[nodiscard]] base::result<std::shared_ptr<file>> open(const std::string& name, open_mode mode) override {
    auto opened = open_descriptor(name, open_flags(mode));
    if (!opened) return base::forward_error(opened);
    if (mode == open_mode::scan)
      static_cast<void>(::posix_fadvise(opened->number(), 0, 0, POSIX_FADV_RANDOM));
    return std::make_shared<posix_file>(std::move(*opened), name, traffic_);
  }

  [[nodiscard]] base::result<bool> exists(const io::path& name) override {
    struct stat found {};
    if (::stat(name.c_str(), &found) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return base::fail_errno(errno, "stat {}", name.native());
  }

  [[nodiscard]] base::result<file_facts> facts_of(const io::path& name) override {
    struct stat found {};
    if (::stat(name.c_str(), &found) != 0) return base::fail_errno(errno, "stat {}", name.native());
    return file_facts{static_cast<std::uint64_t>(found.st_size),
                      base::unix_ms{found.st_mtim.tv_sec} * 1000 + found.st_mtim.tv_nsec / 1'000'000};
  }

  [[nodiscard]] base::status set_modified(const io::path& name, base::unix_ms when_ms) override {
    const std::array<timespec, 2> times{timespec{0, UTIME_OMIT},
                                        timespec{when_ms / 1000, when_ms % 1000 * 1'000'000}};
    if (::utimensat(AT_FDCWD, name.c_str(), times.data(), 0) == 0) return {};
    return base::fail_errno(errno, "set the time of {}", name.native());
  }

  [[nodiscard]] base::status rename(const io::path& from, const io::path& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return base::fail_errno(errno, "rename {} to {}", from.native(), to.native());
  }

  [[nodiscard]] base::status remove_file(const io::path& name) override {
    if (::unlink(name.c_str()) == 0) return {};
    return base::fail_errno(errno, "remove {}", name.native());
  }

  [[nodiscard]] base::status remove_tree(const io::path& name) override {
    std::error_code failure;
    std::filesystem::remove_all(name, failure);
    if (failure) return base::fail_errno(failure.value(), "remove {}", name.native());
    return {};
  }

  [[nodiscard]] base::status make_directories(const io::path& name) override {
    std::error_code failure;
    std::filesystem::create_directories(name, failure);
    if (failure) return base::fail_errno(failure.value(), "make directory {}", name.native());
    return {};
  }

  [[nodiscard]] base::result<std::vector<directory_entry>> list(const io::path& directory) override {
    const std::unique_ptr<DIR, close_directory> stream(::opendir(directory.c_str()));
    if (!stream) return base::fail_errno(errno, "list {}", directory.native());
    std::vector<directory_entry> found;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      TIDELOG_TRY(const auto kind, kind_of(::dirfd(stream.get()), *entry, directory));
      if (kind) found.push_back({std::string(name), *kind});
    }
    if (errno != 0) return base::fail_errno(errno, "list {}", directory.native());
    return found;
  }

  [[nodiscard]] base::status sync_directory(const io::path& directory) override {
    auto opened = open_descriptor(directory, O_RDONLY | O_DIRECTORY);
    if (!opened) return base::forward_error(opened);
    int outcome = ::fsync(opened->number());
    while (outcome < 0 && errno == EINTR) outcome = ::fsync(opened->number());
    if (outcome < 0) return base::fail_errno(errno, "sync directory {}", directory.native());
    return {};
  }

  [[nodiscard]] base::result<std::unique_ptr<directory_lock>> lock(const io::path& lock_file) override {
    auto opened = open_descriptor(lock_file, O_RDWR | O_CREAT);
    if (!opened) return base::forward_error(opened);
    // A lock of the open file description excludes a second lock within this process too, and it conflicts
    // with the record locks that a Kafka on the same directory takes.
    struct flock whole_file {};
    whole_file.l_type = F_WRLCK;
    whole_file.l_whence = SEEK_SET;
    if (::fcntl(opened->number(), F_OFD_SETLK, &whole_file) < 0) {
      const bool held_by_another = errno == EAGAIN || errno == EACCES;
      return base::fail_errno(held_by_another ? EWOULDBLOCK : errno, "lock {}", lock_file.native());
    }
    return std::make_unique<posix_directory_lock>(std::move(*opened));
  }

  [[nodiscard]] base::result<space_info> space(const io::path& directory) override {
    struct statvfs found {};
    if (::statvfs(directory.c_str(), &found) < 0)
      return base::fail_errno(errno, "space of {}", directory.native());
    const auto block_bytes = static_cast<std::uint64_t>(found.f_frsize);
    return space_info{found.f_blocks * block_bytes, found.f_bavail * block_bytes};
  }

  [[nodiscard]] base::result<std::unique_ptr<volume>> volume_of(const io::path& some_file) override {
    return open_posix_volume(some_file);
  }

 private:
  /// Shared with the files, which may outlive the file system.
  const std::shared_ptr<disk_traffic> traffic_ = std::make_shared<disk_traffic>(most_cold_bytes());
};

}  // namespace

std::unique_ptr<file_system> make_posix_file_system() {
  return std::make_unique<posix_file_system>();
}

}  // namespace tidelog::io
