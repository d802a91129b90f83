#include "support_cleaning.hpp"

#include "tidelog/codec/compression.hpp"

namespace tidelog::test {
namespace {

using attribute = model::batch_attribute;

[[nodiscard]] model::record_batch_fields fields_of(const producer_fields& producer) {
  model::record_batch_fields fields;
  if (producer.id < 0) return fields;
  fields.producer_id = model::producer_id(producer.id);
  fields.producer_epoch = model::producer_epoch(producer.epoch);
  fields.base_sequence = model::sequence(producer.sequence);
  if (producer.transactional) fields.attributes = attribute::transactional;
  return fields;
}

[[nodiscard]] model::nullable_bytes view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return base::as_bytes(*text);
}

[[nodiscard]] std::optional<std::string> text_of(const model::nullable_bytes& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(base::as_text(*bytes));
}

}  // namespace

std::vector<std::byte> make_keyed_batch(const std::vector<keyed_record>& records,
                                        model::compression_type compression,
                                        const producer_fields& producer) {
  model::record_batch_builder builder(fields_of(producer));
  for (const auto& each : records) {
    builder.add(model::timestamp(each.timestamp), view_of(each.key), view_of(each.value));
  }
  auto plain = builder.build();
  if (compression == model::compression_type::none) return plain;
  const auto packed =
      codec::compress(compression, {}, base::byte_view(plain).subspan(model::batch_position::records));
  EXPECT_TRUE(packed);
  plain.resize(model::batch_position::records);
  plain.insert(plain.end(), packed->begin(), packed->end());
  base::store_big_endian(plain.data() + model::batch_position::length,
                         static_cast<std::int32_t>(plain.size() - model::batch_position::leader_epoch));
  const auto attributes =
      base::load_big_endian<std::uint16_t>(plain.data() + model::batch_position::attributes);
  base::store_big_endian(plain.data() + model::batch_position::attributes,
                         static_cast<std::uint16_t>(attributes | static_cast<std::uint16_t>(compression)));
  model::reseal_crc(plain);
  return plain;
}

std::vector<std::byte> make_marker(const producer_fields& producer, model::control_record_type type,
                                   std::int64_t timestamp) {
  auto fields = fields_of(producer);
  fields.base_sequence = model::no_sequence;
  fields.attributes = attribute::transactional | attribute::control;
  model::record_batch_builder builder(fields);
  const auto key = model::encode_control_key(type);
  const std::array<std::byte, 6> value{};
  builder.add(model::timestamp(timestamp), base::byte_view(key), base::byte_view(value));
  return builder.build();
}

storage::appended store(storage::log& to, std::vector<std::byte> batch, storage::append_origin origin) {
  auto outcome = to.append(batch, {.leader_epoch = model::leader_epoch(0), .origin = origin});
  if (!outcome) {
    ADD_FAILURE() << outcome.error().describe();
    return {};
  }
  return *outcome;
}

std::vector<std::vector<std::byte>> batches_of(storage::log& of) {
  const auto bytes = read_all(of, of.log_start_offset(), storage::read_bound::log_end());
  std::vector<std::vector<std::byte>> batches;
  base::byte_view rest(bytes);
  while (!rest.empty()) {
    const auto batch = model::parse_record_batch(rest);
    if (!batch) {
      ADD_FAILURE() << batch.error().describe();
      return batches;
    }
    batches.emplace_back(batch->bytes().begin(), batch->bytes().end());
    rest = rest.subspan(batch->size_bytes());
  }
  return batches;
}

std::vector<read_record> consume(storage::log& of, model::offset from) {
  const auto bytes = read_all(of, from, storage::read_bound::log_end());
  std::vector<read_record> records;
  base::byte_view rest(bytes);
  std::int64_t expected = 0;
  while (!rest.empty()) {
    const auto batch = model::parse_record_batch(rest);
    if (!batch || !model::verify_crc(*batch) || batch->base_offset().value() < expected) {
      ADD_FAILURE() << "a bad batch is read";
      return records;
    }
    expected = batch->next_offset().value();
    rest = rest.subspan(batch->size_bytes());
    if (batch->is_control()) continue;
    const auto plain =
        codec::decompress(batch->record_count() == 0 ? model::compression_type::none : batch->compression(),
                          batch->records(), 1 << 24);
    if (!plain) {
      ADD_FAILURE() << plain.error().describe();
      return records;
    }
    model::record_reader reader(*plain, batch->record_count());
    while (true) {
      const auto record = reader.next();
      if (!record) {
        ADD_FAILURE() << record.error().describe();
        return records;
      }
      if (!*record) break;
      const std::int64_t at = model::offset_of(*batch, **record).value();
      if (!records.empty()) {
        EXPECT_GT(at, records.back().offset);
      }
      EXPECT_LE(at, batch->last_offset().value());
      if (at < from.value()) continue;
      records.push_back({at,
                         {text_of((*record)->key), text_of((*record)->value),
                          model::timestamp_of(*batch, **record).value()}});
    }
  }
  return records;
}

std::map<std::string, std::optional<std::string>> last_values(const std::vector<read_record>& records) {
  std::map<std::string, std::optional<std::string>> values;
  for (const auto& each : records) values[each.content.key.value_or("")] = each.content.value;
  return values;
}

storage::log_config compacted_config() {
  auto config = page_cache_config();
  config.cleanup = {.remove = false, .compact = true};
  config.min_cleanable_dirty_ratio = 0;
  config.index_interval_bytes = 200;
  return config;
}

void seal(storage::log& of) {
  ASSERT_TRUE(of.roll());
  ASSERT_TRUE(of.flush());
}

storage::cleaning_report clean(storage::log& of) {
  auto report = of.clean({});
  if (!report) {
    ADD_FAILURE() << report.error().describe();
    return {};
  }
  return *report;
}

}  // namespace tidelog::test
