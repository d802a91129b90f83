#pragma once
// 128-bit identifiers, written as 22 characters of URL-safe base64 without padding, as Kafka's tools print them.

#include "tidelog/base/bytes.hpp"

#include <array>
#include <compare>
#include <functional>
#include <optional>
#include <string>

namespace tidelog::base {

struct uuid {
  std::array<std::byte, 16> bytes{};

  [[nodiscard]] bool is_zero() const { return *this == uuid{}; }
  [[nodiscard]] std::string text() const;
  /// 32 lower-case hexadecimal digits, as the names of directories that await deletion have it.
  [[nodiscard]] std::string hex() const;
  friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// From the 22 characters; nothing when they are not a uuid.
[[nodiscard]] std::optional<uuid> parse_uuid(std::string_view text);
/// A random (version 4) uuid whose text does not begin with '-', which a shell would take for an option. The two
/// reserved ones (zero and one) never come out. Thread safe.
[[nodiscard]] uuid random_uuid();

}  // namespace tidelog::base

template <>
struct std::hash<tidelog::base::uuid> {
  std::size_t operator()(const tidelog::base::uuid& id) const noexcept {
    return static_cast<std::size_t>(tidelog::base::load_big_endian<std::uint64_t>(id.bytes.data()) ^
                                    tidelog::base::load_big_endian<std::uint64_t>(id.bytes.data() + 8));
  }
};
