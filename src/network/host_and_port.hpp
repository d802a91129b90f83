#pragma once
// Addresses as people read them.

#include <fmt/core.h>

#include <cstdint>
#include <string>

namespace tidelog::network {

/// "127.0.0.1:9092" or "[::1]:9092".
[[nodiscard]] inline std::string host_and_port(const std::string& host, std::uint16_t port) {
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace tidelog::network
