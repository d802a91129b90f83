#pragma once
// What can be wrong with encoded bytes.

#include <system_error>

namespace tidelog::codec {

enum class errc {
  truncated = 1,
  bad_varint,
  bad_length,
  string_too_long,
  unexpected_null,
  too_many_elements,
  tagged_field_size,
  unsupported_version,
};

[[nodiscard]] const std::error_category& error_category();
[[nodiscard]] inline std::error_code make_error_code(errc code) {
  return {static_cast<int>(code), error_category()};
}

}  // namespace tidelog::codec

template <>
struct std::is_error_code_enum<tidelog::codec::errc> : std::true_type {};
