#include "transaction_records.hpp"

#include "tidelog/codec/message_instances.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/coordinator/group_error.hpp"

namespace tidelog::coordinator {
namespace {

constexpr std::int16_t key_version = 0;

template <class Part>
std::vector<std::byte> encode_part(const Part& part, std::int16_t version) {
  codec::wire_writer writer;
  writer.write_integer(version);
  codec::encode(part, version, writer);
  return std::move(writer).take().memory;
}

template <class Part>
base::result<Part> decode_part(base::byte_view bytes) {
  // The reader's bytes are mutable for the sake of record batches, which these records do not hold.
  codec::wire_reader reader({const_cast<std::byte*>(bytes.data()), bytes.size()});
  const auto version = reader.read_integer<std::int16_t>();
  auto part = codec::decode<Part>(reader, version);
  if (part) return part;
  return base::fail(errc::invalid_request, "a record of {} byte(s), version {}: {}", bytes.size(), version,
                    part.error().describe());
}

}  // namespace

encoded_transaction_record encode_transaction_record(const transaction_record& of,
                                                     transaction_version version) {
  encoded_transaction_record encoded;
  encoded.key = encode_part(transaction_log_key{of.transactional_id}, key_version);
  const std::int16_t value_version =
      version == transaction_version::plain ? std::int16_t{0} : std::int16_t{1};
  if (of.value) encoded.value = encode_part(*of.value, value_version);
  return encoded;
}

base::result<transaction_record> decode_transaction_record(base::byte_view key,
                                                           const std::optional<base::byte_view>& value) {
  TIDELOG_TRY(auto id, decode_part<transaction_log_key>(key));
  transaction_record record{std::move(id.transactional_id), std::nullopt};
  if (value) {
    TIDELOG_TRY(record.value, decode_part<transaction_log_value>(*value));
  }
  return record;
}

}  // namespace tidelog::coordinator

TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::transaction_log_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::transaction_log_value);
