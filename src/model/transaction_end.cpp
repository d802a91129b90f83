#include "tidelog/model/transaction_end.hpp"

#include "tidelog/model/batch_error.hpp"
#include "tidelog/model/record_batch_builder.hpp"

namespace tidelog::model {
namespace {

constexpr std::size_t value_bytes = sizeof(std::int16_t) + sizeof(std::int32_t);

}  // namespace

std::vector<std::byte> encode_transaction_end(const transaction_end& end, timestamp now) {
  record_batch_fields fields;
  fields.producer_id = end.producer;
  fields.producer_epoch = end.epoch;
  fields.attributes = batch_attribute::transactional | batch_attribute::control;
  record_batch_builder builder(fields);
  const auto key =
      encode_control_key(end.outcome == transaction_outcome::committed ? control_record_type::commit
                                                                       : control_record_type::abort);
  std::array<std::byte, value_bytes> value{};
  base::store_big_endian(value.data() + sizeof(std::int16_t), end.coordinator_epoch);
  builder.add(now, base::byte_view(key), base::byte_view(value));
  return builder.build();
}

base::result<std::optional<transaction_end>> parse_transaction_end(const record_batch_view& batch) {
  if (!batch.is_control() || !batch.has_producer_id()) return std::optional<transaction_end>();
  record_reader reader(batch.records(), batch.record_count());
  TIDELOG_TRY(const auto record, reader.next());
  if (!record) return base::fail(batch_errc::bad_control_record, "a control batch without a record");
  TIDELOG_TRY(const auto type, parse_control_key(record->key));
  if (type != control_record_type::commit && type != control_record_type::abort)
    return std::optional<transaction_end>();
  if (!record->value || record->value->size() < value_bytes)
    return base::fail(batch_errc::bad_control_record, "a transaction's marker without a coordinator epoch");
  transaction_end end;
  end.producer = batch.producer_id();
  end.epoch = batch.producer_epoch();
  end.outcome =
      type == control_record_type::commit ? transaction_outcome::committed : transaction_outcome::aborted;
  end.coordinator_epoch = base::load_big_endian<std::int32_t>(record->value->data() + sizeof(std::int16_t));
  return std::optional(end);
}

}  // namespace tidelog::model
