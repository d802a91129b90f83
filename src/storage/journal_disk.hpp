#pragma once
// The journal's file as its writer uses it.

#include "journal_growth.hpp"

namespace tidelog::storage {

/// One call at a time; all wait for the disk.
class journal_disk {
 public:
  /// Blocks of the ring: of a new file, and of one that has grown.
  struct sizes {
    std::uint64_t first_blocks = 0;
    std::uint64_t most_blocks = 0;
  };
  journal_disk(io::file_system& files, io::path data_directory, const base::uuid& directory_id,
               const sizes& bounds);

  /// Whether the file that is there may serve again.
  enum class file_choice { any, only_new };
  /// From here on groups of earlier runs mean nothing, and nobody needs them: after a failure they may or may not be found.
  /// Lays out a file where there is none that fits; it gets its name when it is whole, and nothing that is not whole is left
  /// after a failure. Fails with ENOSPC, also where it would take too much of what room there is, or another errno.
  [[nodiscard]] base::status begin_run(file_choice choice);
  [[nodiscard]] const base::uuid& run_id() const { return header_.run_id; }
  [[nodiscard]] std::uint64_t ring_blocks() const { return header_.ring_blocks; }
  [[nodiscard]] base::status write_group(base::byte_view group, std::uint64_t block);
  /// Fails with ENOSPC where the file would take too much of what room there is, or another errno.
  [[nodiscard]] base::result<std::shared_ptr<journal_growth>> begin_growth(std::uint64_t ring_blocks);
  /// The ring has that size from now on, in the same run; it has been laid out. After a failure nobody knows which size a
  /// crash would find.
  [[nodiscard]] base::status take(const journal_growth& growth);
  /// What the file holds means nothing any more; nothing to do where there is no file.
  [[nodiscard]] base::status end_run();
  /// Nothing while no run has begun.
  [[nodiscard]] const std::shared_ptr<io::file>& file() const { return file_; }

 private:
  [[nodiscard]] io::path name() const { return directory_ / journal_file_name; }
  [[nodiscard]] base::result<bool> open_existing();
  [[nodiscard]] base::status lay_out();
  [[nodiscard]] base::status check_room_for(std::uint64_t bytes) const;
  enum class run { same, next };
  [[nodiscard]] base::status write_next_header(run of, std::uint64_t ring_blocks);

  io::file_system& files_;
  const io::path directory_;
  const sizes sizes_;
  journal_header header_;
  std::shared_ptr<io::file> file_;
};

}  // namespace tidelog::storage
