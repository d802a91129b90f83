#pragma once
// What can be wrong with a frame as such; a broken message in it is a codec::errc.

#include <system_error>

namespace tidelog::protocol {

enum class errc {
  unknown_api = 1,
};

[[nodiscard]] const std::error_category& error_category();
[[nodiscard]] inline std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), error_category()};
}

}  // namespace tidelog::protocol

template <>
struct std::is_error_code_enum<tidelog::protocol::errc> : std::true_type {};
