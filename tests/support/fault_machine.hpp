#pragma once
// The machine under a fault_file_system: its tree of files, and what is in store for it.

#include "support/fault_file_system.hpp"
#include "support/simulated_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace tidelog::test {

/// What space() tells until a test sets a capacity.
inline constexpr std::uint64_t unbounded_capacity_bytes = std::uint64_t{1} << 40;

/// What is to become of one operation.
struct verdict {
  int error_number = 0;
  /// Whether a failing operation takes effect all the same; for a write, with `bytes` of it.
  bool takes_effect = true;
  std::size_t bytes = 0;

  [[nodiscard]] bool fails() const { return error_number != 0; }
};

[[nodiscard]] inline tl::unexpected<base::error> refused(int number, const io::path& name) {
  return base::fail_errno(number, "{}", name.native());
}

[[nodiscard]] inline io::path normal(const io::path& name) {
  return ("/" / name.relative_path()).lexically_normal();
}

/// The tree and what is in store for it. Callers hold the mutex.
class fault_file_system::machine {
 public:
  /// Decides on one operation that is about to happen. `bytes` is what a write would write, at `position`.
  [[nodiscard]] verdict decide(operation what, bool changes_something, const std::string& paths,
                               std::size_t bytes = 0, std::uint64_t position = 0) {
    if (down) return {EIO, false, 0};
    if (what == operation::sync || what == operation::sync_directory) ++syncs;
    if (changes_something && changes++ == cut_at) {
      down = true;
      change_at_cut = {what, paths};
      // Whether the last change came through is as good as random, but the same in every run.
      random_engine random(changes);
      return {EIO, random() % 2 == 0, static_cast<std::size_t>(random() % (bytes + 1))};
    }
    for (auto& each : faults) {
      if (each.what != what || each.times == 0) continue;
      if (paths.find(each.path_contains) == std::string::npos) continue;
      if (position < each.from_position || position >= each.below_position) continue;
      if (each.after > 0) {
        --each.after;
        continue;
      }
      if (each.times != for_ever) --each.times;
      ++faults_met;
      const std::size_t written = std::min(bytes, each.bytes_written);
      return {each.error_number, written > 0, written};
    }
    return {0, true, bytes};
  }
  [[nodiscard]] verdict decide(operation what, bool changes_something, const io::path& name,
                               std::size_t bytes = 0) {
    return decide(what, changes_something, name.native(), bytes);
  }

  [[nodiscard]] base::status powered(const io::path& name) const {
    if (down) return refused(EIO, name);
    return {};
  }

  /// The node of a path, or ENOENT or ENOTDIR.
  [[nodiscard]] base::result<node_pointer> find(const io::path& name) const {
    node_pointer at = root;
    for (const auto& part : normal(name).relative_path()) {
      if (part.empty()) continue;
      if (!at->directory) return refused(ENOTDIR, name);
      at = at->directory->find(part.native());
      if (!at) return refused(ENOENT, name);
    }
    return at;
  }
  /// The directory that holds a path's last name.
  [[nodiscard]] base::result<node_pointer> parent(const io::path& name) const {
    TIDELOG_TRY(auto found, find(normal(name).parent_path()));
    if (!found->directory) return refused(ENOTDIR, name);
    return found;
  }
  [[nodiscard]] base::status remove_children(const io::path& name, node& directory) {
    const entry_map children = directory.directory->entries();
    for (const auto& [child_name, child] : children) {
      TIDELOG_DO(remove(name / child_name, directory, *child));
    }
    return {};
  }
  [[nodiscard]] base::status remove(const io::path& name, node& from, node& target) {
    if (target.directory) TIDELOG_DO(remove_children(name, target));
    const auto fate = decide(operation::remove, true, name);
    if (fate.takes_effect) from.directory->set(next_number++, name.filename().native(), nullptr);
    if (fate.fails()) return refused(fate.error_number, name);
    return {};
  }
  [[nodiscard]] base::result<node_pointer> open(const io::path& name, io::open_mode mode, operation as) {
    const bool may_create = mode == io::open_mode::create || mode == io::open_mode::create_new;
    TIDELOG_DO(powered(name));
    TIDELOG_TRY(const auto directory, parent(name));
    const std::string last = normal(name).filename().native();
    auto found = last.empty() ? directory : directory->directory->find(last);
    if (found && mode == io::open_mode::create_new) return refused(EEXIST, name);
    if (found && found->directory) return refused(EISDIR, name);
    if (!found && !may_create) return refused(ENOENT, name);
    const auto fate = decide(as, found == nullptr, name);
    if (!found && fate.takes_effect) {
      found = node::make_file();
      found->file->modified_ms = now_ms();
      directory->directory->set(next_number++, last, found);
    }
    if (fate.fails()) return refused(fate.error_number, name);
    return found;
  }

  /// Waits where a test holds this path back; `lock` holds the mutex, here and below.
  void pass(std::unique_lock<std::mutex>& lock, const io::path& name) {
    wait_while(lock, [&] { return held_back && name.native().find(*held_back) != std::string::npos; });
  }
  void pass_to_sync(std::unique_lock<std::mutex>& lock, const io::path& directory) {
    wait_while(lock, [&] { return syncs_held_back == directory; });
  }
  template <class Fact>
  void wait_while(std::unique_lock<std::mutex>& lock, Fact is_held_back) {
    if (!is_held_back()) return;
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return !is_held_back(); });
    --waiting;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> held_back;
  std::optional<io::path> syncs_held_back;
  std::size_t waiting = 0;
  std::condition_variable disk_goes_on;
  bool disk_stalls = false;
  node_pointer root = node::make_directory();
  std::vector<fault> faults;
  std::function<void(const io::path&)> read_watcher;
  std::uint64_t faults_met = 0;
  std::uint64_t syncs = 0;
  std::vector<begun_write_back> write_backs;
  std::uint64_t changes = 0;
  std::uint64_t cut_at = for_ever;
  std::optional<met_change> change_at_cut;
  bool down = false;
  /// Counts restarts; what was opened in an earlier life is dead.
  std::uint64_t life = 0;
  std::uint64_t next_number = 0;
  std::uint64_t capacity_bytes = unbounded_capacity_bytes;
  std::uint64_t write_back_failures = 0;  ///< whole volumes tell of each once

  const base::clock* clock = nullptr;

  /// Where nobody has given a clock, when a manual_clock begins.
  [[nodiscard]] base::unix_ms now_ms() const {
    return clock != nullptr ? clock->now_ms() : 1'700'000'000'000;
  }

  void fail_write_back() {
    ++write_back_failures;
    for_each_file(*root, [](file_image& each) { each.fail_write_back(); });
  }
};

}  // namespace tidelog::test
