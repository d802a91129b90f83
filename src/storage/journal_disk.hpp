#pragma once
// The journal's file as its writer uses it.

#include "tidelog/storage/journal_file.hpp"

namespace tidelog::storage {

/// One call at a time; all wait for the disk.
class journal_disk {
 public:
  journal_disk(io::file_system& files, io::path data_directory, const base::uuid& directory_id,
               std::uint64_t ring_blocks);

  /// Whether the file that is there may serve again.
  enum class file_choice { any, only_new };
  /// From here on groups of earlier runs mean nothing, and nobody needs them: after a failure they may or may not be found.
  /// Lays out a file where there is none that fits; it gets its name when it is whole, and nothing that is not whole is left
  /// after a failure. Fails with ENOSPC, also where it would take too much of what room there is, or another errno.
  [[nodiscard]] base::status begin_run(file_choice choice);
  [[nodiscard]] const base::uuid& run_id() const { return header_.run_id; }
  [[nodiscard]] base::status write_group(base::byte_view group, std::uint64_t block);
  /// What the file holds means nothing any more; nothing to do where there is no file.
  [[nodiscard]] base::status end_run();
  /// Nothing while no run has begun.
  [[nodiscard]] const std::shared_ptr<io::file>& file() const { return file_; }

 private:
  [[nodiscard]] io::path name() const { return directory_ / journal_file_name; }
  [[nodiscard]] base::result<bool> open_existing();
  [[nodiscard]] base::status lay_out();
  [[nodiscard]] base::status fill_with_zeros(io::file& file) const;
  [[nodiscard]] base::status write_next_header();

  io::file_system& files_;
  const io::path directory_;
  journal_header header_;
  std::shared_ptr<io::file> file_;
};

}  // namespace tidelog::storage
