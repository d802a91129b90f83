#include "group_records.hpp"

#include "tidelog/codec/message_instances.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/coordinator/group_error.hpp"

namespace tidelog::coordinator {
namespace {

/// Keys of committed offsets that brokers before 0.9 wrote; key and value are as later ones.
constexpr std::int16_t old_offset_commit_type = 0;
constexpr std::int16_t key_version = 0;

/// As the Kafka that writes group.version 1 chooses them: classic groups stay readable to older brokers, and an expiry
/// of its own is something that newer versions of a committed offset cannot say.
template <class Value>
std::int16_t written_version(const Value& /*value*/) {
  return Value::versions.max;
}
std::int16_t written_version(const group_metadata_value& /*value*/) {
  constexpr std::int16_t last_inflexible = 3;
  return last_inflexible;
}
std::int16_t written_version(const offset_commit_value& value) {
  constexpr std::int16_t last_with_expiry = 1;
  return value.expire_timestamp >= 0 ? last_with_expiry : offset_commit_value::versions.max;
}

template <class Part>
std::vector<std::byte> encode_part(std::int16_t first, const Part& part, std::int16_t version) {
  codec::wire_writer writer;
  writer.write_integer(first);
  codec::encode(part, version, writer);
  return std::move(writer).take().memory;
}

/// The reader's bytes are mutable for the sake of record batches, which no record of a group holds.
base::byte_span as_span(base::byte_view bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

template <class Record>
base::result<std::optional<group_record>> decode_as(codec::wire_reader& key,
                                                    const std::optional<base::byte_view>& value) {
  Record record;
  TIDELOG_TRY(record.key, codec::decode<typename Record::key_type>(key, key_version));
  if (value) {
    codec::wire_reader reader(as_span(*value));
    const auto version = reader.read_integer<std::int16_t>();
    TIDELOG_TRY(record.value, codec::decode<typename Record::value_type>(reader, version));
  }
  return group_record(std::move(record));
}

template <std::size_t Index = 0>
base::result<std::optional<group_record>> decode_of_type(std::int16_t type, codec::wire_reader& key,
                                                         const std::optional<base::byte_view>& value) {
  if constexpr (Index == std::variant_size_v<group_record>) {
    return std::optional<group_record>();
  } else {
    using candidate = std::variant_alternative_t<Index, group_record>;
    if (type == candidate::key_type::type) return decode_as<candidate>(key, value);
    return decode_of_type<Index + 1>(type, key, value);
  }
}

}  // namespace

encoded_group_record encode_group_record(const group_record& of) {
  return std::visit(
      [](const auto& record) {
        using key_type = typename std::remove_cvref_t<decltype(record)>::key_type;
        encoded_group_record encoded;
        encoded.key = encode_part(key_type::type, record.key, key_version);
        if (record.value) {
          const auto version = written_version(*record.value);
          encoded.value = encode_part(version, *record.value, version);
        }
        return encoded;
      },
      of);
}

base::result<std::optional<group_record>> decode_group_record(base::byte_view key,
                                                              const std::optional<base::byte_view>& value) {
  codec::wire_reader reader(as_span(key));
  auto type = reader.read_integer<std::int16_t>();
  if (type == old_offset_commit_type) type = offset_commit_key::type;
  auto decoded = reader.failed() ? base::fail(errc::invalid_request, "a key of {} byte(s)", key.size())
                                 : decode_of_type(type, reader, value);
  if (decoded) return decoded;
  return base::fail(errc::invalid_request, "a record of type {}: {}", type, decoded.error().describe());
}

}  // namespace tidelog::coordinator

TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::offset_commit_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::offset_commit_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::group_metadata_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::group_metadata_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_metadata_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_metadata_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_partition_metadata_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_partition_metadata_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_member_metadata_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_member_metadata_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_target_assignment_metadata_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_target_assignment_metadata_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_target_assignment_member_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_target_assignment_member_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_current_member_assignment_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_current_member_assignment_value);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_regular_expression_key);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::coordinator::consumer_group_regular_expression_value);
