#pragma once
// Every API that is served: the one list from which requests are dispatched and ApiVersions is answered.

#include "request.hpp"

#include <span>

namespace tidelog::server {

struct api_row {
  protocol::api_key key;
  /// Versions that are served, and the lowest that is told to clients. The two differ for Produce only.
  std::int16_t min;
  std::int16_t max;
  std::int16_t advertised_min;
  /// Decodes and handles; closes the connection when the message cannot be decoded.
  void (*handle)(request of);
};

/// In ascending order of keys.
[[nodiscard]] std::span<const api_row> api_table();
/// Null for an API that is not served.
[[nodiscard]] const api_row* find_row(protocol::api_key key);

}  // namespace tidelog::server
