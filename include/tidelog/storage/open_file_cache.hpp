#pragma once
// Bounds the open files of all logs together. Segments and indexes are opened when they are used, and closed again,
// least recently used first, when there are too many. A file with writes that no sync has confirmed is never closed:
// the error of a failed write-back could vanish with the descriptor.

#include "tidelog/io/file_system.hpp"

#include <atomic>
#include <mutex>
#include <vector>

namespace tidelog::storage {

class open_file_cache;

/// One file that may be open or not. Thread safe. Lives no longer than its cache.
class cached_file {
 public:
  cached_file(open_file_cache& cache, io::file_system& files, io::path name);
  cached_file(const cached_file&) = delete;
  cached_file& operator=(const cached_file&) = delete;
  ~cached_file();

  /// The open file, opened now if it was not; for reading and writing. Fails with the errno of open.
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get();
  /// The same, made when it is missing.
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get_or_create();
  /// Keeps `file`, which get() gave out, open until as many unpins have come. Writers pin after a write and before
  /// they let go of the file.
  void pin(const std::shared_ptr<io::file>& file);
  void unpin();
  /// Renames the file; whoever has it open, or is just opening it, is not disturbed.
  [[nodiscard]] base::status rename_to(const io::path& name);
  /// The same for a file that need not be there: it has the new name when it is made.
  [[nodiscard]] base::status rename_if_there(const io::path& name);
  /// Removes the file, which need not be there, and lets go of the descriptor. For good: another file may get the name,
  /// so get() fails with ENOENT from now on.
  [[nodiscard]] base::status remove();
  [[nodiscard]] bool is_removed() const;
  /// Lets go of the descriptor unless it is pinned; readers that still hold it are not disturbed.
  void close();
  [[nodiscard]] io::path name() const;

 private:
  friend class open_file_cache;
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get_in_mode(io::open_mode mode);
  [[nodiscard]] tl::unexpected<base::error> fail_removed() const;
  [[nodiscard]] bool give_up_if_idle();

  open_file_cache& cache_;
  io::file_system& files_;
  mutable std::mutex mutex_;
  io::path name_;
  std::shared_ptr<io::file> open_;
  int pins_ = 0;
  bool used_lately_ = false;
  bool removed_ = false;
  bool listed_ = false;  ///< in the cache's list; guarded by the cache's mutex
};

/// The clock algorithm over the files that are open. Thread safe.
class open_file_cache {
 public:
  /// More than `limit` files are open only while so many are pinned.
  explicit open_file_cache(std::size_t limit);
  open_file_cache(const open_file_cache&) = delete;
  open_file_cache& operator=(const open_file_cache&) = delete;
  ~open_file_cache();

  [[nodiscard]] std::size_t open_files() const;

 private:
  friend class cached_file;
  void opened(cached_file& file);
  void forgotten(cached_file& file);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::vector<cached_file*> open_;
  std::size_t hand_ = 0;
};

}  // namespace tidelog::storage
