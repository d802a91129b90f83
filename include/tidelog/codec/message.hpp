#pragma once
// What can be done with a versioned message (see message_fields.hpp). Declarations only, so that including them costs
// nothing: the .cpp that owns a message includes message_instances.hpp and instantiates them for it.

#include "tidelog/base/result.hpp"

#include <cstdint>
#include <string>

namespace tidelog::codec {

class wire_reader;
class wire_writer;

/// Appends the message as `version` writes it. The version is one that the message has (a programmer's promise).
/// Null where the version knows no null becomes empty; text beyond 32767 bytes, which the format cannot say and no
/// decoded text exceeds, is cut.
template <class Message>
void encode(const Message& message, std::int16_t version, wire_writer& writer);

/// Reads one message and leaves the reader behind it; what follows is not looked at. Fails with a codec::errc. Any
/// bytes are safe: nothing is read past the end, and memory grows no faster than the elements really there.
template <class Message>
[[nodiscard]] base::result<Message> decode(wire_reader& reader, std::int16_t version);

/// The message as one line of JSON, for logs and tools. Bytes and uuids are base64; of records only the size in bytes
/// is told.
template <class Message>
[[nodiscard]] std::string print(const Message& message, std::int16_t version);

}  // namespace tidelog::codec
