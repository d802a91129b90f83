#include "tidelog/codec/consumer_protocol.hpp"

#include "tidelog/codec/message_instances.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"

#include <algorithm>

TIDELOG_INSTANTIATE_MESSAGE(tidelog::codec::consumer_protocol_subscription);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::codec::consumer_protocol_assignment);

namespace tidelog::codec {
namespace {

template <class Message>
std::vector<std::byte> encode_newest(const Message& message) {
  codec::wire_writer writer;
  writer.write_integer<std::int16_t>(Message::versions.max);
  codec::encode(message, Message::versions.max, writer);
  return std::move(writer).take().memory;
}

template <class Message>
base::result<Message> decode_any(base::byte_span bytes) {
  codec::wire_reader reader(bytes);
  const auto version = reader.read_integer<std::int16_t>();
  return codec::decode<Message>(reader, std::min(version, Message::versions.max));
}

}  // namespace

std::vector<std::byte> encode_with_version(const consumer_protocol_subscription& message) {
  return encode_newest(message);
}

std::vector<std::byte> encode_with_version(const consumer_protocol_assignment& message) {
  return encode_newest(message);
}

base::result<consumer_protocol_subscription> decode_subscription(base::byte_span bytes) {
  return decode_any<consumer_protocol_subscription>(bytes);
}

base::result<consumer_protocol_assignment> decode_assignment(base::byte_span bytes) {
  return decode_any<consumer_protocol_assignment>(bytes);
}

}  // namespace tidelog::codec
