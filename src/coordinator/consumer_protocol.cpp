#include "consumer_protocol.hpp"

#include "tidelog/base/assert.hpp"
#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// The reader's bytes are mutable for the sake of record batches, which these messages do not hold.
base::byte_span as_span(base::byte_view bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

template <class Message>
base::result<Message> read_as(base::byte_view bytes, std::int16_t version) {
  codec::wire_reader reader(as_span(bytes.subspan(sizeof(version))));
  auto message = codec::decode<Message>(reader, version);
  if (!message) return base::fail(errc::invalid_request, "{}", message.error().describe());
  return message;
}

template <class Message>
base::result<Message> read(base::byte_view bytes) {
  TIDELOG_TRY(const auto version, consumer_protocol_version(bytes));
  return read_as<Message>(bytes, std::min(version, Message::versions.max));
}

template <class Message>
std::vector<std::byte> write(const Message& message, std::int16_t version) {
  TIDELOG_ASSERT(version >= 0);
  const auto known = std::min(version, Message::versions.max);
  codec::wire_writer writer;
  writer.write_integer(known);
  codec::encode(message, known, writer);
  return std::move(writer).take().memory;
}

}  // namespace

base::result<std::int16_t> consumer_protocol_version(base::byte_view bytes) {
  if (bytes.size() < sizeof(std::int16_t))
    return base::fail(errc::invalid_request, "{} bytes of the consumer protocol", bytes.size());
  const auto version = base::load_big_endian<std::int16_t>(bytes.data());
  if (version < 0) return base::fail(errc::invalid_request, "version {} of the consumer protocol", version);
  return version;
}

base::result<consumer_protocol_subscription> read_subscription(base::byte_view bytes) {
  return read<consumer_protocol_subscription>(bytes);
}

base::result<consumer_protocol_assignment> read_assignment(base::byte_view bytes) {
  return read<consumer_protocol_assignment>(bytes);
}

base::result<std::vector<std::string>> read_subscribed_topics(base::byte_view bytes) {
  if (const auto version = consumer_protocol_version(bytes); !version)
    return tl::unexpected<base::error>(version.error());
  TIDELOG_TRY(auto subscription, read_as<consumer_protocol_subscription>(bytes, 0));
  return std::move(subscription.topics);
}

std::vector<std::byte> write_subscription(const consumer_protocol_subscription& of, std::int16_t version) {
  return write(of, version);
}

std::vector<std::byte> write_assignment(const consumer_protocol_assignment& of, std::int16_t version) {
  return write(of, version);
}

}  // namespace tidelog::coordinator
