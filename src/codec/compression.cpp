#include "tidelog/codec/compression.hpp"

#include "compression_formats.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/base/limits.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace tidelog::codec {
namespace {

class compression_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "compression"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<compression_errc>(value)) {
      case compression_errc::corrupt:
        return "the compressed data is damaged";
      case compression_errc::truncated:
        return "the compressed data ends too early";
      case compression_errc::trailing_bytes:
        return "bytes follow the compressed data";
      case compression_errc::unsupported:
        return "a kind of compressed data that is not supported";
      case compression_errc::output_too_large:
        return "the output would be larger than allowed";
      case compression_errc::library_failed:
        return "the compression library failed";
    }
    return "unknown compression error";
  }
};

/// Compression "none" behind the same interface.
class plain_compressor final : public compressor {
 public:
  explicit plain_compressor(compressor_options options)
      : output_(std::move(options.prefix), options.most_bytes) {}
  base::status add(base::byte_view content) override { return output_.append(content); }
  base::result<std::vector<std::byte>> finish() override { return output_.take(); }

 private:
  bounded_output output_;
};

tl::unexpected<base::error> unknown_compression(model::compression_type type) {
  return base::fail(model::batch_errc::unknown_compression, "compression {}", static_cast<int>(type));
}

}  // namespace

const std::error_category& compression_category() noexcept {
  static const compression_error_category category;
  return category;
}

chunk_buffer::chunk_buffer()
    : size_(base::limits::decompression_chunk_bytes),
      bytes_(std::make_unique_for_overwrite<std::byte[]>(size_)) {}

base::status emit_in_chunks(base::byte_view content, const chunk_sink& sink) {
  while (!content.empty()) {
    const std::size_t size = std::min(content.size(), base::limits::decompression_chunk_bytes);
    TIDELOG_DO(sink(content.first(size)));
    content = content.subspan(size);
  }
  return {};
}

base::byte_span bounded_output::room(std::size_t size) {
  room_begins_ = bytes_.size();
  bytes_.resize(room_begins_ + size);
  return base::byte_span(bytes_).subspan(room_begins_);
}

base::status bounded_output::commit(std::size_t used) {
  TIDELOG_ASSERT(room_begins_ + used <= bytes_.size(), "used={}", used);
  bytes_.resize(room_begins_ + used);
  if (bytes_.size() > most_bytes_)
    return base::fail(compression_errc::output_too_large, "more than {} bytes", most_bytes_);
  return {};
}

base::status bounded_output::append(base::byte_view bytes) {
  if (bytes.size() > most_bytes_ || bytes_.size() > most_bytes_ - bytes.size())
    return base::fail(compression_errc::output_too_large, "more than {} bytes", most_bytes_);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return {};
}

base::status decompress_stream(model::compression_type type, base::byte_view input, const chunk_sink& sink) {
  switch (type) {
    case model::compression_type::none:
      return emit_in_chunks(input, sink);
    case model::compression_type::gzip:
      return decompress_gzip(input, sink);
    case model::compression_type::snappy:
      return decompress_snappy(input, sink);
    case model::compression_type::lz4:
      return decompress_lz4(input, sink);
    case model::compression_type::zstd:
      return decompress_zstd(input, sink);
  }
  return unknown_compression(type);
}

base::result<std::vector<std::byte>> decompress(model::compression_type type, base::byte_view input,
                                                std::size_t most_bytes) {
  bounded_output output({}, most_bytes);
  TIDELOG_DO(decompress_stream(type, input, [&](base::byte_view chunk) { return output.append(chunk); }));
  return output.take();
}

base::result<std::unique_ptr<compressor>> make_compressor(compressor_options options) {
  switch (options.type) {
    case model::compression_type::none:
      return std::make_unique<plain_compressor>(std::move(options));
    case model::compression_type::gzip:
      return make_gzip_compressor(std::move(options));
    case model::compression_type::snappy:
      return make_snappy_compressor(std::move(options));
    case model::compression_type::lz4:
      return make_lz4_compressor(std::move(options));
    case model::compression_type::zstd:
      return make_zstd_compressor(std::move(options));
  }
  return unknown_compression(options.type);
}

base::result<std::vector<std::byte>> compress(model::compression_type type, compression_level level,
                                              base::byte_view content) {
  TIDELOG_TRY(auto stream, make_compressor({.type = type,
                                            .level = level,
                                            .prefix = {},
                                            .most_bytes = std::numeric_limits<std::size_t>::max(),
                                            .content_bytes = content.size()}));
  TIDELOG_DO(stream->add(content));
  return stream->finish();
}

}  // namespace tidelog::codec
