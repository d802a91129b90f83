#pragma once
// One sync of the whole file system in place of one for each of very many files. A file that was not written to after
// such a sync began is on disk when it has succeeded: a fraction of what a sync of each costs, where they are many, since
// the disk's cache is emptied once and not for each. The price is that it waits for what other programs have written.

#include "tidelog/io/file_system.hpp"

#include <atomic>
#include <memory>
#include <mutex>

namespace tidelog::storage {

/// Thread safe.
class whole_sync {
 public:
  /// Before anything is written: what fails earlier is not told. `some_file` lies where the logs do.
  whole_sync(io::file_system& files, const io::path& some_file);
  whole_sync(const whole_sync&) = delete;
  whole_sync& operator=(const whole_sync&) = delete;

  /// No longer after a failure, which may have befallen any file and is told only once: from then on only the sync of a
  /// file itself is believed.
  [[nodiscard]] bool is_usable() const { return usable_.load(std::memory_order_relaxed); }
  /// Whether what lies in the directory is synced with it.
  [[nodiscard]] bool reaches(const io::path& directory) const {
    return is_usable() && volume_->has(directory);
  }
  /// Syncs that have begun. Who has written something notes it afterwards.
  [[nodiscard]] std::uint64_t begun() const { return begun_.load(); }
  /// Whether what was written before that was noted is on disk.
  [[nodiscard]] bool covers(std::uint64_t noted) const { return succeeded_.load() > noted; }

  /// Waits for the disk. Fails, too, when it is not usable.
  [[nodiscard]] base::status run();

 private:
  std::unique_ptr<io::volume> volume_;
  std::mutex running_;
  std::atomic<bool> usable_{false};
  std::atomic<std::uint64_t> begun_{0};
  /// The newest that has.
  std::atomic<std::uint64_t> succeeded_{0};
};

/// When a log was written to last, as whole syncs count. Thread safe.
class written_mark {
 public:
  /// `by` outlives it. Nothing: no whole sync is ever believed.
  explicit written_mark(const whole_sync* by) : by_(by) {}

  /// After a write, and before anybody is told that there is something to be synced.
  void note() {
    if (by_ != nullptr) noted_.store(by_->begun());
  }
  [[nodiscard]] bool believes_whole_syncs() const { return by_ != nullptr; }
  /// Whether all that was written before the last note() is on disk.
  [[nodiscard]] bool is_on_disk() const { return by_ != nullptr && by_->covers(noted_.load()); }

 private:
  const whole_sync* const by_;
  std::atomic<std::uint64_t> noted_{0};
};

}  // namespace tidelog::storage
