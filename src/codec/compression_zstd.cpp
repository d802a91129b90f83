#include "compression_formats.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include "tidelog/base/limits.hpp"

#include <algorithm>

namespace tidelog::codec {
namespace {

constexpr std::size_t output_step_bytes = 32 * 1024;

struct free_decompression {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
struct free_compression {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

tl::unexpected<base::error> decompression_failure(std::size_t outcome) {
  switch (ZSTD_getErrorCode(outcome)) {
    case ZSTD_error_memory_allocation:
      return base::fail(compression_errc::library_failed, "zstd: {}", ZSTD_getErrorName(outcome));
    case ZSTD_error_frameParameter_windowTooLarge:
    case ZSTD_error_frameParameter_unsupported:
    case ZSTD_error_dictionary_wrong:
      return base::fail(compression_errc::unsupported, "zstd: {}", ZSTD_getErrorName(outcome));
    default:
      return base::fail(compression_errc::corrupt, "zstd: {}", ZSTD_getErrorName(outcome));
  }
}

/// Magic numbers are little-endian. Skippable frames have 16 of them.
bool begins_frame(base::byte_view input) {
  if (input.size() < sizeof(std::uint32_t)) return false;
  const auto magic = base::byte_swapped(base::load_big_endian<std::uint32_t>(input.data()));
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

class zstd_compressor final : public compressor {
 public:
  explicit zstd_compressor(compressor_options options)
      : output_(std::move(options.prefix), options.most_bytes), context_(ZSTD_createCCtx()) {}

  [[nodiscard]] base::status open(compression_level level, std::optional<std::size_t> content_bytes) {
    if (context_ == nullptr) return base::fail(compression_errc::library_failed, "ZSTD_createCCtx");
    const int within = std::clamp(level.value_or(ZSTD_CLEVEL_DEFAULT), ZSTD_minCLevel(), ZSTD_maxCLevel());
    TIDELOG_DO(verify(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, within)));
    if (content_bytes) TIDELOG_DO(verify(ZSTD_CCtx_setPledgedSrcSize(context_.get(), *content_bytes)));
    return {};
  }
  base::status add(base::byte_view content) override {
    ZSTD_inBuffer input{content.data(), content.size(), 0};
    while (input.pos < input.size) TIDELOG_DO(step(input, ZSTD_e_continue));
    return {};
  }
  base::result<std::vector<std::byte>> finish() override {
    ZSTD_inBuffer input{nullptr, 0, 0};
    std::size_t unwritten = 1;
    while (unwritten != 0) {
      TIDELOG_TRY(unwritten, step(input, ZSTD_e_end));
    }
    return output_.take();
  }

 private:
  [[nodiscard]] static base::status verify(std::size_t outcome) {
    if (ZSTD_isError(outcome) != 0U)
      return base::fail(compression_errc::library_failed, "zstd: {}", ZSTD_getErrorName(outcome));
    return {};
  }
  /// How much is left to write, as far as the library tells.
  [[nodiscard]] base::result<std::size_t> step(ZSTD_inBuffer& input, ZSTD_EndDirective directive) {
    const base::byte_span room = output_.room(output_step_bytes);
    ZSTD_outBuffer output{room.data(), room.size(), 0};
    const std::size_t outcome = ZSTD_compressStream2(context_.get(), &output, &input, directive);
    TIDELOG_DO(verify(outcome));
    TIDELOG_DO(output_.commit(output.pos));
    return outcome;
  }

  bounded_output output_;
  std::unique_ptr<ZSTD_CCtx, free_compression> context_;
};

}  // namespace

base::status decompress_zstd(base::byte_view input, const chunk_sink& sink) {
  const std::unique_ptr<ZSTD_DCtx, free_decompression> context(ZSTD_createDCtx());
  if (context == nullptr || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax,
                                                                base::limits::zstd_window_log)) != 0U)
    return base::fail(compression_errc::library_failed, "ZSTD_createDCtx");
  chunk_buffer buffer;
  ZSTD_inBuffer from{input.data(), input.size(), 0};
  while (true) {
    const base::byte_span room = buffer.room();
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(context.get(), &to, &from);
    if (ZSTD_isError(outcome) != 0U) return decompression_failure(outcome);
    if (to.pos != 0) TIDELOG_DO(sink(room.first(to.pos)));
    const base::byte_view rest = input.subspan(from.pos);
    if (outcome == 0) {
      if (rest.empty()) return {};
      if (!begins_frame(rest))
        return base::fail(compression_errc::trailing_bytes, "{} bytes after a zstd frame", rest.size());
    } else if (rest.empty() && to.pos < to.size) {
      // The output had room and the input is used up, and still the frame is not at its end.
      return base::fail(compression_errc::truncated, "zstd");
    }
  }
}

made_compressor make_zstd_compressor(compressor_options options) {
  const compression_level level = options.level;
  const std::optional<std::size_t> content_bytes = options.content_bytes;
  auto stream = std::make_unique<zstd_compressor>(std::move(options));
  TIDELOG_DO(stream->open(level, content_bytes));
  return stream;
}

}  // namespace tidelog::codec
