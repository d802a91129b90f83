// From the text of a value to the one form it is kept in.

#include "config_values.hpp"

#include "tidelog/metadata/config_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace tidelog::metadata {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string joined(const std::vector<std::string>& elements) {
  std::string text;
  for (const auto& element : elements) {
    if (!text.empty()) text += ',';
    text += element;
  }
  return text;
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const auto word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::pair<std::int64_t, std::int64_t> bounds_of(config_type type) {
  using std::numeric_limits;
  switch (type) {
    case config_type::int16:
      return {numeric_limits<std::int16_t>::min(), numeric_limits<std::int16_t>::max()};
    case config_type::int32:
      return {numeric_limits<std::int32_t>::min(), numeric_limits<std::int32_t>::max()};
    default:
      return {numeric_limits<std::int64_t>::min(), numeric_limits<std::int64_t>::max()};
  }
}

bool is_whole(config_type type) {
  return type == config_type::int16 || type == config_type::int32 || type == config_type::int64;
}

tl::unexpected<base::error> invalid(const config_key& key, std::string_view text, std::string_view problem) {
  const std::string shown = key.is_sensitive() ? std::string() : fmt::format(" = {}", text);
  return base::fail(config_errc::invalid_value, "{}{}: {}; allowed: {}", key.name, shown, problem,
                    allowed_values_text(key));
}

base::result<std::string> canonical_whole(const config_key& key, std::string_view text) {
  const auto value = read_whole(text);
  const auto [least, most] = bounds_of(key.type);
  if (!value || *value < least || *value > most) {
    return invalid(key, text,
                   fmt::format("this is not a whole number of type {}", config_type_name(key.type)));
  }
  const bool within = *value >= key.allowed.lowest && *value <= key.allowed.highest;
  if (!within && key.allowed.or_else != value) return invalid(key, text, "this is out of range");
  return std::to_string(*value);
}

/// As Java prints a double, so that what Kafka's tools compare stays equal: 0.5, 2.0, 1.0E10.
std::string double_text(double value) {
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-3 && size < 1e7);
  char buffer[64];
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(std::begin(buffer), std::end(buffer), value, format);
  std::string text(buffer, written.ptr);
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const auto split = text.find('e');
  std::string mantissa = text.substr(0, split);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  std::int64_t exponent = 0;
  const bool negative = text[split + 1] == '-';
  std::from_chars(text.data() + split + 2, text.data() + text.size(), exponent);
  return fmt::format("{}E{}", mantissa, negative ? -exponent : exponent);
}

base::result<std::string> canonical_floating(const config_key& key, std::string_view text) {
  const auto value = read_floating(text);
  if (!value) return invalid(key, text, "this is not a number");
  const auto lowest = static_cast<double>(key.allowed.lowest);
  const auto highest = static_cast<double>(key.allowed.highest);
  const bool unbounded_above = key.allowed.highest == std::numeric_limits<std::int64_t>::max();
  if (*value < lowest || (!unbounded_above && *value > highest))
    return invalid(key, text, "this is out of range");
  return double_text(*value);
}

base::result<std::string> canonical_boolean(const config_key& key, std::string_view text) {
  auto lower = in_lower_case(text);
  if (lower != "true" && lower != "false") return invalid(key, text, "this is neither true nor false");
  return lower;
}

base::result<std::string> canonical_list(const config_key& key, std::string_view text) {
  std::vector<std::string> elements;
  for (auto& element : split_config_list(text)) {
    if (element.empty()) return invalid(key, text, "an element is empty");
    if (!key.allowed.words.empty() &&
        std::ranges::find(key.allowed.words, element) == key.allowed.words.end()) {
      return invalid(key, text, fmt::format("{} is none of what is allowed", element));
    }
    if (std::ranges::find(elements, element) == elements.end()) elements.push_back(std::move(element));
  }
  return joined(elements);
}

base::result<std::string> canonical_by_type(const config_key& key, std::string_view text) {
  if (is_whole(key.type)) return canonical_whole(key, text);
  if (key.type == config_type::floating) return canonical_floating(key, text);
  if (key.type == config_type::boolean) return canonical_boolean(key, text);
  if (key.type == config_type::list) return canonical_list(key, text);
  if (!key.allowed.words.empty() && std::ranges::find(key.allowed.words, text) == key.allowed.words.end()) {
    return invalid(key, text, "this is none of what is allowed");
  }
  return std::string(text);
}

