#pragma once
// The headers before each message, and whole frames:
//
//   request    size int32 | key int16 | version int16 | correlation id int32 | client id string | [tags] | message
//   response   size int32 | correlation id int32 | [tags] | message
//
// The tags are there when the API's version is flexible. The client id is never compact, and the response to
// ApiVersions never has tags: a client sends it before it knows what the server understands.

#include "tidelog/base/bytes.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/protocol/api_key.hpp"

#include <optional>
#include <string_view>

namespace tidelog::protocol {

/// The header of a request, and the bytes of its message behind it. Views into the frame.
struct request_header {
  api_key key{};
  /// As sent, whether or not anybody speaks it.
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;
  base::byte_span body;
};

struct response_header {
  std::int32_t correlation_id = 0;
  base::byte_span body;
};

/// Takes a request (without its size) apart. Fails with errc::unknown_api, or with a codec::errc when the header is
/// broken; a version that is too new is no failure, because ApiVersions must be answered all the same.
[[nodiscard]] base::result<request_header> decode_request_header(base::byte_span frame);

/// Takes the response (without its size) to a request of that key and version apart.
[[nodiscard]] base::result<response_header> decode_response_header(base::byte_span frame, api_key key,
                                                                   std::int16_t version);

/// The message behind a header. Bytes behind the message are ignored, as Kafka ignores them.
template <class Message>
[[nodiscard]] base::result<Message> decode_request(const request_header& header) {
  codec::wire_reader reader(header.body);
  return codec::decode<Message>(reader, header.version);
}
template <class Message>
[[nodiscard]] base::result<Message> decode_response(const response_header& header, std::int16_t version) {
  codec::wire_reader reader(header.body);
  return codec::decode<Message>(reader, version);
}

/// A frame begun: room for the size, and the header. The message is written next.
[[nodiscard]] codec::wire_writer begin_request(api_key key, std::int16_t version, std::int32_t correlation_id,
                                               std::optional<std::string_view> client_id);
[[nodiscard]] codec::wire_writer begin_response(api_key key, std::int16_t version,
                                                std::int32_t correlation_id);
/// Puts the size in its place.
[[nodiscard]] codec::encoded finish_frame(codec::wire_writer&& writer);

/// A whole frame with its leading size.
template <class Message>
[[nodiscard]] codec::encoded encode_request(std::int32_t correlation_id,
                                            std::optional<std::string_view> client_id, const Message& message,
                                            std::int16_t version) {
  auto writer = begin_request(Message::key, version, correlation_id, client_id);
  codec::encode(message, version, writer);
  return finish_frame(std::move(writer));
}
template <class Message>
[[nodiscard]] codec::encoded encode_response(std::int32_t correlation_id, const Message& message,
                                             std::int16_t version) {
  auto writer = begin_response(Message::key, version, correlation_id);
  codec::encode(message, version, writer);
  return finish_frame(std::move(writer));
}

}  // namespace tidelog::protocol
