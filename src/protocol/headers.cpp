#include "tidelog/protocol/headers.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/codec/message_encoder.hpp"
#include "tidelog/protocol/errc.hpp"

#include <limits>

namespace tidelog::protocol {

namespace {

enum class header_tags { absent, present };

[[nodiscard]] header_tags request_tags(const api_info& api, std::int16_t version) {
  return version >= api.flexible_from ? header_tags::present : header_tags::absent;
}

[[nodiscard]] header_tags response_tags(api_key key, std::int16_t version) {
  const auto* const api = find_api(key);
  if (api == nullptr || key == api_key::api_versions) return header_tags::absent;
  return request_tags(*api, version);
}

/// No tag of a header means anything to us.
void skip_tags(codec::wire_reader& reader) {
  for (auto left = reader.read_unsigned_varint(); left != 0 && !reader.failed(); --left) {
    static_cast<void>(reader.read_unsigned_varint());
    reader.skip(reader.read_unsigned_varint());
  }
}

[[nodiscard]] std::optional<std::string_view> read_client_id(codec::wire_reader& reader) {
  const auto length = reader.read_integer<std::int16_t>();
  if (length < -1) reader.fail(codec::errc::bad_length);
  if (length < 0) return std::nullopt;
  return base::as_text(reader.read_bytes(static_cast<std::size_t>(length)));
}

}  // namespace

base::result<request_header> decode_request_header(base::byte_span frame) {
  codec::wire_reader reader(frame);
  request_header header;
  header.key = static_cast<api_key>(reader.read_integer<std::int16_t>());
  header.version = reader.read_integer<std::int16_t>();
  header.correlation_id = reader.read_integer<std::int32_t>();
  TIDELOG_DO(reader.outcome());
  const auto* const api = find_api(header.key);
  if (api == nullptr) return base::fail(errc::unknown_api, "key {}", static_cast<std::int16_t>(header.key));
  header.client_id = read_client_id(reader);
  if (request_tags(*api, header.version) == header_tags::present) skip_tags(reader);
  TIDELOG_DO(reader.outcome());
  header.body = reader.rest();
  return header;
}

base::result<response_header> decode_response_header(base::byte_span frame, api_key key,
                                                     std::int16_t version) {
  codec::wire_reader reader(frame);
  response_header header;
  header.correlation_id = reader.read_integer<std::int32_t>();
  if (response_tags(key, version) == header_tags::present) skip_tags(reader);
  TIDELOG_DO(reader.outcome());
  header.body = reader.rest();
  return header;
}

codec::wire_writer begin_request(api_key key, std::int16_t version, std::int32_t correlation_id,
                                 std::optional<std::string_view> client_id) {
  const auto* const api = find_api(key);
  TIDELOG_ASSERT(api != nullptr, "key={}", static_cast<std::int16_t>(key));
  codec::wire_writer writer;
  writer.write_integer<std::int32_t>(0);
  writer.write_integer(static_cast<std::int16_t>(key));
  writer.write_integer(version);
  writer.write_integer(correlation_id);
  if (client_id) {
    const auto text = codec::fitting_text(*client_id);
    writer.write_integer(static_cast<std::int16_t>(text.size()));
    writer.write_bytes(base::as_bytes(text));
  } else {
    writer.write_integer<std::int16_t>(-1);
  }
  if (request_tags(*api, version) == header_tags::present) writer.write_unsigned_varint(0);
  return writer;
}

codec::wire_writer begin_response(api_key key, std::int16_t version, std::int32_t correlation_id) {
  codec::wire_writer writer;
  writer.write_integer<std::int32_t>(0);
  writer.write_integer(correlation_id);
  if (response_tags(key, version) == header_tags::present) writer.write_unsigned_varint(0);
  return writer;
}

codec::encoded finish_frame(codec::wire_writer&& writer) {
  const auto size = writer.total_bytes() - sizeof(std::int32_t);
  TIDELOG_ASSERT(size <= std::numeric_limits<std::int32_t>::max(), "size={}", size);
  writer.patch_integer(0, static_cast<std::int32_t>(size));
  return std::move(writer).take();
}

}  // namespace tidelog::protocol
