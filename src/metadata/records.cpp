#include "tidelog/metadata/records.hpp"

#include "tidelog/codec/message.hpp"
#include "tidelog/codec/message_instances.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"

namespace tidelog::metadata {
namespace {

constexpr std::uint32_t frame_version = 1;

class error_names final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tidelog.metadata"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::corrupt_metadata:
        return "the metadata log holds something that is no metadata record";
      case errc::unsupported_record:
        return "the metadata log holds a record of a version that is newer than this program";
      case errc::unsupported_feature_level:
        return "the metadata log was written at a feature level that this program does not know";
      case errc::corrupt_snapshot:
        return "the metadata snapshot is damaged";
    }
    return "unknown metadata error";
  }
};

template <class Record>
constexpr std::int16_t newest_version() {
  return Record::versions.max;
}

void write_frame(codec::wire_writer& writer, std::uint32_t type, std::uint32_t version) {
  writer.write_unsigned_varint(frame_version);
  writer.write_unsigned_varint(type);
  writer.write_unsigned_varint(version);
}

/// Reads into the first alternative whose type it is; kept_record, the last one, takes the rest.
template <std::size_t Index = 0>
base::result<record> decode_as(std::uint32_t type, std::uint32_t version, codec::wire_reader& reader,
                               base::byte_view body) {
  using candidate = std::variant_alternative_t<Index, record>;
  if constexpr (std::is_same_v<candidate, kept_record>) {
    return record(kept_record{type, version, {body.begin(), body.end()}});
  } else {
    if (type != candidate::type) return decode_as<Index + 1>(type, version, reader, body);
    if (version > static_cast<std::uint32_t>(candidate::versions.max)) {
      return base::fail(errc::unsupported_record, "record type {} version {}; known up to {}", type, version,
                        candidate::versions.max);
    }
    auto decoded = codec::decode<candidate>(reader, static_cast<std::int16_t>(version));
    if (!decoded) {
      return base::fail(errc::corrupt_metadata, "record type {} version {}: {}", type, version,
                        decoded.error().describe());
    }
    return record(std::move(*decoded));
  }
}

}  // namespace

const std::error_category& metadata_category() {
  static const error_names names;
  return names;
}

std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), metadata_category()};
}

std::vector<std::byte> encode_record(const record& of) {
  codec::wire_writer writer;
  std::visit(
      [&writer](const auto& fields) {
        using kind = std::remove_cvref_t<decltype(fields)>;
        if constexpr (std::is_same_v<kind, kept_record>) {
          write_frame(writer, fields.type, fields.version);
          writer.write_bytes(fields.body);
        } else {
          write_frame(writer, kind::type, static_cast<std::uint32_t>(newest_version<kind>()));
          codec::encode(fields, newest_version<kind>(), writer);
        }
      },
      of);
  return std::move(writer).take().memory;
}

base::result<record> decode_record(base::byte_view value) {
  std::vector<std::byte> copy(value.begin(), value.end());
  codec::wire_reader reader{base::byte_span(copy)};
  const auto frame = reader.read_unsigned_varint();
  const auto type = reader.read_unsigned_varint();
  const auto version = reader.read_unsigned_varint();
  if (auto state = reader.outcome(); !state) {
    return base::fail(errc::corrupt_metadata, "record header: {}", state.error().describe());
  }
  if (frame != frame_version) return base::fail(errc::corrupt_metadata, "frame version {}, not 1", frame);
  return decode_as(type, version, reader, value.last(reader.remaining()));
}

}  // namespace tidelog::metadata

TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::register_broker_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::unregister_broker_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::topic_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::partition_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::config_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::partition_change_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::fence_broker_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::unfence_broker_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::remove_topic_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::feature_level_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::producer_ids_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::broker_registration_change_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::no_op_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::begin_transaction_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::end_transaction_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::abort_transaction_record);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::metadata::register_controller_record);
