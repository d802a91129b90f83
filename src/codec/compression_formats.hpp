#pragma once
// The formats behind compression.hpp, one file each.

#include "tidelog/codec/compression.hpp"

namespace tidelog::codec {

/// Where decompressors put their output: limits::decompression_chunk_bytes of memory.
class chunk_buffer {
 public:
  chunk_buffer();
  [[nodiscard]] base::byte_span room() { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

/// Hands on bytes that are all there, in chunks.
[[nodiscard]] base::status emit_in_chunks(base::byte_view content, const chunk_sink& sink);

[[nodiscard]] base::status decompress_gzip(base::byte_view input, const chunk_sink& sink);
[[nodiscard]] base::status decompress_snappy(base::byte_view input, const chunk_sink& sink);
[[nodiscard]] base::status decompress_lz4(base::byte_view input, const chunk_sink& sink);
[[nodiscard]] base::status decompress_zstd(base::byte_view input, const chunk_sink& sink);

/// The output of a compressor: grows, but not beyond what its owner allows.
class bounded_output {
 public:
  bounded_output(std::vector<std::byte> prefix, std::size_t most_bytes)
      : bytes_(std::move(prefix)), most_bytes_(most_bytes) {}
  /// Room at the end, of which commit() says how much was used before anything else is asked for.
  [[nodiscard]] base::byte_span room(std::size_t size);
  [[nodiscard]] base::status commit(std::size_t used);
  [[nodiscard]] base::status append(base::byte_view bytes);
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t most_bytes_;
  std::size_t room_begins_ = 0;
};

using made_compressor = base::result<std::unique_ptr<compressor>>;
[[nodiscard]] made_compressor make_gzip_compressor(compressor_options options);
[[nodiscard]] made_compressor make_snappy_compressor(compressor_options options);
[[nodiscard]] made_compressor make_lz4_compressor(compressor_options options);
[[nodiscard]] made_compressor make_zstd_compressor(compressor_options options);

}  // namespace tidelog::codec
