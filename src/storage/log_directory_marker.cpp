#include "log_directory_marker.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/log_message.hpp"

namespace tidelog::storage {
namespace {

constexpr int marker_version = 0;
constexpr std::uint64_t most_marker_bytes = 4096;

/// The integer that follows "key" and a colon in a JSON object without nesting.
std::optional<std::int64_t> integer_member(std::string_view json, std::string_view key) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto quoted = fmt::format("\"{}\"", key);
  auto at = json.find(quoted);
  if (at == std::string_view::npos) return std::nullopt;
  at = json.find_first_not_of(blanks, at + quoted.size());
  if (at == std::string_view::npos || json[at] != ':') return std::nullopt;
  at = json.find_first_not_of(blanks, at + 1);
  if (at == std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  if (std::from_chars(json.data() + at, json.data() + json.size(), value).ec != std::errc{})
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<clean_stop_marker> read_clean_stop_marker(io::file_system& files,
                                                        const io::path& data_directory) {
  const auto name = data_directory / clean_stop_marker_name;
  const auto content = io::read_file(files, name, most_marker_bytes);
  if (!content) {
    if (content.error().code != std::errc::no_such_file_or_directory) {
      base::say_warning("{}; every log is checked", content.error().describe());
    }
    return std::nullopt;
  }
  const auto json = base::as_text(*content);
  if (integer_member(json, "version") != marker_version) {
    base::say_warning("{} is no marker of a clean stop that is known here; every log is checked",
                      name.native());
    return std::nullopt;
  }
  return clean_stop_marker{integer_member(json, "brokerEpoch").value_or(-1)};
}

base::status remove_clean_stop_marker(io::file_system& files, const io::path& data_directory) {
  auto removed = files.remove_file(data_directory / clean_stop_marker_name);
  if (!removed && removed.error().code != std::errc::no_such_file_or_directory) return removed;
  // Also when there was none: a process that was killed may have left names that are not on disk yet.
  return files.sync_directory(data_directory);
}

base::status write_clean_stop_marker(io::file_system& files, const io::path& data_directory,
                                     const clean_stop_marker& marker) {
  const auto json = fmt::format(R"({{"version":{},"brokerEpoch":{}}})", marker_version, marker.broker_epoch);
  return io::replace_file(files, data_directory / clean_stop_marker_name, base::as_bytes(json));
}

}  // namespace tidelog::storage
