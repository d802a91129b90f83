#pragma once
// Bounds the open files of all logs together. Segments and indexes are opened when they are used, and closed again,
// least recently used first, when there are too many. Of a file with writes that no sync has confirmed a hold is taken
// before it is closed: the error of a failed write-back could vanish with the descriptor.

#include "tidelog/base/small_mutex.hpp"
#include "tidelog/io/compact_path.hpp"
#include "tidelog/io/patience.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace tidelog::storage {

class open_file_cache;

/// One file that may be open or not. Thread safe. Lives no longer than its cache.
class cached_file {
 public:
  cached_file(open_file_cache& cache, io::file_system& files, const io::path& name);
  cached_file(const cached_file&) = delete;
  cached_file& operator=(const cached_file&) = delete;
  ~cached_file();

  /// The open file, opened now if it was not; for reading and writing. Fails with the errno of open, or, without
  /// patience, with EAGAIN when it is not open.
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get(
      io::patience reader = io::patience::waits_for_disk);
  /// The same, made when it is missing.
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get_or_create();
  /// Until as many unpins have come, `file`, which get() gave out, stays open, or is closed with a hold. Writers pin after
  /// a write and before they let go of the file.
  void pin(const std::shared_ptr<io::file>& file);
  void unpin();
  [[nodiscard]] bool is_pinned() const;
  /// Renames the file; whoever has it open, or is just opening it, is not disturbed.
  [[nodiscard]] base::status rename_to(const io::path& name);
  /// The same for a file that need not be there: it has the new name when it is made.
  [[nodiscard]] base::status rename_if_there(const io::path& name);
  /// Removes the file, which need not be there, and lets go of the descriptor. For good: another file may get the name,
  /// so get() fails with ENOENT from now on.
  [[nodiscard]] base::status remove();
  [[nodiscard]] bool is_removed() const;
  /// Lets go of the descriptor unless it is pinned; readers that still have it are not disturbed.
  void close();
  [[nodiscard]] io::path name() const;

 private:
  friend class open_file_cache;
  [[nodiscard]] base::result<std::shared_ptr<io::file>> get_in_mode(io::open_mode mode);
  [[nodiscard]] tl::unexpected<base::error> fail_removed() const;
  /// The file to let go of; nothing when it has been used lately, or has to stay open.
  [[nodiscard]] std::optional<std::shared_ptr<io::file>> give_up_if_idle();

  open_file_cache& cache_;
  io::file_system& files_;
  mutable base::small_mutex mutex_;
  io::compact_path name_;
  std::shared_ptr<io::file> open_;
  /// Of what is pinned and was closed once since.
  std::unique_ptr<io::file_hold> hold_;
  int pins_ = 0;
  bool used_lately_ = false;
  bool removed_ = false;
  bool listed_ = false;  ///< in the cache's list; guarded by the cache's mutex
};

/// The clock algorithm over the files that are open. Thread safe.
class open_file_cache {
 public:
  /// No more than `limit` files stay open (and a few more while all are in use), but for those that are pinned and cannot be
  /// held: beyond `most_holds`, or where the file system has no holds. Those are closed as their pins go.
  explicit open_file_cache(std::size_t limit, std::size_t most_holds = default_most_holds);
  open_file_cache(const open_file_cache&) = delete;
  open_file_cache& operator=(const open_file_cache&) = delete;
  ~open_file_cache();

  [[nodiscard]] std::size_t open_files() const;
  /// Files that are closed and held.
  [[nodiscard]] std::size_t held_files() const { return holds_.load(std::memory_order_relaxed); }
  /// More are open than the limit allows: files wait for a sync.
  [[nodiscard]] bool is_overfull() const;

  /// A quarter of the mappings that Linux allows a process by default; memory that is asked for needs some too.
  static constexpr std::size_t default_most_holds = 16384;

 private:
  friend class cached_file;
  /// Whoever opens a file looks at no more than so many others for one to close.
  static constexpr std::size_t most_passed = 64;

  void opened(cached_file& file);
  void forgotten(cached_file& file);

  const std::size_t limit_;
  const std::size_t most_holds_;
  std::atomic<std::size_t> holds_{0};
  mutable std::mutex mutex_;
  std::vector<cached_file*> open_;
  std::size_t hand_ = 0;
};

}  // namespace tidelog::storage
