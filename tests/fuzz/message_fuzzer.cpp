// Messages from anybody: whatever decodes must encode again and then say the same. The first byte chooses the message
// (or, beyond them, the request header), the second the version.

#include "../protocol/all_messages.hpp"

#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/codec/wire_writer.hpp"
#include "tidelog/protocol/headers.hpp"

#include <cstdlib>
#include <vector>

namespace {

using namespace tidelog;

template <class Message>
std::vector<std::byte> encode_to_memory(const Message& message, std::int16_t version) {
  codec::wire_writer writer;
  codec::encode(message, version, writer);
  return std::move(writer).take().memory;
}

template <class Message>
void check(base::byte_span bytes, std::int16_t version) {
  codec::wire_reader reader(bytes);
  const auto message = codec::decode<Message>(reader, version);
  if (!message) return;
  auto encoded = encode_to_memory(*message, version);
  codec::wire_reader again(encoded);
  const auto same = codec::decode<Message>(again, version);
  if (!same || again.remaining() != 0) std::abort();
  if (encode_to_memory(*same, version) != encoded) std::abort();
  if (codec::print(*same, version) != codec::print(*message, version)) std::abort();
}

using checker = void (*)(base::byte_span, std::int16_t);

const std::vector<checker>& checkers() {
  static const auto all = [] {
    std::vector<checker> made;
    test::for_each_message(
        [&]<class Message>(const std::string& /*name*/) { made.push_back(check<Message>); });
    return made;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // A block of its own size, so that a sanitizer sees the first byte read beyond it.
  std::vector<std::byte> bytes(size - 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(data[i + 2]);
  if (data[0] < checkers().size()) {
    checkers()[data[0]](bytes, data[1]);
  } else {
    static_cast<void>(protocol::decode_request_header(bytes));
    static_cast<void>(
        protocol::decode_response_header(bytes, static_cast<protocol::api_key>(data[1]), data[0] & 15));
  }
  return 0;
}
