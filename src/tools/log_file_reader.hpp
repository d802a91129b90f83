#pragma once
// Walks the batches of a file, for looking into it without a broker.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/record_batch.hpp"

#include <optional>

namespace tidelog::tools {

/// Views of a file, read in large pieces.
class file_window {
 public:
  /// `source` must outlive the window.
  [[nodiscard]] static base::result<file_window> open(const io::file& source);

  /// `length` bytes from `position` on, or what there is of them; valid until the next call.
  [[nodiscard]] base::result<base::byte_view> view(std::uint64_t position, std::uint64_t length);
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// The batch at `position`, header and length checked. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<model::record_batch_view> batch_at(std::uint64_t position);
  /// Its header alone, whose length is within the file.
  [[nodiscard]] base::result<model::record_batch_header> header_at(std::uint64_t position);

 private:
  file_window(const io::file& source, std::uint64_t size) : source_(&source), size_(size) {}

  base::result<std::size_t> fill(std::uint64_t position, std::uint64_t length);

  const io::file* source_;
  std::uint64_t size_;
  /// Up to there is a piece that could not be read as a whole.
  std::uint64_t small_pieces_until_ = 0;
  std::uint64_t start_ = 0;
  std::vector<std::byte> bytes_;
};

class log_file_reader {
 public:
  /// `source` must outlive the reader.
  [[nodiscard]] static base::result<log_file_reader> open(const io::file& source);

  /// The next batch, valid until the next call; nothing at the end. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<std::optional<model::record_batch_view>> next();
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t size() const { return window_.size(); }

 private:
  explicit log_file_reader(file_window window) : window_(std::move(window)) {}

  file_window window_;
  std::uint64_t position_ = 0;
};

}  // namespace tidelog::tools
