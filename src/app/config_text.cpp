#include "config_text.hpp"

#include <algorithm>
#include <iterator>

namespace tidelog::app {
namespace {

using metadata::config_key;
using metadata::config_scope;
using metadata::config_status;
using metadata::config_type;
using metadata::config_update;

constexpr std::size_t comment_width = 110;

bool can_be_set(const config_key& key) {
  return key.status != config_status::refused && key.status != config_status::no_meaning;
}

bool is_default_of_topics(const config_key& key) {
  return std::ranges::any_of(metadata::config_keys(config_scope::topic), [&](const config_key* topic_key) {
    return std::ranges::any_of(topic_key->broker_keys,
                               [&](const auto& from) { return from.name == key.name; });
  });
}

/// Words on lines of a bounded width, each behind `prefix`.
std::string wrapped(std::string_view text, std::string_view prefix) {
  std::string lines;
  std::string line(prefix);
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() + 1 + word.size() > comment_width && line.size() > prefix.size()) {
      lines += line + "\n";
      line = prefix;
    }
    if (line.size() > prefix.size()) line += ' ';
    line += word;
  }
  return lines + line + "\n";
}

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + "\"";
}

/// The value as the configuration file takes it.
std::string toml_value(const config_key& key, const std::string& text) {
  switch (key.type) {
    case config_type::boolean:
    case config_type::int16:
    case config_type::int32:
    case config_type::int64:
      return text;
    case config_type::floating: {
      std::string lower = text;
      std::ranges::replace(lower, 'E', 'e');
      return lower;
    }
    case config_type::list: {
      std::string array;
      for (const auto& element : metadata::split_config_list(text)) {
        array += (array.empty() ? "" : ", ") + toml_string(element);
      }
      return "[" + array + "]";
    }
    default:
      return toml_string(text);
  }
}

std::string when_it_changes(const config_key& key) {
  return key.update == config_update::read_only ? "at start" : "while it runs";
}

/// One key of the annotated file. `settings` is null for the file that is installed.
std::string annotated_key(const config_key& key, const daemon_settings* settings) {
  std::string text = wrapped(key.documentation, "# ");
  text += wrapped(
      fmt::format("Takes {}; changes {}.", metadata::allowed_values_text(key), when_it_changes(key)), "# ");
  std::optional<std::string> standard;
  if (key.default_value) standard = std::string(*key.default_value);
  bool changed = false;
  std::optional<std::string> value = standard;
  if (settings != nullptr) {
    const auto entry = metadata::describe_config(
        key, {.configuration_file = &settings->configured, .machine = &settings->machine_defaults});
    value = entry.value;
    changed = settings->configured.contains(key.name);
  }
  if (changed) {
    text += fmt::format("# Changed; the default is {}.\n",
                        standard ? toml_value(key, *standard)
                                 : std::string(key.default_note.empty() ? "to have none" : key.default_note));
    return text + fmt::format("\"{}\" = {}\n\n", key.name, toml_value(key, value.value_or("")));
  }
  if (value) return text + fmt::format("# \"{}\" = {}\n\n", key.name, toml_value(key, *value));
  const auto note = key.default_note.empty() ? std::string_view("none") : key.default_note;
  return text + fmt::format("# \"{}\" =   (default: {})\n\n", key.name, note);
}

std::string annotated_sections(const daemon_settings* settings) {
  std::string own;
  std::string of_topics;
  for (const auto* key : metadata::config_keys(config_scope::broker)) {
    if (!can_be_set(*key)) continue;
    (is_default_of_topics(*key) ? of_topics : own) += annotated_key(*key, settings);
  }
  constexpr std::string_view rule =
      "# ----------------------------------------------------------------------------\n";
  std::string text = fmt::format("{}# The broker\n{}\n{}", rule, rule, own);
  text +=
      fmt::format("{}# Defaults of topics; each topic can have its own value\n{}\n{}", rule, rule, of_topics);
  text.pop_back();
  return text;
}

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '|' || letter == '*' || letter == '<') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string default_cell(const config_key& key) {
  if (key.default_value)
    return key.default_value->empty() ? "empty" : "`" + std::string(*key.default_value) + "`";
  return key.default_note.empty() ? "none" : cell(key.default_note);
}

std::string status_text(const config_key& key) {
  switch (key.status) {
    case config_status::works:
      return "works";
    case config_status::stored_only:
      return "stored only";
    case config_status::no_effect:
      return "no effect";
    case config_status::refused:
      return "refused";
    case config_status::no_meaning:
      return "no meaning";
  }
  return {};
}

