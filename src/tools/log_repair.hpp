#pragma once
// Mends what verify_directory() found. Everything that is removed is kept in a folder of its own.

#include "log_finding.hpp"

#include <map>

namespace tidelog::tools {

/// What is to be done to one file.
struct file_repair {
  /// Bytes that are written over come before ranges that are removed.
  repair_step::action what = repair_step::action::set_aside;
  /// Rising and apart from each other, for remove_range.
  std::vector<byte_range> ranges{};
  /// By position, for write_over and remove_range.
  std::map<std::uint64_t, std::string> overwrites{};
  std::string content{};
};

class repair_plan {
 public:
  /// From the steps of all findings.
  explicit repair_plan(const std::vector<finding>& findings);

  [[nodiscard]] bool empty() const { return files_.empty(); }
  [[nodiscard]] const std::map<io::path, file_repair>& files() const { return files_; }
  /// Does it. `aside` is made below `root`, and has the files under their paths: those set aside or replaced whole, and
  /// of segments the bytes that were cut out or written over, as NAME.FROM-TO. Safe against crashes: a repair of what is left goes on.
  /// Fails with an errno.
  [[nodiscard]] base::status execute(io::file_system& files, const io::path& root,
                                     const io::path& aside) const;

 private:
  std::map<io::path, file_repair> files_;
};

/// "tidelog-repair-20260301T123000Z", a name that is not taken in `root`. Fails with an errno.
[[nodiscard]] base::result<io::path> free_repair_folder(io::file_system& files, const io::path& root);

}  // namespace tidelog::tools
