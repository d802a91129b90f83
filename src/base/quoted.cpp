#include "tidelog/base/quoted.hpp"

#include <fmt/core.h>

namespace tidelog::base {
namespace {

/// Also U+0080 to U+009F, which some terminals obey.
[[nodiscard]] bool is_control(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return lead < 0x20 || lead == 0x7f;
  return character.size() == 2 && lead == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Longer than needed, a surrogate, or beyond the last code point.
  const auto second = byte(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return bytes;
}

bool is_readable(std::string_view text) {
  while (!text.empty()) {
    const auto bytes = character_bytes(text);
    if (bytes == 0 || is_control(text.substr(0, bytes))) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string readable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const auto bytes = character_bytes(text);
    const auto first = text.substr(0, bytes == 0 ? 1 : bytes);
    if (bytes > 0 && !is_control(first)) {
      shown += first;
    } else {
      for (const char each : first) shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(each));
    }
    text.remove_prefix(first.size());
  }
  return shown;
}

std::string quoted(std::string_view text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return fmt::format("'{}'", readable(text));
  std::size_t end = 0;
  while (end < most_bytes) {
    const auto bytes = character_bytes(text.substr(end));
    if (end + bytes > most_bytes) break;
    end += bytes == 0 ? 1 : bytes;
  }
  return fmt::format("'{}'... ({} bytes)", readable(text.substr(0, end)), text.size());
}

}  // namespace tidelog::base