std::string full_table(const std::vector<const config_key*>& keys) {
  std::string text =
      "| key | type | default | allowed | changes | status | |\n|---|---|---|---|---|---|---|\n";
  for (const auto* key : keys) {
    const bool of_broker = key->scope == config_scope::broker;
    text += fmt::format(
        "| `{}` | {} | {} | {} | {} | {} | {} |\n", key->name, metadata::config_type_name(key->type),
        default_cell(*key), cell(metadata::allowed_values_text(*key)),
        of_broker ? when_it_changes(*key) : "while it runs", status_text(*key), cell(key->documentation));
  }
  return text;
}

/// Keys that only say why they are not taken, those of one reason together.
std::string reasons_table(config_status status) {
  std::vector<std::pair<std::string_view, std::string>> by_reason;
  for (const auto* key : metadata::config_keys(config_scope::broker)) {
    if (key->status != status) continue;
    auto found = std::ranges::find(by_reason, key->reason, [](const auto& row) { return row.first; });
    if (found == by_reason.end()) found = by_reason.insert(by_reason.end(), {key->reason, {}});
    found->second += (found->second.empty() ? "`" : ", `") + std::string(key->name) + "`";
  }
  std::string text = "| why | keys |\n|---|---|\n";
  for (const auto& [reason, keys] : by_reason) text += fmt::format("| {} | {} |\n", cell(reason), keys);
  return text;
}

}  // namespace

std::string default_config_file() {
  return "# Configuration of tidelogd. Every line behind a comment sign shows a default; nothing has to be "
         "set.\n"
         "# Keys stand in quotes and have Kafka's names. `tidelogd --check-config --config FILE` checks a "
         "file,\n"
         "# `tidelogd --print-config --config FILE` shows what holds, SIGHUP reloads what changes while it "
         "runs.\n\n" +
         annotated_sections(nullptr);
}

std::string annotated_config(const daemon_settings& settings) {
  return "# The configuration that holds. Lines without a comment sign were set, the others are "
         "defaults.\n\n" +
         annotated_sections(&settings);
}

std::string config_reference_page() {
  std::vector<const config_key*> own;
  std::vector<const config_key*> of_topics;
  std::vector<const config_key*> topic;
  for (const auto* key : metadata::config_keys(config_scope::broker)) {
    if (can_be_set(*key)) (is_default_of_topics(*key) ? of_topics : own).push_back(key);
  }
  std::ranges::copy(metadata::config_keys(config_scope::topic), std::back_inserter(topic));
  std::vector<const config_key*> group;
  std::ranges::copy_if(metadata::config_keys(config_scope::group), std::back_inserter(group),
                       [](const config_key* key) { return can_be_set(*key); });
  std::string page =
      "# Configuration reference\n\n"
      "This page is made from the table in the source (`src/metadata/config_rows_*.cpp`); a test holds it to "
      "that.\n\n"
      "Keys have Kafka's names. In the configuration file they stand in quotes, because some are prefixes of "
      "others:\n\n"
      "```toml\n\"log.retention.ms\" = 604800000\n\"listeners\" = [\"PLAINTEXT://192.0.2.1:9092\"]\n```\n\n"
      "A key that is not there is an error that names the nearest one. On the command line `--set KEY=VALUE` "
      "wins over\n"
      "the file. Keys that change *while it runs* take effect by `SIGHUP` (from the file) or by AlterConfigs "
      "(for the\n"
      "broker or, as the cluster's default, under the empty name); AlterConfigs wins over the file.\n\n"
      "*Stored only*: kept and answered for a feature that this version does not have yet. *No effect*: kept "
      "and\n"
      "answered, and true of a single node whatever the value is. *Refused*: only the default is taken.\n\n";
  page += "## The broker\n\n" + full_table(own);
  page +=
      "\n## Defaults of topics\n\nSet on the broker, for all topics that have no value of their own.\n\n" +
      full_table(of_topics);
  page += "\n## Topics\n\nSet when a topic is made, or later by AlterConfigs.\n\n" + full_table(topic);
  page +=
      "\n## Consumer groups\n\nSet by AlterConfigs on a group, which need not exist.\n\n" + full_table(group);
  page +=
      "\n## Kafka's keys that are not in this version\n\nDescribeConfigs answers Kafka's default, and only "
      "that is "
      "taken.\n\n" +
      reasons_table(config_status::refused);
  page += "\n## Kafka's keys without a meaning here\n\nThe same holds for these, for good.\n\n" +
          reasons_table(config_status::no_meaning);
  return page;
}

}  // namespace tidelog::app
