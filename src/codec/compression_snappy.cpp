#include "compression_formats.hpp"

#include <snappy.h>

#include "tidelog/base/limits.hpp"

#include <algorithm>
#include <array>

namespace tidelog::codec {
namespace {

constexpr std::array<std::byte, 8> frame_magic{std::byte{0x82}, std::byte{0x53}, std::byte{0x4e},
                                               std::byte{0x41}, std::byte{0x50}, std::byte{0x50},
                                               std::byte{0x59}, std::byte{0x00}};
constexpr std::size_t frame_header_bytes = 16;
constexpr std::int32_t frame_version = 1;
constexpr std::size_t written_block_bytes = 32 * 1024;
/// The densest element of a block is a copy of 64 bytes in 3, so a claim of more than 22 times the input is false.
constexpr std::size_t most_expansion = 22;

bool begins_frame(base::byte_view input) {
  return input.size() >= frame_header_bytes &&
         std::equal(frame_magic.begin(), frame_magic.end(), input.begin());
}

const char* as_snappy(base::byte_view bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

class block_reader {
 public:
  /// One raw snappy block.
  [[nodiscard]] base::status read(base::byte_view block, const chunk_sink& sink) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(as_snappy(block), block.size(), &size) ||
        size / most_expansion > block.size())
      return base::fail(compression_errc::corrupt, "snappy block of {} bytes", block.size());
    if (size > base::limits::snappy_block_bytes)
      return base::fail(compression_errc::unsupported, "snappy block that opens to {} bytes, more than {}",
                        size, base::limits::snappy_block_bytes);
    if (size > room_bytes_) {
      room_.reset();
      room_ = std::make_unique_for_overwrite<char[]>(size);
      room_bytes_ = size;
    }
    if (!snappy::RawUncompress(as_snappy(block), block.size(), room_.get()))
      return base::fail(compression_errc::corrupt, "snappy block of {} bytes", block.size());
    return emit_in_chunks(base::as_bytes({room_.get(), size}), sink);
  }

 private:
  std::size_t room_bytes_ = base::limits::decompression_chunk_bytes;
  std::unique_ptr<char[]> room_ = std::make_unique_for_overwrite<char[]>(room_bytes_);
};

/// The header of a frame; returns the bytes after it.
base::result<base::byte_view> skip_frame_header(base::byte_view input) {
  const auto version = base::load_big_endian<std::int32_t>(input.data() + frame_magic.size());
  if (version < frame_version)
    return base::fail(compression_errc::unsupported, "snappy frame version {}", version);
  return input.subspan(frame_header_bytes);
}

base::status decompress_frames(base::byte_view input, const chunk_sink& sink) {
  block_reader blocks;
  while (!input.empty()) {
    if (begins_frame(input)) {
      TIDELOG_TRY(input, skip_frame_header(input));
      continue;
    }
    if (input.size() < sizeof(std::int32_t)) return base::fail(compression_errc::truncated, "snappy frame");
    const auto size = base::load_big_endian<std::int32_t>(input.data());
    if (size < 0) return base::fail(compression_errc::corrupt, "snappy block size {}", size);
    input = input.subspan(sizeof(size));
    const auto block_bytes = static_cast<std::size_t>(size);
    if (block_bytes > input.size())
      return base::fail(compression_errc::truncated, "snappy block of {} bytes, {} left", size, input.size());
    TIDELOG_DO(blocks.read(input.first(block_bytes), sink));
    input = input.subspan(block_bytes);
  }
  return {};
}

class snappy_compressor final : public compressor {
 public:
  explicit snappy_compressor(compressor_options options)
      : output_(std::move(options.prefix), options.most_bytes) {}

  [[nodiscard]] base::status write_frame_header() {
    std::array<std::byte, frame_header_bytes> header{};
    std::copy(frame_magic.begin(), frame_magic.end(), header.begin());
    base::store_big_endian(header.data() + frame_magic.size(), frame_version);
    base::store_big_endian(header.data() + frame_magic.size() + sizeof(frame_version), frame_version);
    return output_.append(header);
  }
  base::status add(base::byte_view content) override {
    if (!begun_) TIDELOG_DO(write_frame_header());
    begun_ = true;
    while (!content.empty()) {
      // Whole blocks are taken where they lie; what is left over waits for more.
      if (pending_.empty() && content.size() >= written_block_bytes) {
        TIDELOG_DO(write_block(content.first(written_block_bytes)));
        content = content.subspan(written_block_bytes);
        continue;
      }
      const std::size_t taken = std::min(content.size(), written_block_bytes - pending_.size());
      pending_.insert(pending_.end(), content.begin(), content.begin() + static_cast<std::ptrdiff_t>(taken));
      content = content.subspan(taken);
      if (pending_.size() == written_block_bytes) TIDELOG_DO(write_pending());
    }
    return {};
  }
  base::result<std::vector<std::byte>> finish() override {
    TIDELOG_DO(add({}));
    if (!pending_.empty()) TIDELOG_DO(write_pending());
    return output_.take();
  }

 private:
  [[nodiscard]] base::status write_pending() {
    TIDELOG_DO(write_block(pending_));
    pending_.clear();
    return {};
  }
  [[nodiscard]] base::status write_block(base::byte_view content) {
    const base::byte_span room =
        output_.room(sizeof(std::int32_t) + snappy::MaxCompressedLength(content.size()));
    std::size_t size = 0;
    snappy::RawCompress(as_snappy(content), content.size(),
                        reinterpret_cast<char*>(room.data() + sizeof(std::int32_t)), &size);
    base::store_big_endian(room.data(), static_cast<std::int32_t>(size));
    return output_.commit(sizeof(std::int32_t) + size);
  }

  bounded_output output_;
  std::vector<std::byte> pending_;
  bool begun_ = false;
};

}  // namespace

base::status decompress_snappy(base::byte_view input, const chunk_sink& sink) {
  if (begins_frame(input)) return decompress_frames(input, sink);
  if (input.empty()) return base::fail(compression_errc::truncated, "snappy");
  block_reader blocks;
  return blocks.read(input, sink);
}

made_compressor make_snappy_compressor(compressor_options options) {
  return std::make_unique<snappy_compressor>(std::move(options));
}

}  // namespace tidelog::codec
