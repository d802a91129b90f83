#pragma once
// Walks the batches of a file, for looking into it without a broker.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/record_batch.hpp"

#include <optional>

namespace tidelog::tools {

class log_file_reader {
 public:
  /// `source` must outlive the reader.
  [[nodiscard]] static base::result<log_file_reader> open(const io::file& source);

  /// The next batch, valid until the next call; nothing at the end. Fails with a batch_errc or an errno.
  [[nodiscard]] base::result<std::optional<model::record_batch_view>> next();
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  log_file_reader(const io::file& source, std::uint64_t size) : source_(&source), size_(size) {}

  const io::file* source_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace tidelog::tools
