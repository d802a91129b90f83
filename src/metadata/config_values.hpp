#pragma once
// Reading values: shared by the validation of the table and the typed configurations.

#include "tidelog/metadata/config_table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidelog::metadata {

/// A whole decimal number, or nothing.
[[nodiscard]] std::optional<std::int64_t> read_whole(std::string_view text);
/// A finite number, or nothing.
[[nodiscard]] std::optional<double> read_floating(std::string_view text);

/// With the letters of ASCII in lower case.
[[nodiscard]] std::string in_lower_case(std::string_view text);

/// parse_config_value without regard to the key's status: whether the text can be read at all.
[[nodiscard]] base::result<std::string> canonical_config_value(const config_key& key, std::string_view given);

}  // namespace tidelog::metadata
