#pragma once
// Walks the batches of a segment by their headers, without reading the records.

#include "tidelog/io/patience.hpp"
#include "tidelog/model/record_batch.hpp"

#include <array>
#include <optional>

namespace tidelog::storage {

/// One read of a few KiB serves many small batches; of a large one no more than that is read.
class batch_walker {
 public:
  static constexpr std::size_t bytes_read_at_once = 4096;

  /// From `position`, where a batch begins, to `end`. `file` outlives the walker.
  batch_walker(const io::file& file, std::uint64_t position, std::uint64_t end,
               io::patience reader = io::patience::waits_for_disk)
      : file_(file), reader_(reader), next_position_(position), end_(end) {}

  /// The next batch's header, valid until the next call; nothing at the end. Fails with a batch_errc (framing only is
  /// checked) or an errno; position() is then where the batch should be.
  [[nodiscard]] base::result<std::optional<model::record_batch_header>> next();

  /// Where the batch that next() returned begins, and where it ends.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t end_position() const { return next_position_; }
  /// next() goes on there, where a batch begins.
  void go_on_at(std::uint64_t position) { next_position_ = position; }

 private:
  [[nodiscard]] base::result<base::byte_view> header_bytes();

  const io::file& file_;
  io::patience reader_;
  std::uint64_t position_ = 0;
  std::uint64_t next_position_;
  std::uint64_t end_;
  std::uint64_t buffer_position_ = 0;
  std::size_t buffered_ = 0;
  std::array<std::byte, bytes_read_at_once> buffer_;
};

}  // namespace tidelog::storage
