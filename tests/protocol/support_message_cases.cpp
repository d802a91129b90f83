#include "message_cases.hpp"
#include "protocol/all_messages.hpp"

#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"

#include <stdexcept>

namespace tidelog::test {

namespace {

template <class Message>
std::vector<std::byte> encode_to_memory(const Message& message, std::int16_t version) {
  codec::wire_writer writer;
  codec::encode(message, version, writer);
  return std::move(writer).take().memory;
}

template <class Message>
base::result<decoded_message> decode_again(base::byte_span bytes, std::int16_t version) {
  codec::wire_reader reader(bytes);
  TIDELOG_TRY(const auto message, codec::decode<Message>(reader, version));
  return decoded_message{codec::print(message, version), encode_to_memory(message, version),
                         reader.remaining()};
}

template <class Message>
random_message make_random(value_source& from, std::int16_t version) {
  Message message;
  fill(message, version, from);
  return {codec::print(message, version), encode_to_memory(message, version)};
}

}  // namespace

const std::vector<message_case>& message_cases() {
  static const auto cases = [] {
    std::vector<message_case> made;
    for_each_message([&]<class Message>(std::string name) {
      made.push_back({std::move(name), Message::versions, decode_again<Message>, make_random<Message>});
    });
    return made;
  }();
  return cases;
}

const message_case& message_case_of(const std::string& name) {
  for (const auto& entry : message_cases()) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range("no message " + name);
}

}  // namespace tidelog::test