std::string range_text(const config_key& key) {
  const auto& allowed = key.allowed;
  const bool low = allowed.lowest != std::numeric_limits<std::int64_t>::min();
  const bool high = allowed.highest != std::numeric_limits<std::int64_t>::max();
  std::string text = is_whole(key.type) ? "a whole number" : "a number";
  if (low && high) text += fmt::format(" from {} to {}", allowed.lowest, allowed.highest);
  if (low && !high) text += fmt::format(" of at least {}", allowed.lowest);
  if (!low && high) text += fmt::format(" of at most {}", allowed.highest);
  if (!low && !high && key.type == config_type::int32) text += " of 32 bits";
  if (!low && !high && key.type == config_type::int16) text += " of 16 bits";
  if (allowed.or_else) text += fmt::format(", or {}", *allowed.or_else);
  return text;
}

std::string kind_text(const config_key& key) {
  switch (key.type) {
    case config_type::boolean:
      return "true or false";
    case config_type::list:
      if (!key.allowed.words.empty()) return fmt::format("a list of {}", joined(key.allowed.words));
      return key.allowed.rule.empty() ? "a list" : fmt::format("a list of {}", key.allowed.rule);
    case config_type::string:
      if (!key.allowed.words.empty()) return fmt::format("one of {}", joined(key.allowed.words));
      return key.allowed.rule.empty() ? "any text" : std::string(key.allowed.rule);
    case config_type::class_name:
      return "the name of a class";
    case config_type::password:
      return "a secret";
    default: {
      std::string text = range_text(key);
      if (!key.allowed.rule.empty()) text += fmt::format(", {}", key.allowed.rule);
      return text;
    }
  }
}

}  // namespace

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return lower;
}

std::optional<std::int64_t> read_whole(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_floating(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

base::result<std::string> canonical_config_value(const config_key& key, std::string_view given) {
  const auto text = trimmed(given);
  TIDELOG_TRY(auto canonical, canonical_by_type(key, text));
  if (key.allowed.objection != nullptr) {
    if (const auto problem = key.allowed.objection(canonical); !problem.empty())
      return invalid(key, text, problem);
  }
  return canonical;
}

std::string allowed_values_text(const config_key& key) {
  if (key.status != config_status::refused && key.status != config_status::no_meaning) return kind_text(key);
  if (!key.default_value) return "nothing";
  return key.default_value->empty() ? "only the empty value" : fmt::format("only {}", *key.default_value);
}

base::result<std::string> parse_config_value(const config_key& key, std::string_view text) {
  TIDELOG_TRY(auto canonical, canonical_config_value(key, text));
  const bool only_default = key.status == config_status::refused || key.status == config_status::no_meaning;
  if (only_default && canonical != key.default_value.value_or("")) {
    const std::string shown = key.is_sensitive() ? std::string() : fmt::format(" = {}", canonical);
    return base::fail(config_errc::refused, "{}{} is not supported: {} Allowed: {}", key.name, shown,
                      key.reason, allowed_values_text(key));
  }
  return canonical;
}

std::vector<std::string> split_config_list(std::string_view text) {
  std::vector<std::string> elements;
  if (trimmed(text).empty()) return elements;
  for (;;) {
    const auto comma = text.find(',');
    elements.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return elements;
    text.remove_prefix(comma + 1);
  }
}

namespace {

enum class list_change : std::uint8_t { append, subtract };

base::result<std::string> change_list(const config_key& key, std::string_view current,
                                      std::string_view change, list_change how) {
  if (!key.is_list()) {
    return base::fail(config_errc::not_a_list,
                      "{} is of type {}; only lists can be appended to or subtracted from", key.name,
                      config_type_name(key.type));
  }
  auto elements = split_config_list(current);
  for (auto& element : split_config_list(change)) {
    const auto found = std::ranges::find(elements, element);
    if (how == list_change::subtract && found != elements.end()) elements.erase(found);
    if (how == list_change::append && found == elements.end()) elements.push_back(std::move(element));
  }
  return parse_config_value(key, joined(elements));
}

}  // namespace

base::result<std::string> append_to_config_list(const config_key& key, std::string_view current,
                                                std::string_view change) {
  return change_list(key, current, change, list_change::append);
}

base::result<std::string> subtract_from_config_list(const config_key& key, std::string_view current,
                                                    std::string_view change) {
  return change_list(key, current, change, list_change::subtract);
}

}  // namespace tidelog::metadata
