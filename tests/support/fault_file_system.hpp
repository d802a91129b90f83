#pragma once
// A file system in memory that can lose, tear and refuse, for use under unchanged production code. The fault model is
// told in support/simulated_disk.hpp.
//
//   for (std::uint64_t at = 0; ; ++at) {
//     fault_file_system files;
//     files.cut_power_at(at);
//     run_the_code_under_test(files);           // from change `at` on every call fails with EIO
//     if (!files.is_down()) break;              // the code came to its end: every crash point was seen
//     files.restart(unsynced::random, seed + at);
//     check_what_was_promised(files);
//   }

#include "support/simulated_disk.hpp"

#include "tidelog/io/file_system.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace tidelog::test {

enum class operation {
  open,
  hold,
  read,       ///< read_at and bring_in
  disk_read,  ///< the same of what is not in the page cache
  write,
  sync,
  size,
  truncate,
  exists,
  rename,
  remove,  ///< one for each name that remove_tree removes
  make_directory,
  list,
  sync_directory,
  sync_volume,
  lock,
  space,
};

inline constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();

/// Operations that are to fail, and how. A sync that fails loses what it was to write.
struct fault {
  operation what;
  int error_number;
  /// Only paths that contain this text; a rename is known by both its paths.
  std::string path_contains = {};
  /// Only writes that begin there.
  std::uint64_t from_position = 0;
  std::uint64_t below_position = for_ever;
  /// Matching operations that succeed first.
  std::uint64_t after = 0;
  /// Matching operations that then fail.
  std::uint64_t times = 1;
  /// Bytes that a failing write still puts into the file.
  std::size_t bytes_written = 0;
};

/// A change of the disk that the power went in the middle of.
struct met_change {
  operation what;
  /// A rename has both, a newline between them.
  std::string paths;
};

/// A range that somebody has said may be written to the disk.
struct begun_write_back {
  io::path name;
  std::uint64_t position;
  std::uint64_t length;
  friend bool operator==(const begun_write_back&, const begun_write_back&) = default;
};

/// What becomes of unsynced changes in a restart.
enum class unsynced {
  lost,    ///< a power cut that no unsynced change survived
  random,  ///< a power cut that some survived, torn and in any order
  kept,  ///< only the process died (kill -9): what it wrote is in the page cache and as little durable as before
};

/// Thread safe. Paths are taken from one root, which exists; descriptor() is -1.
class fault_file_system final : public io::file_system {
 public:
  fault_file_system();
  ~fault_file_system() override;

  void inject(fault to_come);
  void clear_faults();
  /// Told the file's name before each read_at and bring_in, on the thread that reads. It calls nothing of the file system;
  /// set it while nobody reads.
  void watch_reads(std::function<void(const io::path& name)> watcher);
  /// How many operations have failed by injected faults.
  [[nodiscard]] std::uint64_t faults_met() const;

  /// From now on whoever opens a file whose path contains this text, or lists such a directory, waits until let_through():
  /// a disk that takes its time.
  void hold_back(std::string path_contains);
  /// The same for whoever syncs that directory.
  void hold_back_syncs_of(io::path directory);
  void let_through();
  /// Returns once so many wait there.
  void await_held_back(std::size_t count = 1);

  /// Operations so far that could change something: creating opens and locks, writes, truncations, syncs, renames,
  /// removals. restart() begins anew with 0.
  [[nodiscard]] std::uint64_t changes() const;
  /// How many times a file or a directory has been synced; the whole volume counts as nothing.
  [[nodiscard]] std::uint64_t syncs() const;
  /// Those that were asked for, which changes nothing: a power cut may have kept anything that was unsynced anyhow.
  [[nodiscard]] std::vector<begun_write_back> write_backs() const;
  /// The machine stops in the middle of the change with this number, counted from 0 as changes() does: it may take
  /// effect, in part or not at all. It and all calls after it fail with EIO until restart().
  void cut_power_at(std::uint64_t change);
  void cut_power();
  [[nodiscard]] bool is_down() const;
  /// The change that a cut_power_at() has met since the last restart(), if it has met one.
  [[nodiscard]] std::optional<met_change> change_at_cut() const;
  /// Comes up again; cuts the power first if it is on. Files and locks of before are dead for good (EIO). Injected
  /// faults stay.
  void restart(unsynced fate, std::uint64_t seed = 0);
  /// Makes everything durable, as if it had long been there: for what a test sets up.
  void make_durable();

  /// The kernel tries to write what is unsynced of all files, and fails.
  void fail_write_back();

  /// Which tells when files are changed; without one they all are at the same time. Outlives the file system.
  void set_clock(const base::clock& clock);

  /// Writes beyond it fail with ENOSPC, having written what still had room.
  void set_capacity_bytes(std::uint64_t capacity);
  /// From now on is_cached() says no for every file until it has been brought in, read or written.
  void evict_page_cache();
  /// Until resume_disk() whoever reads what is not in the page cache waits, whatever thread it is.
  void stall_disk();
  void resume_disk();

  [[nodiscard]] base::result<std::shared_ptr<io::file>> open(const std::string& name,
                                                             io::open_mode mode) override;
  [[nodiscard]] base::result<bool> exists(const io::path& name) override;
  [[nodiscard]] base::result<io::file_facts> facts_of(const io::path& name) override;
  [[nodiscard]] base::status set_modified(const io::path& name, base::unix_ms when_ms) override;
  [[nodiscard]] base::status rename(const io::path& from, const io::path& to) override;
  [[nodiscard]] base::status remove_file(const io::path& name) override;
  [[nodiscard]] base::status remove_tree(const io::path& name) override;
  [[nodiscard]] base::status make_directories(const io::path& name) override;
  [[nodiscard]] base::result<std::vector<io::directory_entry>> list(const io::path& directory) override;
  [[nodiscard]] base::status sync_directory(const io::path& directory) override;
  [[nodiscard]] base::result<std::unique_ptr<io::directory_lock>> lock(const io::path& lock_file) override;
  [[nodiscard]] base::result<io::space_info> space(const io::path& directory) override;
  [[nodiscard]] base::result<std::unique_ptr<io::volume>> volume_of(const io::path& some_file) override;

 private:
  class machine;
  class open_file;
  class whole_volume;
  class user;
  class held_lock;

  /// Shared with the open files, which may outlive the file system.
  std::shared_ptr<machine> machine_;
};

}  // namespace tidelog::test
