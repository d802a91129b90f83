// The parts of the visitors that do not depend on the message.

#include "tidelog/codec/message_encoder.hpp"
#include "tidelog/codec/message_printer.hpp"

namespace tidelog::codec {

namespace {

[[nodiscard]] bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Bytes of the UTF-8 character that `text` begins with; 0 when it begins with none.
[[nodiscard]] std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!continues_character(text[i])) return 0;
  }
  // Longer than needed, a surrogate, or beyond the last code point.
  const auto second = byte(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return bytes;
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
    const auto bytes = character_bytes(text);
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
