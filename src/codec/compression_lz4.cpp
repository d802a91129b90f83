#include "compression_formats.hpp"

#include <lz4frame.h>

#include "tidelog/base/limits.hpp"

#include <algorithm>
#include <array>

namespace tidelog::codec {
namespace {

/// The frame's magic number, little-endian, then a byte of flags.
constexpr std::array<std::byte, 4> frame_magic{std::byte{0x04}, std::byte{0x22}, std::byte{0x4d},
                                               std::byte{0x18}};
constexpr std::byte independent_blocks{0x20};

constexpr std::size_t input_step_bytes = 64 * 1024;
constexpr int kafka_default_level = 9;
/// What the library calls its levels: up to 2 fast, from 3 to 12 thorough.
constexpr int fast_level = 0;
constexpr int least_thorough_level = 3;
constexpr int most_thorough_level = 12;

int library_level(compression_level level) {
  if (!level || *level == kafka_default_level) return fast_level;
  return std::clamp(*level, least_thorough_level, most_thorough_level);
}

struct free_decompression {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
struct free_compression {
  void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
};

base::status check_frame_header(base::byte_view input) {
  const std::size_t seen = std::min(input.size(), frame_magic.size());
  if (!std::equal(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(seen), frame_magic.begin()))
    return base::fail(compression_errc::corrupt, "no lz4 frame");
  if (input.size() <= frame_magic.size()) return base::fail(compression_errc::truncated, "lz4");
  if ((input[frame_magic.size()] & independent_blocks) == std::byte{0})
    return base::fail(compression_errc::unsupported, "lz4 frame with linked blocks");
  return {};
}

class lz4_compressor final : public compressor {
 public:
  explicit lz4_compressor(compressor_options options)
      : output_(std::move(options.prefix), options.most_bytes) {
    preferences_.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences_.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences_.compressionLevel = library_level(options.level);
  }

  [[nodiscard]] base::status open() {
    LZ4F_cctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)) != 0U)
      return base::fail(compression_errc::library_failed, "LZ4F_createCompressionContext");
    context_.reset(context);
    const base::byte_span room = output_.room(LZ4F_HEADER_SIZE_MAX);
    return commit(LZ4F_compressBegin(context, room.data(), room.size(), &preferences_));
  }
  base::status add(base::byte_view content) override {
    while (!content.empty()) {
      const base::byte_view piece = content.first(std::min(content.size(), input_step_bytes));
      const base::byte_span room = output_.room(LZ4F_compressBound(piece.size(), &preferences_));
      TIDELOG_DO(commit(LZ4F_compressUpdate(context_.get(), room.data(), room.size(), piece.data(),
                                            piece.size(), nullptr)));
      content = content.subspan(piece.size());
    }
    return {};
  }
  base::result<std::vector<std::byte>> finish() override {
    const base::byte_span room = output_.room(LZ4F_compressBound(0, &preferences_));
    TIDELOG_DO(commit(LZ4F_compressEnd(context_.get(), room.data(), room.size(), nullptr)));
    return output_.take();
  }

 private:
  /// `outcome` is a size or one of the library's errors.
  [[nodiscard]] base::status commit(std::size_t outcome) {
    if (LZ4F_isError(outcome) != 0U)
      return base::fail(compression_errc::library_failed, "lz4: {}", LZ4F_getErrorName(outcome));
    return output_.commit(outcome);
  }

  bounded_output output_;
  LZ4F_preferences_t preferences_{};
  std::unique_ptr<LZ4F_cctx, free_compression> context_;
};

}  // namespace

base::status decompress_lz4(base::byte_view input, const chunk_sink& sink) {
  TIDELOG_DO(check_frame_header(input));
  LZ4F_dctx* created = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&created, LZ4F_VERSION)) != 0U)
    return base::fail(compression_errc::library_failed, "LZ4F_createDecompressionContext");
  const std::unique_ptr<LZ4F_dctx, free_decompression> context(created);
  chunk_buffer buffer;
  while (true) {
    const base::byte_span room = buffer.room();
    std::size_t produced = room.size();
    std::size_t consumed = input.size();
    const std::size_t outcome =
        LZ4F_decompress(context.get(), room.data(), &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(outcome) != 0U)
      return base::fail(compression_errc::corrupt, "lz4: {}", LZ4F_getErrorName(outcome));
    input = input.subspan(consumed);
    if (produced != 0) TIDELOG_DO(sink(room.first(produced)));
    if (outcome == 0) {
      if (input.empty()) return {};
      return base::fail(compression_errc::trailing_bytes, "{} bytes after an lz4 frame", input.size());
    }
    if (produced == 0 && consumed == 0) return base::fail(compression_errc::truncated, "lz4");
  }
}

made_compressor make_lz4_compressor(compressor_options options) {
  auto stream = std::make_unique<lz4_compressor>(std::move(options));
  TIDELOG_DO(stream->open());
  return stream;
}

}  // namespace tidelog::codec
