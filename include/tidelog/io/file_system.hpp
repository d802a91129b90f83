#pragma once
// The narrow seam to the file system. Everything above does its file work through these two interfaces, so that the
// tests can lose, tear and refuse writes under unchanged code.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/clock.hpp"
#include "tidelog/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::io {

using path = std::filesystem::path;

/// Keeps the kernel's memory of a file while it lives, so that a write-back that fails is told to whoever opens and syncs
/// the file next, also when nobody has had it open meanwhile. Takes no descriptor.
class file_hold {
 public:
  file_hold() = default;
  file_hold(const file_hold&) = delete;
  file_hold& operator=(const file_hold&) = delete;
  virtual ~file_hold() = default;
};

/// An open file. All calls are positional, so a file may be used from several threads; writers of the same bytes
/// must agree among themselves. Closed when the last owner lets go: whoever wrote has synced before that, or has a hold on
/// it, because the error of a write-back could vanish with the descriptor.
class file {
 public:
  file() = default;
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  virtual ~file() = default;

  /// Reads until `into` is full or the file ends; returns the bytes read. EINTR and short reads are handled here.
  [[nodiscard]] virtual base::result<std::size_t> read_at(base::byte_span into,
                                                          std::uint64_t position) const = 0;
  /// Writes all or fails; after a failure any part of the bytes may have been written.
  [[nodiscard]] virtual base::status write_at(base::byte_view bytes, std::uint64_t position) = 0;
  /// Makes the file's data (and the size that leads to it) survive a power cut.
  [[nodiscard]] virtual base::status sync_data() = 0;
  [[nodiscard]] virtual base::result<std::uint64_t> size() const = 0;
  [[nodiscard]] virtual base::status truncate(std::uint64_t size) = 0;
  /// True when the range can be read without waiting for the disk, as far as a few probes tell.
  [[nodiscard]] virtual bool is_cached(std::uint64_t position, std::uint64_t length) const = 0;
  /// Reads the range into the page cache; waits for the disk.
  [[nodiscard]] virtual base::status bring_in(std::uint64_t position, std::uint64_t length) const = 0;
  /// A hint: nobody is expected to read the range soon, and the page cache need not keep it. What has not reached the
  /// disk stays.
  virtual void let_go(std::uint64_t /*position*/, std::uint64_t /*length*/) const {}
  /// A hint: the range has been written and may go to the disk now. Waits for nothing, and makes nothing durable; what goes
  /// wrong is told to the next sync.
  virtual void begin_write_back(std::uint64_t /*position*/, std::uint64_t /*length*/) const {}
  /// Fails with an errno where the file system cannot do that, or when there are too many.
  [[nodiscard]] virtual base::result<std::unique_ptr<file_hold>> hold() const = 0;
  /// For sendfile.
  [[nodiscard]] virtual int descriptor() const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;
};

/// The file system that a file lies on, as a whole. Thread safe.
class volume {
 public:
  volume() = default;
  volume(const volume&) = delete;
  volume& operator=(const volume&) = delete;
  virtual ~volume() = default;

  /// Makes everything that was written to any of its files, and every name, survive a power cut; what other programs have
  /// written, too. Fails when a write-back of any of its files has failed since the volume was opened, which is told once.
  [[nodiscard]] virtual base::status sync() = 0;
  /// Whether the directory lies on it; false where nobody can tell.
  [[nodiscard]] virtual bool has(const io::path& directory) const = 0;
};

enum class open_mode {
  read,        ///< must exist
  scan,        ///< the same, and only what is asked for is read, nothing ahead of it
  read_write,  ///< must exist
  create,      ///< read and write; made when missing
  create_new,  ///< read and write; must not exist
};

enum class entry_kind { file, directory, other };
struct directory_entry {
  std::string name;
  entry_kind kind;
};

struct file_facts {
  std::uint64_t size_bytes;
  base::unix_ms modified_ms;  ///< when the content was changed last
};

/// Held while it lives; released by the kernel also when the process dies.
class directory_lock {
 public:
  directory_lock() = default;
  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;
  virtual ~directory_lock() = default;
};

struct space_info {
  std::uint64_t capacity_bytes;
  std::uint64_t available_bytes;
};

/// Thread safe. Errors carry errno and the path.
class file_system {
 public:
  file_system() = default;
  file_system(const file_system&) = delete;
  file_system& operator=(const file_system&) = delete;
  virtual ~file_system() = default;

  /// Takes and keeps the name as text: taking a path to pieces costs about as much as opening the file.
  [[nodiscard]] virtual base::result<std::shared_ptr<file>> open(const std::string& name, open_mode mode) = 0;
  [[nodiscard]] virtual base::result<bool> exists(const io::path& name) = 0;
  /// Of a file that need not be opened for it.
  [[nodiscard]] virtual base::result<file_facts> facts_of(const io::path& name) = 0;
  /// The content counts as changed then. Lost by a power cut, perhaps.
  [[nodiscard]] virtual base::status set_modified(const io::path& name, base::unix_ms when_ms) = 0;
  /// Replaces the target atomically. Durable once the parent directory has been synced.
  [[nodiscard]] virtual base::status rename(const io::path& from, const io::path& to) = 0;
  [[nodiscard]] virtual base::status remove_file(const io::path& name) = 0;
  /// The directory and all in it.
  [[nodiscard]] virtual base::status remove_tree(const io::path& name) = 0;
  /// With its parents; fine when it is there.
  [[nodiscard]] virtual base::status make_directories(const io::path& name) = 0;
  /// In no particular order, without "." and "..".
  [[nodiscard]] virtual base::result<std::vector<directory_entry>> list(const io::path& directory) = 0;
  /// Makes names created, renamed or removed in the directory survive a power cut.
  [[nodiscard]] virtual base::status sync_directory(const io::path& directory) = 0;
  /// Exclusive between processes, by an advisory lock on the file; fails with EWOULDBLOCK when somebody holds it.
  [[nodiscard]] virtual base::result<std::unique_ptr<directory_lock>> lock(const io::path& lock_file) = 0;
  [[nodiscard]] virtual base::result<space_info> space(const io::path& directory) = 0;
  /// The volume that the file lies on. Fails with EOPNOTSUPP where the word of its sync() cannot be relied on.
  [[nodiscard]] virtual base::result<std::unique_ptr<volume>> volume_of(const io::path& some_file) = 0;
};

/// The machine's own.
[[nodiscard]] std::unique_ptr<file_system> make_posix_file_system();

/// Writes a small file so that after a crash either the old or the new content is there, whole: temporary file, sync,
/// rename, sync of the directory.
[[nodiscard]] base::status replace_file(file_system& files, const io::path& name, base::byte_view content);
/// That in two steps, for who syncs many files with one sync in between and with another afterwards.
[[nodiscard]] base::status write_replacement(file_system& files, const io::path& name,
                                             base::byte_view content);
[[nodiscard]] base::status put_replacement_in_place(file_system& files, const io::path& name);
/// Instead of the second step; also where the first one has failed, or was never taken.
void drop_replacement(file_system& files, const io::path& name);
/// A whole file; fails with EFBIG when it is larger than `most_bytes`.
[[nodiscard]] base::result<std::vector<std::byte>> read_file(file_system& files, const io::path& name,
                                                             std::uint64_t most_bytes);

}  // namespace tidelog::io
