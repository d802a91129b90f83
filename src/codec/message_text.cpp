// The parts of the visitors that do not depend on the message.

#include "tidelog/base/quoted.hpp"
#include "tidelog/codec/message_encoder.hpp"
#include "tidelog/codec/message_printer.hpp"

namespace tidelog::codec {

namespace {

[[nodiscard]] bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

std::string_view fitting_text(std::string_view text) {
  auto bytes = detail::value_writer::longest_string;
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues_character(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

namespace detail {

void print_string(std::string& to, std::string_view text) {
  to += '"';
  while (!text.empty()) {
    const char first = text.front();
    const auto bytes = base::character_bytes(text);
    if (bytes == 0) {
      to += "\\ufffd";
    } else if (first == '"' || first == '\\') {
      to += '\\';
      to += first;
    } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7f) {
      to += fmt::format("\\u{:04x}", static_cast<unsigned>(first));
    } else {
      to += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  to += '"';
}

void print_base64(std::string& to, base::byte_view bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  to += '"';
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = (group << 8) | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      to += i <= bytes.size() ? digits[(group >> (18 - 6 * i)) & 63] : '=';
    }
  }
  to += '"';
}

}  // namespace detail

}  // namespace tidelog::codec
