#include "tidelog/base/uuid.hpp"

#include <fmt/core.h>

#include "tidelog/base/assert.hpp"

#include <sys/random.h>

namespace tidelog::base {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t text_length = 22;

}  // namespace

std::string uuid::text() const {
  std::string out;
  out.reserve(text_length);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const std::byte byte : bytes) {
    group = (group << 8) | std::to_integer<std::uint32_t>(byte);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(alphabet[(group >> bits) & 0x3f]);
    }
  }
  out.push_back(alphabet[(group << (6 - bits)) & 0x3f]);
  return out;
}

std::string uuid::hex() const {
  std::string out;
  out.reserve(32);
  for (const std::byte byte : bytes) out += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return out;
}

std::optional<uuid> parse_uuid(std::string_view text) {
  if (text.size() != text_length) return std::nullopt;
  uuid parsed;
  std::size_t filled = 0;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char symbol : text) {
    const auto digit = alphabet.find(symbol);
    if (digit == std::string_view::npos) return std::nullopt;
    group = (group << 6) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8 && filled < parsed.bytes.size()) {
      bits -= 8;
      parsed.bytes[filled++] = static_cast<std::byte>((group >> bits) & 0xff);
    }
  }
  // The last character carries four bits more than there are bytes for; they must be zero.
  if ((group & 0xf) != 0) return std::nullopt;
  return parsed;
}

uuid random_uuid() {
  uuid made;
  do {
    const auto got = getrandom(made.bytes.data(), made.bytes.size(), 0);
    TIDELOG_ASSERT(got == static_cast<ssize_t>(made.bytes.size()), "getrandom gave {}", got);
    made.bytes[6] = (made.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
    made.bytes[8] = (made.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  } while (made.text().front() == '-');
  return made;
}

}  // namespace tidelog::base
