#pragma once
// What the cleaner reads: whole batches of a segment, one after another, and the records in them.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/record.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tidelog::storage {

/// Reads a closed segment front to back in large pieces and checks each batch whole. Holds one piece, or one batch where
/// that is larger. What is not in the page cache is brought in as old data is: paced beside those who write, and let go of
/// again.
class batch_source {
 public:
  /// From `position`, where a batch begins, to `end`. `file` outlives the source.
  batch_source(const io::file& file, std::uint64_t position, std::uint64_t end, std::size_t buffer_bytes);

  /// The next batch, valid until the next call; nothing at the end. Fails with errc::corrupt_segment or an errno.
  [[nodiscard]] base::result<std::optional<model::record_batch_view>> next();
  /// Where the batch that next() returned begins, and where it ends.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t end_position() const { return next_position_; }
  /// What of it was not in the page cache.
  [[nodiscard]] std::uint64_t bytes_brought_in() const { return bytes_brought_in_; }

 private:
  /// So many bytes from the next position on, or fewer where the segment ends.
  [[nodiscard]] base::result<base::byte_view> at_least(std::size_t bytes);
  [[nodiscard]] base::result<model::record_batch_view> checked_batch();

  const io::file& file_;
  std::uint64_t position_ = 0;
  std::uint64_t next_position_;
  const std::uint64_t end_;
  const std::size_t piece_bytes_;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_position_ = 0;
  std::size_t buffered_ = 0;
  std::uint64_t bytes_brought_in_ = 0;
};

/// Takes one record and its bytes, both valid during the call; a failure ends the walk and becomes its result.
using record_visitor = std::function<base::status(const model::record_view&, base::byte_view bytes)>;

/// Hands out the records of a batch in their order. What is compressed is opened as a stream: no more than one record is
/// held. Fails as the visitor did, with a compression_errc, or with a batch_errc where the records are not what the header
/// says: as many, with rising offsets inside the batch's own.
[[nodiscard]] base::status visit_records(const model::record_batch_view& batch,
                                         const record_visitor& visitor);

}  // namespace tidelog::storage
