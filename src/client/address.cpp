#include "tidelog/client/address.hpp"

#include "tidelog/client/client_error.hpp"

#include <charconv>

namespace tidelog::client {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

base::result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size() || port == 0)
    return base::fail(client_errc::bad_address, "\"{}\": \"{}\" is no port from 1 to 65535", whole, text);
  return port;
}

}  // namespace

std::string broker_address::text() const {
  const bool needs_brackets = host.find(':') != std::string::npos;
  return needs_brackets ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

base::result<broker_address> parse_address(std::string_view text) {
  const auto whole = trimmed(text);
  broker_address parsed;
  std::string_view rest;
  if (whole.starts_with('[')) {
    const auto close = whole.find(']');
    if (close == std::string_view::npos)
      return base::fail(client_errc::bad_address, "\"{}\": the bracket is never closed", whole);
    parsed.host = whole.substr(1, close - 1);
    rest = whole.substr(close + 1);
  } else {
    const auto colon = whole.find(':');
    if (colon != std::string_view::npos && whole.find(':', colon + 1) != std::string_view::npos)
      return base::fail(client_errc::bad_address,
                        "\"{}\": an IPv6 address is written in brackets, [::1]:9092", whole);
    parsed.host = whole.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : whole.substr(colon);
  }
  if (parsed.host.empty()) return base::fail(client_errc::bad_address, "\"{}\" names no host", whole);
  if (rest.empty()) return parsed;
  if (!rest.starts_with(':'))
    return base::fail(client_errc::bad_address, "\"{}\": \"{}\" after the address", whole, rest);
  TIDELOG_TRY(parsed.port, parse_port(rest.substr(1), whole));
  return parsed;
}

base::result<std::vector<broker_address>> parse_bootstrap(std::string_view list) {
  std::vector<broker_address> addresses;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    const auto part = trimmed(list.substr(begin, end - begin));
    begin = end + 1;
    if (part.empty()) continue;
    TIDELOG_TRY(auto parsed, parse_address(part));
    addresses.push_back(std::move(parsed));
  }
  if (addresses.empty()) return base::fail(client_errc::bad_address, "the bootstrap list names no broker");
  return addresses;
}

}  // namespace tidelog::client
