#pragma once
// Failures of this layer that have no errno.

#include <system_error>

namespace tidelog::network {

enum class errc {
  unknown_host = 1,  ///< the name of a listener's host has no address
};

[[nodiscard]] const std::error_category& network_category();
[[nodiscard]] inline std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), network_category()};
}

}  // namespace tidelog::network

template <>
struct std::is_error_code_enum<tidelog::network::errc> : std::true_type {};
