#pragma once
// The compressions of record batches, both ways, as streams. The formats are those that Kafka's clients write and read:
//
//   gzip     RFC 1952; several members after one another are one stream
//   snappy   the xerial frame: 82 53 4e 41 50 50 59 00, version int32, least compatible version int32, then for each
//            block its compressed size int32 and a raw snappy block (written with 32 KiB of content); a frame header in
//            the place of a size begins another frame. Bytes that do not begin with that magic are one raw snappy
//            block: librdkafka and some Go clients send that, and Kafka takes it.
//   lz4      one LZ4 frame with independent blocks; linked blocks are refused, because Kafka's own reader cannot
//   zstd     one frame or several
//
// Decompression holds a chunk, the library's state and the format's window, however much comes out: at most about 8 MiB
// for lz4, 128 MiB for the largest zstd window, and for snappy the largest block (limits::snappy_block_bytes, and never
// more than some 22 times what came in).

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/model/record_batch.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

namespace tidelog::codec {

enum class compression_errc {
  /// Not the format, or damaged.
  corrupt = 1,
  /// The format ends early.
  truncated,
  /// Something that is not the format follows its end.
  trailing_bytes,
  /// Well formed, but of a kind that is not taken: linked lz4 blocks, too large a window or block.
  unsupported,
  /// More would come out than the caller allows.
  output_too_large,
  /// The library failed, which for these libraries means memory.
  library_failed,
};

[[nodiscard]] const std::error_category& compression_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(compression_errc code) noexcept {
  return {static_cast<int>(code), compression_category()};
}

/// Takes what a decompressor lets out, in order; a failure ends the decompression and becomes its result, unchanged.
using chunk_sink = std::function<base::status(base::byte_view chunk)>;

/// Hands `sink` the content in chunks of at most limits::decompression_chunk_bytes, valid during the call. Fails with
/// the codes above, batch_errc::unknown_compression, or as the sink did. Content that came before a fault has been
/// handed on by then.
[[nodiscard]] base::status decompress_stream(model::compression_type type, base::byte_view input,
                                             const chunk_sink& sink);
/// All of the content; fails with output_too_large when it is more than `most_bytes`.
[[nodiscard]] base::result<std::vector<std::byte>> decompress(model::compression_type type,
                                                              base::byte_view input, std::size_t most_bytes);

/// Kafka's levels: gzip 1-9, lz4 1-17, zstd up to 22, without effect for the others. Out of range is brought in range.
/// Nothing is Kafka's default; for lz4 that is 9, which there and here means the fast compressor, not the ninth of the
/// thorough ones.
using compression_level = std::optional<int>;

struct compressor_options {
  model::compression_type type = model::compression_type::none;
  compression_level level{};
  /// The output begins with these bytes, which are the caller's; room for a header.
  std::vector<std::byte> prefix{};
  /// Of the output, prefix included.
  std::size_t most_bytes = 0;
  /// When known, exactly: small content then takes little memory at either end.
  std::optional<std::size_t> content_bytes{};
};

/// Add content, then finish once. After a failure it is of no use. Not thread safe.
class compressor {
 public:
  compressor() = default;
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;
  virtual ~compressor() = default;
  [[nodiscard]] virtual base::status add(base::byte_view content) = 0;
  [[nodiscard]] virtual base::result<std::vector<std::byte>> finish() = 0;
};

/// Fails with batch_errc::unknown_compression or library_failed.
[[nodiscard]] base::result<std::unique_ptr<compressor>> make_compressor(compressor_options options);

/// All at once; whatever comes out is wanted.
[[nodiscard]] base::result<std::vector<std::byte>> compress(model::compression_type type,
                                                            compression_level level, base::byte_view content);

}  // namespace tidelog::codec

template <>
struct std::is_error_code_enum<tidelog::codec::compression_errc> : std::true_type {};
