#include "tidelog/metadata/config_listeners.hpp"

#include "tidelog/metadata/config_table.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tidelog::metadata {
namespace {

char upper(char letter) {
  return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

bool is_name_character(char letter) {
  return (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '_' ||
         letter == '-';
}

base::result<listener_address> parse_listener(std::string_view text) {
  const auto separator = text.find("://");
  if (separator == std::string_view::npos) {
    return base::fail(config_errc::invalid_value, "{} is not of the form NAME://HOST:PORT", text);
  }
  listener_address parsed;
  parsed.name.assign(text.substr(0, separator));
  std::ranges::transform(parsed.name, parsed.name.begin(), upper);
  if (parsed.name.empty() || !std::ranges::all_of(parsed.name, is_name_character)) {
    return base::fail(config_errc::invalid_value, "{} does not begin with a name of letters and digits",
                      text);
  }
  TIDELOG_TRY(auto address, parse_host_and_port(text.substr(separator + 3)));
  parsed.host = std::move(address.first);
  parsed.port = address.second;
  return parsed;
}

/// As the network names its peers, so that one address has one text.
base::result<std::string> canonical_address(std::string_view text) {
  const bool is_bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  const std::string bare(is_bracketed ? text.substr(1, text.size() - 2) : text);
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  for (const int family : {AF_INET, AF_INET6}) {
    in6_addr address{};  // the larger of the two
    if (::inet_pton(family, bare.c_str(), &address) != 1) continue;
    ::inet_ntop(family, &address, canonical.data(), canonical.size());
    return std::string(canonical.data());
  }
  return base::fail(config_errc::invalid_value, "{} is no IPv4 or IPv6 address", text);
}

}  // namespace

base::result<std::pair<std::string, std::uint16_t>> parse_host_and_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return base::fail(config_errc::invalid_value, "{} has no port; HOST:PORT is wanted", text);
  }
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (problem != std::errc{} || end != digits.data() + digits.size()) {
    return base::fail(config_errc::invalid_value, "{} has no port from 0 to 65535", text);
  }
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return base::fail(config_errc::invalid_value,
                      "{} has an IPv6 address without brackets; [ADDRESS]:PORT is wanted", text);
  }
  if (host.find_first_of(" /[]") != std::string_view::npos) {
    return base::fail(config_errc::invalid_value, "{} has no proper host name", text);
  }
  return std::pair{std::string(host), port};
}

std::string host_and_port_text(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                  : fmt::format("[{}]:{}", host, port);
}

base::result<std::vector<listener_address>> parse_listeners(std::string_view text) {
  std::vector<listener_address> parsed;
  for (const auto& element : split_config_list(text)) {
    TIDELOG_TRY(auto listener, parse_listener(element));
    parsed.push_back(std::move(listener));
  }
  return parsed;
}

base::result<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> parsed;
  for (const auto& element : split_config_list(text)) {
    const auto colon = element.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == element.size()) {
      return base::fail(config_errc::invalid_value, "{} is not a pair with a colon between its halves",
                        element);
    }
    parsed.emplace_back(element.substr(0, colon), element.substr(colon + 1));
  }
  return parsed;
}

base::result<std::vector<address_limit>> parse_address_limits(std::string_view text) {
  TIDELOG_TRY(const auto pairs, parse_pairs(text));
  std::vector<address_limit> parsed;
  for (const auto& [address, number] : pairs) {
    address_limit one;
    TIDELOG_TRY(one.address, canonical_address(address));
    const auto [end, problem] =
        std::from_chars(number.data(), number.data() + number.size(), one.connections);
    if (problem != std::errc{} || end != number.data() + number.size() || one.connections < 0) {
      return base::fail(config_errc::invalid_value, "{} has no number of connections", address);
    }
    for (const auto& other : parsed) {
      if (other.address == one.address) {
        return base::fail(config_errc::invalid_value, "{} is there twice", one.address);
      }
    }
    parsed.push_back(std::move(one));
  }
  return parsed;
}

}  // namespace tidelog::metadata
