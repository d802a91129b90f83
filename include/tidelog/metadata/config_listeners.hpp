#pragma once
// The notations inside the values of listeners, advertised.listeners and their like.

#include "tidelog/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidelog::metadata {

/// NAME://HOST:PORT. The name is in upper case; an IPv6 address is without its brackets; an empty host is every
/// address of the machine.
struct listener_address {
  std::string name;
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const listener_address&, const listener_address&) = default;
};

/// HOST:PORT, [IPv6]:PORT or :PORT. Error: config_errc::invalid_value, with a full message.
[[nodiscard]] base::result<std::pair<std::string, std::uint16_t>> parse_host_and_port(std::string_view text);
/// "host:port", with the brackets that IPv6 needs.
[[nodiscard]] std::string host_and_port_text(std::string_view host, std::uint16_t port);

/// The elements of a listeners value; the same error.
[[nodiscard]] base::result<std::vector<listener_address>> parse_listeners(std::string_view text);

/// "NAME:VALUE,NAME:VALUE", split at each element's last colon, so that IPv6 addresses can be names. The same error.
[[nodiscard]] base::result<std::vector<std::pair<std::string, std::string>>> parse_pairs(
    std::string_view text);

/// How many connections one address may have at a time. The address is in the form that inet_ntop() writes.
struct address_limit {
  std::string address;
  std::int32_t connections = 0;
  friend bool operator==(const address_limit&, const address_limit&) = default;
};
/// "ADDRESS:NUMBER,ADDRESS:NUMBER", an IPv6 address with or without brackets, each address once. The same error.
[[nodiscard]] base::result<std::vector<address_limit>> parse_address_limits(std::string_view text);

}  // namespace tidelog::metadata
