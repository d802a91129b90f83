#include "compression_formats.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace tidelog::codec {
namespace {

/// zlib's code for "the largest window, in the gzip format and no other".
constexpr int gzip_window_bits = 15 + 16;
constexpr int default_memory_level = 8;

constexpr std::byte first_magic{0x1f};
constexpr std::size_t output_step_bytes = 32 * 1024;

Bytef* as_zlib(base::byte_view bytes) {
  // zlib only reads what next_in points at, but takes it without const.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

uInt piece_of(base::byte_view bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
}

const char* text_of(const z_stream& stream) {
  return stream.msg == nullptr ? "gzip" : stream.msg;
}

class inflater {
 public:
  inflater() = default;
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater() { inflateEnd(&stream_); }

  [[nodiscard]] base::status run(base::byte_view input, const chunk_sink& sink) {
    if (inflateInit2(&stream_, gzip_window_bits) != Z_OK)
      return base::fail(compression_errc::library_failed, "inflateInit2");
    while (true) {
      const base::byte_span room = buffer_.room();
      stream_.next_in = as_zlib(input);
      stream_.avail_in = piece_of(input);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const uInt offered = stream_.avail_in;
      const int outcome = inflate(&stream_, Z_NO_FLUSH);
      if (outcome == Z_MEM_ERROR) return base::fail(compression_errc::library_failed, "inflate");
      if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
        return base::fail(compression_errc::corrupt, "{}", text_of(stream_));
      input = input.subspan(offered - stream_.avail_in);
      const std::size_t produced = room.size() - stream_.avail_out;
      if (produced != 0) TIDELOG_DO(sink(room.first(produced)));
      if (outcome == Z_STREAM_END) {
        if (input.empty()) return {};
        TIDELOG_DO(begin_next_member(input));
      } else if (produced == 0 && offered == stream_.avail_in) {
        return base::fail(compression_errc::truncated, "gzip");
      }
    }
  }

 private:
  [[nodiscard]] base::status begin_next_member(base::byte_view rest) {
    if (rest.front() != first_magic)
      return base::fail(compression_errc::trailing_bytes, "{} bytes after a gzip member", rest.size());
    if (inflateReset(&stream_) != Z_OK) return base::fail(compression_errc::library_failed, "inflateReset");
    return {};
  }

  chunk_buffer buffer_;
  z_stream stream_{};
};

class gzip_compressor final : public compressor {
 public:
  explicit gzip_compressor(compressor_options options)
      : output_(std::move(options.prefix), options.most_bytes) {}
  ~gzip_compressor() override { deflateEnd(&stream_); }

  [[nodiscard]] bool open(compression_level level) {
    const int within = level ? std::clamp(*level, Z_BEST_SPEED, Z_BEST_COMPRESSION) : Z_DEFAULT_COMPRESSION;
    return deflateInit2(&stream_, within, Z_DEFLATED, gzip_window_bits, default_memory_level,
                        Z_DEFAULT_STRATEGY) == Z_OK;
  }
  base::status add(base::byte_view content) override {
    while (!content.empty()) {
      stream_.next_in = as_zlib(content);
      stream_.avail_in = piece_of(content);
      const uInt offered = stream_.avail_in;
      TIDELOG_TRY(const int outcome, step(Z_NO_FLUSH));
      if (outcome != Z_OK) return base::fail(compression_errc::library_failed, "deflate");
      content = content.subspan(offered - stream_.avail_in);
    }
    return {};
  }
  base::result<std::vector<std::byte>> finish() override {
    int outcome = Z_OK;
    while (outcome == Z_OK) {
      TIDELOG_TRY(outcome, step(Z_FINISH));
    }
    if (outcome != Z_STREAM_END) return base::fail(compression_errc::library_failed, "deflate");
    return output_.take();
  }

 private:
  [[nodiscard]] base::result<int> step(int flush) {
    const base::byte_span room = output_.room(output_step_bytes);
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int outcome = deflate(&stream_, flush);
    TIDELOG_DO(output_.commit(room.size() - stream_.avail_out));
    return outcome;
  }

  bounded_output output_;
  z_stream stream_{};
};

}  // namespace

base::status decompress_gzip(base::byte_view input, const chunk_sink& sink) {
  inflater stream;
  return stream.run(input, sink);
}

made_compressor make_gzip_compressor(compressor_options options) {
  const compression_level level = options.level;
  auto stream = std::make_unique<gzip_compressor>(std::move(options));
  if (!stream->open(level)) return base::fail(compression_errc::library_failed, "deflateInit2");
  return stream;
}

}  // namespace tidelog::codec
