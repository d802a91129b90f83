#pragma once
// Where a broker listens, and the bootstrap list that users give: "host:port,host,[::1]:port".

#include "tidelog/base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::client {

inline constexpr std::uint16_t default_port = 9092;

struct broker_address {
  std::string host;  ///< a name or an address, IPv6 without brackets
  std::uint16_t port = default_port;

  /// "host:port", IPv6 in brackets.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const broker_address&, const broker_address&) = default;
};

/// Fails with bad_address, naming the part that is wrong.
[[nodiscard]] base::result<broker_address> parse_address(std::string_view text);
/// At least one address. Fails with bad_address.
[[nodiscard]] base::result<std::vector<broker_address>> parse_bootstrap(std::string_view list);

}  // namespace tidelog::client
