// Whatever bytes a producer may send as a batch: parsed, checked and opened, as the produce path and recovery do.

#include "tidelog/codec/records_check.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

namespace base = tidelog::base;
namespace codec = tidelog::codec;
namespace model = tidelog::model;

/// A property that must hold for any input; libFuzzer reports the abort with the input that led to it.
void require(bool holds) {
  if (!holds) std::abort();
}

/// The reader and the checker are two implementations of one format, so what one takes the other takes.
void compare_reader_and_checker(const model::record_batch_view& batch) {
  const auto summary = codec::check_records(batch, {.keys = model::key_policy::required});
  const auto records = codec::decompress(batch.compression(), batch.records(), 1 << 20);
  if (!records) return;
  model::record_reader reader(*records, std::max(batch.record_count(), 0));
  std::int32_t expected_delta = 0;
  bool counts_up = true;
  while (true) {
    const auto record = reader.next();
    if (!record) return require(!summary);
    if (!*record) break;
    counts_up = counts_up && (*record)->offset_delta == expected_delta++;
    model::record_header_reader headers(**record);
    for (std::int32_t i = 0; i < (*record)->header_count; ++i) require(headers.next().has_value());
  }
  if (batch.record_count() >= 0) require(summary.has_value() == counts_up);
}

/// The checker has to say the same whether records come whole or byte by byte.
void compare_pieces(const model::record_batch_view& batch) {
  model::record_stream_checker whole(batch, {});
  model::record_stream_checker bytewise(batch, {});
  const base::byte_view records = batch.records();
  const bool whole_is_good = whole.feed(records).has_value() && whole.finish().has_value();
  bool bytewise_is_good = true;
  for (std::size_t i = 0; i < records.size() && bytewise_is_good; ++i)
    bytewise_is_good = bytewise.feed(records.subspan(i, 1)).has_value();
  bytewise_is_good = bytewise_is_good && bytewise.finish().has_value();
  require(whole_is_good == bytewise_is_good);
}

void rewrite(const model::record_batch_view& batch) {
  const auto plain = codec::recompress_batch(batch, {.most_bytes = 1 << 20});
  if (!plain) return;
  const auto reparsed = model::parse_only_record_batch(*plain);
  require(reparsed.has_value());
  require(model::verify_crc(*reparsed).has_value());
  const auto original = codec::decompress(batch.compression(), batch.records(), 1 << 20);
  require(original.has_value());
  require(std::ranges::equal(reparsed->records(), *original));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::transform(data, data + size, bytes.begin(), [](std::uint8_t value) { return std::byte{value}; });
  // Length and magic are put right where there is room for them, or hardly any input would get past them.
  if (size >= model::batch_position::records && size < (1U << 20) && bytes[0] == std::byte{0}) {
    base::store_big_endian(bytes.data() + model::batch_position::length,
                           static_cast<std::int32_t>(size - base::limits::record_batch_overhead_bytes));
    base::store_big_endian(bytes.data() + model::batch_position::magic, model::record_batch_magic);
  }
  const auto batch = model::parse_record_batch(bytes);
  if (!batch) return 0;
  require(batch->size_bytes() <= size);
  (void)model::verify_crc(*batch);
  (void)model::check_header(*batch);
  (void)model::check_produced_header(*batch);
  (void)batch->last_sequence();
  compare_reader_and_checker(*batch);
  compare_pieces(*batch);
  rewrite(*batch);
  return 0;
}
