#include "batch_finder.hpp"

#include "cli_context.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::tools {
namespace {

bool is_about_content(const base::error& failure) {
  return failure.code.category() == model::batch_category();
}

/// Of zlib, over which the formats 0 and 1 have their checksum.
std::uint32_t crc32_of(base::byte_view bytes) {
  constexpr std::uint32_t reflected_polynomial = 0xedb88320;
  std::uint32_t sum = ~std::uint32_t{0};
  for (const auto each : bytes) {
    sum ^= std::to_integer<std::uint32_t>(each);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? reflected_polynomial : 0);
  }
  return ~sum;
}

}  // namespace

base::result<model::record_batch_view> batch_finder::sound_batch(std::uint64_t position,
                                                                 model::offset least) {
  TIDELOG_TRY(const auto batch, window_.batch_at(position));
  TIDELOG_DO(model::verify_crc(batch));
  TIDELOG_DO(model::check_header(batch));
  if (batch.base_offset() < least) {
    return base::fail(model::batch_errc::bad_offsets,
                      "the batch begins at offset {}, the one before ends at {}", batch.base_offset().value(),
                      least.value() - 1);
  }
  if (limits_.next_base && batch.last_offset() >= *limits_.next_base) {
    return base::fail(model::batch_errc::bad_offsets,
                      "the batch ends at offset {}, the next segment begins at {}",
                      batch.last_offset().value(), limits_.next_base->value());
  }
  if (batch.last_offset() - limits_.base > std::numeric_limits<std::int32_t>::max()) {
    return base::fail(model::batch_errc::bad_offsets, "offset {} is too far from the segment's base {}",
                      batch.last_offset().value(), limits_.base.value());
  }
  return batch;
}

base::result<std::optional<std::uint64_t>> batch_finder::behind_its_length(std::uint64_t position,
                                                                           model::offset least) {
  const auto header = window_.header_at(position);
  if (!header) {
    if (is_about_content(header.error())) return std::nullopt;
    return tl::unexpected(header.error());
  }
  const auto behind = position + header->size_bytes();
  if (behind == window_.size()) return std::nullopt;
  const auto next = sound_batch(behind, least);
  if (next) return behind;
  if (is_about_content(next.error())) return std::nullopt;
  return tl::unexpected(next.error());
}

/// Walks the batches from one that may be a record's value. Damage whose length is right does not end the chain.
base::result<batch_finder::chain> batch_finder::follow(std::uint64_t position, model::offset least) {
  while (position < window_.size()) {
    const auto batch = sound_batch(position, least);
    if (batch) {
      least = batch->next_offset();
      position += batch->size_bytes();
      continue;
    }
    if (!is_about_content(batch.error())) return tl::unexpected(batch.error());
    TIDELOG_TRY(const auto next, behind_its_length(position, least));
    if (!next) return chain{false, position};
    position = *next;
  }
  return chain{true, position};
}

base::result<std::optional<std::uint64_t>> batch_finder::behind_damage(std::uint64_t position,
                                                                       model::offset least) {
  TIDELOG_TRY(const auto behind, behind_its_length(position, least));
  if (behind) return behind;
  const std::uint64_t header_bytes = base::limits::record_batch_header_bytes;
  for (auto at = position + 1; at + header_bytes <= window_.size(); ++at) {
    if (interrupted()) return std::nullopt;
    TIDELOG_TRY(const auto bytes, window_.view(at, header_bytes));
    if (bytes.size() < header_bytes) return std::nullopt;
    if (bytes[model::batch_position::magic] != std::byte{model::record_batch_magic}) continue;
    const auto header = model::parse_record_batch_header(bytes, window_.size() - at);
    if (!header || header->base_offset() < least || !model::check_header(*header)) continue;
    const auto batch = sound_batch(at, least);
    if (!batch && !is_about_content(batch.error())) return tl::unexpected(batch.error());
    if (!batch) continue;
    TIDELOG_TRY(const auto from_here, follow(at, least));
    if (from_here.reaches_end) return at;
    at = std::max(at, from_here.end);
  }
  return std::nullopt;
}

base::result<std::optional<std::uint64_t>> batch_finder::end_of_old_message(std::uint64_t position) {
  // offset int64, length int32, crc int32, magic int8: the checksum is of what begins with the magic.
  constexpr std::size_t length_at = 8;
  constexpr std::size_t crc_at = 12;
  constexpr std::size_t magic_at = 16;
  TIDELOG_TRY(const auto front, window_.view(position, magic_at + 1));
  if (front.size() <= magic_at || front[magic_at] > std::byte{1}) return std::nullopt;
  const auto length = base::load_big_endian<std::int32_t>(front.data() + length_at);
  const auto left = window_.size() - position;
  if (length <= static_cast<std::int32_t>(magic_at - crc_at)) return std::nullopt;
  const auto end = crc_at + static_cast<std::uint64_t>(length);
  if (end > left) return std::nullopt;
  TIDELOG_TRY(const auto message, window_.view(position, end));
  if (message.size() < end) return std::nullopt;
  const auto written = base::load_big_endian<std::uint32_t>(message.data() + crc_at);
  if (crc32_of(message.subspan(magic_at)) != written) return std::nullopt;
  return position + end;
}

}  // namespace tidelog::tools
