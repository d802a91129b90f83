#pragma once
// For the .cpp that owns a message: makes codec::encode, decode and print for it, so that nobody else compiles them.

#include "tidelog/codec/message_decoder.hpp"
#include "tidelog/codec/message_encoder.hpp"
#include "tidelog/codec/message_printer.hpp"

/// Stands at global namespace scope, once for each message, with its full name.
#define TIDELOG_INSTANTIATE_MESSAGE(message)                                                            \
  template void tidelog::codec::encode(const message&, std::int16_t, tidelog::codec::wire_writer&);     \
  template tidelog::base::result<message> tidelog::codec::decode<message>(tidelog::codec::wire_reader&, \
                                                                          std::int16_t);                \
  template std::string tidelog::codec::print(const message&, std::int16_t)
