#include "config_file.hpp"

#include <toml++/toml.h>

#include "tidelog/metadata/config_table.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace tidelog::app {
namespace {

using metadata::config_errc;

/// "log.retention.ms" for the tables that TOML makes of the unquoted log.retention.ms.
std::string dotted_path(std::string path, const toml::node& node) {
  const auto* table = node.as_table();
  if (table == nullptr || table->empty()) return path;
  const auto first = table->begin();
  path += '.';
  path += first->first.str();
  return dotted_path(std::move(path), first->second);
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* value = node.as_floating_point()) return fmt::format("{}", value->get());
  if (const auto* value = node.as_string()) return value->get();
  return std::nullopt;
}

base::result<std::string> array_text(const toml::array& array, const std::string& where) {
  std::string text;
  for (const auto& element : array) {
    const auto one = scalar_text(element);
    if (!one || one->empty()) {
      return base::fail(config_errc::invalid_value, "{}: a list holds texts, numbers and nothing empty",
                        where);
    }
    if (one->find(',') != std::string::npos) {
      return base::fail(config_errc::invalid_value, "{}: an element of a list may not contain a comma",
                        where);
    }
    if (!text.empty()) text += ',';
    text += *one;
  }
  return text;
}

base::result<file_assignment> assignment_of(std::string_view key, const toml::node& node,
                                            const std::string& file_name) {
  file_assignment made{std::string(key), {}, node.source().begin.line, node.is_array()};
  const auto where = fmt::format("{}:{}: {}", file_name, made.line, key);
  if (node.is_table()) {
    return base::fail(config_errc::invalid_value,
                      "{}: a table is no value; write keys in quotes: \"{}\" = ...", where,
                      dotted_path(made.key, node));
  }
  if (const auto* array = node.as_array()) {
    TIDELOG_TRY(made.text, array_text(*array, where));
    return made;
  }
  auto text = scalar_text(node);
  if (!text) return base::fail(config_errc::invalid_value, "{}: dates and times are no values here", where);
  made.text = std::move(*text);
  return made;
}

}  // namespace

base::result<std::vector<file_assignment>> parse_config_file(std::string_view content,
                                                             const std::string& file_name) {
  toml::table table;
  try {
    table = toml::parse(content, file_name);
  } catch (const toml::parse_error& problem) {
    return base::fail(config_errc::invalid_value, "{}:{}: {}", file_name, problem.source().begin.line,
                      problem.description());
  }
  std::vector<std::pair<std::string_view, const toml::node*>> by_line;
  for (const auto& [key, node] : table) by_line.emplace_back(key.str(), &node);
  std::ranges::stable_sort(by_line, {}, [](const auto& entry) { return entry.second->source().begin.line; });
  std::vector<file_assignment> assignments;
  for (const auto& [key, node] : by_line) {
    TIDELOG_TRY(auto one, assignment_of(key, *node, file_name));
    assignments.push_back(std::move(one));
  }
  return assignments;
}

base::result<std::vector<file_assignment>> read_config_file(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  if (stream) content << stream.rdbuf();
  if (!stream || (content.tellp() <= 0 && std::filesystem::is_directory(file))) {
    return base::fail_errno(errno != 0 ? errno : EISDIR, "cannot read the configuration file {}",
                            file.string());
  }
  return parse_config_file(content.str(), file.string());
}

}  // namespace tidelog::app
