#pragma once
// What Kafka's text checkpoints have in common:
//   0        version
//   2        number of entries
//   ...      one line an entry, words parted by blanks

#include "tidelog/io/file_system.hpp"

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidelog::storage {

/// A larger file is not read: a million entries take a quarter of it.
inline constexpr std::uint64_t most_checkpoint_bytes = 1U << 28;

/// The entries' lines, which view `content`. Fails with errc::corrupt_checkpoint when the count is wrong or a line is
/// torn, or unknown_format_version; `name` is for the message.
[[nodiscard]] base::result<std::vector<std::string_view>> parse_checkpoint_lines(std::string_view content,
                                                                                 const io::path& name);
/// The first two lines.
[[nodiscard]] std::string begin_checkpoint(std::size_t entries);

[[nodiscard]] std::vector<std::string_view> split_words(std::string_view line);

/// The whole word as a number that is not negative.
template <std::signed_integral T>
[[nodiscard]] std::optional<T> parse_natural(std::string_view word) {
  T value{};
  const auto* end = word.data() + word.size();
  const auto outcome = std::from_chars(word.data(), end, value);
  if (outcome.ec != std::errc{} || outcome.ptr != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace tidelog::storage
