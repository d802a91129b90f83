#include "exposition.hpp"

#include <fmt/core.h>

#include <cmath>

namespace tidelog::metrics {
namespace {

enum class quotes { plain, escaped };

void write_escaped(std::string& out, std::string_view text, quotes treat) {
  for (const char each : text) {
    if (each == '\n') {
      out += "\\n";
    } else if (each == '\\' || (each == '"' && treat == quotes::escaped)) {
      out += '\\';
      out += each;
    } else {
      out += each;
    }
  }
}

void write_label(std::string& out, const label& each) {
  out += each.name;
  out += "=\"";
  write_escaped(out, each.value, quotes::escaped);
  out += '"';
}

[[nodiscard]] std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

/// Bounds are written alike for both formats, as OpenMetrics wants them: always with a fraction or an exponent.
[[nodiscard]] std::string bound_text(double bound) {
  std::string text = number_text(bound);
  if (text.find_first_of(".eI") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

void write_family_head(std::string& out, text_format format, std::string_view name, std::string_view help,
                       std::string_view kind) {
  std::string declared(name);
  if (format == text_format::prometheus && kind == "counter") declared += "_total";
  out += fmt::format("# HELP {} ", declared);
  write_escaped(out, help, format == text_format::openmetrics ? quotes::escaped : quotes::plain);
  out += fmt::format("\n# TYPE {} {}\n", declared, kind);
}

void write_series(std::string& out, std::string_view name, std::string_view suffix, const label_set& labels,
                  const label& extra, double value) {
  out += name;
  out += suffix;
  char before = '{';
  for (const auto& each : labels) {
    out += before;
    write_label(out, each);
    before = ',';
  }
  if (!extra.name.empty()) {
    out += before;
    write_label(out, extra);
    before = ',';
  }
  if (before == ',') out += '}';
  out += ' ';
  out += number_text(value);
  out += '\n';
}

void write_histogram(std::string& out, std::string_view name, const label_set& labels, const histogram& from,
                     scale divided_by) {
  const auto reading = from.read();
  const auto bounds = from.bounds();
  std::uint64_t up_to_here = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    up_to_here += reading.counts[i];
    const double bound = static_cast<double>(bounds[i]) / divided_by.units_per_one;
    write_series(out, name, "_bucket", labels, {"le", bound_text(bound)}, static_cast<double>(up_to_here));
  }
  const auto all = static_cast<double>(reading.count());
  write_series(out, name, "_bucket", labels, {"le", "+Inf"}, all);
  write_series(out, name, "_sum", labels, {}, static_cast<double>(reading.sum) / divided_by.units_per_one);
  write_series(out, name, "_count", labels, {}, all);
}

}  // namespace tidelog::metrics
