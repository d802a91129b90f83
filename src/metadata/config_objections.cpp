// The rules that need more than a type, a range or a list of words.

#include "config_rows.hpp"
#include "config_values.hpp"

#include "tidelog/metadata/config_listeners.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tidelog::metadata::rows {
namespace {

bool is_whole_number(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() && value >= 0;
}

}  // namespace

std::string objection_to_throttled_replicas(std::string_view text) {
  if (text == "*") return {};
  const auto pairs = parse_pairs(text);
  if (!pairs) return pairs.error().context;
  for (const auto& [partition, broker] : *pairs) {
    if (!is_whole_number(partition) || !is_whole_number(broker)) {
      return fmt::format("{}:{} does not name a partition and a broker by number", partition, broker);
    }
  }
  return {};
}

std::string objection_to_zero(std::string_view text) {
  return text == "0" ? "it would delete everything at once" : "";
}

std::string objection_to_listeners(std::string_view text) {
  const auto listeners = parse_listeners(text);
  if (!listeners) return listeners.error().context;
  if (listeners->empty()) return "there would be no way in";
  for (auto one = listeners->begin(); one != listeners->end(); ++one) {
    if (one->port != 0 && std::find(one + 1, listeners->end(), *one) != listeners->end()) {
      return fmt::format("{}://{} is there twice", one->name, host_and_port_text(one->host, one->port));
    }
  }
  return {};
}

std::string objection_to_advertised_listeners(std::string_view text) {
  const auto listeners = parse_listeners(text);
  if (!listeners) return listeners.error().context;
  std::set<std::string_view> names;
  for (const auto& one : *listeners) {
    if (!names.insert(one.name).second) return fmt::format("{} is there twice", one.name);
    if (one.port == 0) return fmt::format("nobody can connect to port 0 of {}", one.name);
    if (one.host.empty() || one.host == "0.0.0.0" || one.host == "::") {
      return fmt::format("{} needs an address that clients can connect to", one.name);
    }
  }
  return {};
}

std::string objection_to_protocol_map(std::string_view text) {
  static constexpr std::string_view protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
  const auto pairs = parse_pairs(text);
  if (!pairs) return pairs.error().context;
  for (const auto& [name, protocol] : *pairs) {
    if (std::ranges::find(protocols, protocol) == std::end(protocols)) {
      return fmt::format("{} is none of the protocols PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL", protocol);
    }
  }
  return {};
}

std::string objection_to_address_limits(std::string_view text) {
  const auto limits = parse_address_limits(text);
  return limits ? std::string() : limits.error().context;
}

std::string objection_to_no_assignors(std::string_view text) {
  return text.empty() ? "a group needs somebody who assigns" : std::string();
}

std::string objection_to_migration_policy(std::string_view text) {
  static constexpr std::string_view policies[] = {"disabled", "upgrade", "downgrade", "bidirectional"};
  const auto word = in_lower_case(text);
  return std::ranges::find(policies, word) == std::end(policies) ? "this is none of what is allowed"
                                                                 : std::string();
}

std::string objection_to_optional_address(std::string_view text) {
  if (text.empty()) return {};
  const auto address = parse_host_and_port(text);
  return address ? std::string() : address.error().context;
}

std::string objection_to_data_directory(std::string_view text) {
  if (text.find(',') != std::string_view::npos) return "several directories are not supported";
  if (text.empty() || text.front() != '/') return "it is not an absolute path";
  return {};
}

}  // namespace tidelog::metadata::rows
