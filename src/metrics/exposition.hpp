#pragma once
// Lines of the Prometheus and OpenMetrics text formats. A family is written as
//
//   # HELP name what it means
//   # TYPE name counter
//   name_total{label="value"} 5
//
// with `_total` in the HELP and TYPE lines too in the older format. A histogram has the lines name_bucket{le="bound"},
// each counting all values up to its bound, name_sum and name_count. OpenMetrics ends with "# EOF".

#include "tidelog/metrics/registry.hpp"

namespace tidelog::metrics {

void write_family_head(std::string& out, text_format format, std::string_view name, std::string_view help,
                       std::string_view kind);
/// `suffix` is appended to the name; `extra` to the labels when it has a name.
void write_series(std::string& out, std::string_view name, std::string_view suffix, const label_set& labels,
                  const label& extra, double value);
void write_histogram(std::string& out, std::string_view name, const label_set& labels, const histogram& from,
                     scale divided_by);

}  // namespace tidelog::metrics
