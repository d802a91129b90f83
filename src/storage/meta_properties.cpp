#include "tidelog/storage/meta_properties.hpp"

#include "checkpoint_file_lines.hpp"

#include "tidelog/base/quoted.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tidelog::storage {
namespace {

constexpr std::int32_t properties_version = 1;
constexpr std::uint64_t most_properties_bytes = 1U << 20;

/// Of a cluster's id. Kafka's have 22.
constexpr std::size_t most_id_bytes = 1024;

constexpr const char* version_key = "version";
constexpr const char* node_id_key = "node.id";
constexpr const char* cluster_id_key = "cluster.id";
constexpr const char* directory_id_key = "directory.id";

constexpr std::string_view blanks = " \t\f";

std::string_view without_leading_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}

/// A backslash at the end of a line, itself not escaped, joins the next line to it.
bool is_continued(std::string_view line) {
  const auto last_other = line.find_last_not_of('\\');
  const auto backslashes = last_other == std::string_view::npos ? line.size() : line.size() - last_other - 1;
  return backslashes % 2 == 1;
}

/// Takes the next line that says something off `rest`, with the lines that continue it; empty when there is none left.
std::string take_logical_line(std::string_view& rest) {
  std::string joined;
  bool continuing = false;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("\r\n"), rest.size());
    const auto line = without_leading_blanks(rest.substr(0, end));
    const std::size_t line_end_bytes = rest.substr(end).starts_with("\r\n") ? 2 : 1;
    rest.remove_prefix(std::min(end + line_end_bytes, rest.size()));
    if (!continuing && (line.empty() || line.front() == '#' || line.front() == '!')) continue;
    continuing = is_continued(line);
    joined += continuing ? line.substr(0, line.size() - 1) : line;
    if (!continuing) break;
  }
  return joined;
}

/// Where the key of a logical line ends: at the first separator that is not escaped.
std::size_t key_end(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':' || blanks.find(line[i]) != std::string_view::npos) {
      return i;
    }
  }
  return line.size();
}

/// The values here are ASCII, so of the escapes only those for single characters matter; \uXXXX is kept as it stands.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != 'u') ++i;
    plain += text[i];
  }
  return plain;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view special = "=:#! \t\f";
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_unicode_escape = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'u';
    if (special.find(text[i]) != std::string_view::npos || (text[i] == '\\' && !is_unicode_escape))
      safe += '\\';
    safe += text[i];
  }
  return safe;
}

std::map<std::string, std::string> parse_properties(std::string_view content) {
  std::map<std::string, std::string> values;
  for (auto line = take_logical_line(content); !line.empty(); line = take_logical_line(content)) {
    const std::string_view whole = line;
    const auto end = key_end(whole);
    auto value = without_leading_blanks(whole.substr(end));
    if (!value.empty() && (value.front() == '=' || value.front() == ':')) {
      value = without_leading_blanks(value.substr(1));
    }
    values.insert_or_assign(unescaped(whole.substr(0, end)), unescaped(value));
  }
  return values;
}

std::optional<std::string> take(std::map<std::string, std::string>& values, const char* key) {
  auto node = values.extract(key);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

}  // namespace

std::string format_meta_properties(const meta_properties& properties) {
  auto text = fmt::format("{}={}\n", node_id_key, properties.node_id.value());
  if (properties.directory_id)
    text += fmt::format("{}={}\n", directory_id_key, properties.directory_id->text());
  text += fmt::format("{}={}\n", version_key, properties_version);
  text += fmt::format("{}={}\n", cluster_id_key, escaped(properties.cluster_id));
  for (const auto& [key, value] : properties.others)
    text += fmt::format("{}={}\n", escaped(key), escaped(value));
  return text;
}

base::result<meta_properties> parse_meta_properties(std::string_view content, const io::path& name) {
  auto values = parse_properties(content);
  const auto version_text = take(values, version_key);
  const auto version = version_text ? parse_natural<std::int32_t>(*version_text) : std::nullopt;
  if (!version) return base::fail(errc::corrupt_meta_properties, "{}: no {}", name.native(), version_key);
  if (*version != properties_version) {
    return base::fail(errc::unknown_format_version, "{}: version {}", name.native(), *version);
  }
  const auto node_text = take(values, node_id_key);
  const auto node_id = node_text ? parse_natural<std::int32_t>(*node_text) : std::nullopt;
  if (!node_id) return base::fail(errc::corrupt_meta_properties, "{}: no {}", name.native(), node_id_key);
  auto cluster_id = take(values, cluster_id_key);
  if (!cluster_id || cluster_id->empty()) {
    return base::fail(errc::corrupt_meta_properties, "{}: no {}", name.native(), cluster_id_key);
  }
  // Clients are told it.
  if (cluster_id->size() > most_id_bytes || !base::is_readable(*cluster_id)) {
    return base::fail(errc::corrupt_meta_properties, "{}: {} {} is no id", name.native(), cluster_id_key,
                      base::quoted(*cluster_id));
  }
  meta_properties properties;
  properties.node_id = model::broker_id(*node_id);
  properties.cluster_id = std::move(*cluster_id);
  if (const auto directory_text = take(values, directory_id_key)) {
    properties.directory_id = base::parse_uuid(*directory_text);
    if (!properties.directory_id) {
      return base::fail(errc::corrupt_meta_properties, "{}: {} {} is no uuid", name.native(),
                        directory_id_key, base::quoted(*directory_text));
    }
  }
  properties.others = std::move(values);
  return properties;
}

base::result<meta_properties> read_meta_properties(io::file_system& files, const io::path& data_directory) {
  const auto name = data_directory / meta_properties_name;
  TIDELOG_TRY(const auto content, io::read_file(files, name, most_properties_bytes));
  return parse_meta_properties(base::as_text(content), name);
}

base::status write_meta_properties(io::file_system& files, const io::path& data_directory,
                                   const meta_properties& properties) {
  return io::replace_file(files, data_directory / meta_properties_name,
                          base::as_bytes(format_meta_properties(properties)));
}

}  // namespace tidelog::storage
