#include "batches.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/compression.hpp"

namespace tidelog::test {

std::vector<std::byte> make_batch(const produced_batch& of) {
  model::record_batch_fields fields;
  fields.attributes = of.attributes;
  if (of.producer_id >= 0) {
    fields.producer_id = model::producer_id(of.producer_id);
    fields.producer_epoch = model::producer_epoch(0);
    fields.base_sequence = model::sequence(of.sequence);
  }
  model::record_batch_builder builder(fields);
  model::nullable_bytes key;
  if (of.key) key = base::as_bytes(*of.key);
  for (int record = 0; record < of.records; ++record) {
    builder.add(model::timestamp(of.timestamp_ms + record), key, base::as_bytes(of.value));
  }
  auto batch = builder.build();
  if (of.compression != model::compression_type::none) {
    const auto plain = base::byte_view(batch).subspan(model::batch_position::records);
    const auto packed = codec::compress(of.compression, {}, plain);
    if (!packed) throw std::runtime_error(packed.error().describe());
    replace_records(batch, of.compression, *packed);
  }
  return batch;
}

void replace_records(std::vector<std::byte>& batch, model::compression_type compression,
                     base::byte_view records) {
  const std::vector<std::byte> kept(records.begin(), records.end());
  batch.resize(model::batch_position::records);
  batch.insert(batch.end(), kept.begin(), kept.end());
  base::store_big_endian(batch.data() + model::batch_position::length,
                         static_cast<std::int32_t>(batch.size() - base::limits::record_batch_overhead_bytes));
  auto attributes = base::load_big_endian<std::uint16_t>(batch.data() + model::batch_position::attributes);
  attributes = static_cast<std::uint16_t>((attributes & ~model::batch_attribute::compression_mask) |
                                          static_cast<unsigned>(compression));
  base::store_big_endian(batch.data() + model::batch_position::attributes, attributes);
  model::reseal_crc(batch);
}

std::vector<std::string> values_in(base::byte_view bytes) {
  std::vector<std::string> values;
  while (!bytes.empty()) {
    const auto batch = model::parse_record_batch(bytes);
    if (!batch) throw std::runtime_error(batch.error().describe());
    EXPECT_TRUE(model::verify_crc(*batch));
    model::record_reader reader(batch->records(), batch->record_count());
    while (true) {
      const auto record = reader.next();
      if (!record) throw std::runtime_error(record.error().describe());
      if (!*record) break;
      values.emplace_back(base::as_text(*(*record)->value));
    }
    bytes = bytes.subspan(batch->size_bytes());
  }
  return values;
}

}  // namespace tidelog::test
