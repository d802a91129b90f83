#include "tidelog/codec/records_check.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::codec {
namespace {

constexpr std::size_t most_batch_bytes =
    std::numeric_limits<std::int32_t>::max() - base::limits::record_batch_overhead_bytes;

void set_length_and_compression(base::byte_span batch, model::compression_type type) {
  using position = model::batch_position;
  const auto length = static_cast<std::int32_t>(batch.size() - base::limits::record_batch_overhead_bytes);
  base::store_big_endian(batch.data() + position::length, length);
  const auto attributes = base::load_big_endian<std::uint16_t>(batch.data() + position::attributes);
  const auto others = static_cast<std::uint16_t>(attributes & ~model::batch_attribute::compression_mask);
  base::store_big_endian(batch.data() + position::attributes,
                         static_cast<std::uint16_t>(others | static_cast<std::uint16_t>(type)));
}

}  // namespace

base::result<model::record_check_summary> check_records(const model::record_batch_view& batch,
                                                        const model::record_check_options& options) {
  model::record_stream_checker checker(batch, options);
  if (batch.compression() == model::compression_type::none) {
    TIDELOG_DO(checker.feed(batch.records()));
  } else {
    TIDELOG_DO(decompress_stream(batch.compression(), batch.records(),
                                 [&](base::byte_view chunk) { return checker.feed(chunk); }));
  }
  return checker.finish();
}

base::result<std::vector<std::byte>> recompress_batch(const model::record_batch_view& batch,
                                                      const recompress_options& options) {
  const base::byte_view header = batch.bytes().first(model::batch_position::records);
  std::optional<std::size_t> content_bytes;
  if (batch.compression() == model::compression_type::none) content_bytes = batch.records().size();
  TIDELOG_TRY(auto output, make_compressor({.type = options.target,
                                            .level = options.level,
                                            .prefix = std::vector<std::byte>(header.begin(), header.end()),
                                            .most_bytes = std::min(options.most_bytes, most_batch_bytes),
                                            .content_bytes = content_bytes}));
  TIDELOG_DO(decompress_stream(batch.compression(), batch.records(),
                               [&](base::byte_view chunk) { return output->add(chunk); }));
  TIDELOG_TRY(auto bytes, output->finish());
  set_length_and_compression(bytes, options.target);
  if (options.append_time) model::set_log_append_time(bytes, *options.append_time);
  model::reseal_crc(bytes);
  return bytes;
}

}  // namespace tidelog::codec
