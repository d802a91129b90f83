#pragma once
// More room for the journal's ring, laid out behind the end of its file while groups go on being written.
//
// It becomes part of the ring when the header says so (journal_disk::take()). A crash before that leaves a file that is longer
// than its header says, which means nothing.

#include "tidelog/storage/journal_file.hpp"

namespace tidelog::storage {

/// The end of a file of the journal, from `from` on, is zeros up to `to`, but not on disk yet.
[[nodiscard]] base::status fill_with_zeros(io::file& file, std::uint64_t from, std::uint64_t to);

/// One call at a time; those with a status wait for the disk.
class journal_growth {
 public:
  /// `file` is an opening of its own, so that its syncs take no failure away from those of the groups.
  journal_growth(std::shared_ptr<io::file> file, const journal_header& now, std::uint64_t ring_blocks)
      : file_(std::move(file)), begin_(now.file_bytes()), laid_out_(begin_), header_(now) {
    header_.ring_blocks = ring_blocks;
  }

  /// A small piece, since a sync of a group waits for it, too.
  [[nodiscard]] base::status lay_out_piece();
  [[nodiscard]] bool is_laid_out() const { return laid_out_ == header_.file_bytes(); }
  [[nodiscard]] std::uint64_t ring_blocks() const { return header_.ring_blocks; }
  /// The room is not going to be used.
  void give_back();

 private:
  const std::shared_ptr<io::file> file_;
  const std::uint64_t begin_;
  std::uint64_t laid_out_;
  /// As it is going to be.
  journal_header header_;
};

}  // namespace tidelog::storage
