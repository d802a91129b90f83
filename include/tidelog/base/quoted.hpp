#pragma once
// Text that came from a file or a client, as it may be shown to people: whatever it holds, a message stays one line of
// readable UTF-8, and no longer than it should be.

#include <cstddef>
#include <string>
#include <string_view>

namespace tidelog::base {

/// Bytes of the UTF-8 character that `text`, which is not empty, begins with; 0 when it begins with none.
[[nodiscard]] std::size_t character_bytes(std::string_view text);
/// Nothing but whole UTF-8 characters, none of which controls a terminal.
[[nodiscard]] bool is_readable(std::string_view text);
/// Bytes that are no UTF-8 and control characters as \xHH; the rest as it is.
[[nodiscard]] std::string readable(std::string_view text);
/// readable() in single quotes; of a text longer than `most_bytes` the beginning, and how many bytes it has.
inline constexpr std::size_t most_quoted_bytes = 80;
[[nodiscard]] std::string quoted(std::string_view text, std::size_t most_bytes = most_quoted_bytes);

}  // namespace tidelog::base
