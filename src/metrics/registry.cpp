#include "tidelog/metrics/registry.hpp"

#include "exposition.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>
#include <variant>

namespace tidelog::metrics {
namespace {

[[nodiscard]] bool is_letter(char each) {
  return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || each == '_';
}
[[nodiscard]] bool is_digit(char each) {
  return each >= '0' && each <= '9';
}

[[nodiscard]] bool is_label_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char each) { return is_letter(each) || is_digit(each); });
}

[[nodiscard]] bool is_metric_name(std::string_view name) {
  if (name.empty() || is_digit(name.front()) || name.ends_with("_total")) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char each) { return is_letter(each) || is_digit(each) || each == ':'; });
}

/// Labels in the order of their names, so that the same ones are found again however they were given.
[[nodiscard]] label_set checked(label_set labels) {
  std::sort(labels.begin(), labels.end());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    TIDELOG_ASSERT(is_label_name(labels[i].name), "label={}", labels[i].name);
    TIDELOG_ASSERT(labels[i].name != "le");
    TIDELOG_ASSERT(i == 0 || labels[i].name != labels[i - 1].name, "label={}", labels[i].name);
  }
  return labels;
}

}  // namespace

enum class registry::kind { counter, gauge, histogram };

struct registry::family {
  using callback = std::function<double()>;
  using series =
      std::variant<std::unique_ptr<counter>, std::unique_ptr<gauge>, std::unique_ptr<histogram>, callback>;

  /// The instrument of these labels, made when it is not there.
  template <class Instrument, class Make>
  [[nodiscard]] Instrument& get_or_make(label_set labels, Make make) {
    labels = checked(std::move(labels));
    auto found = all.find(labels);
    if (found == all.end()) found = all.emplace(std::move(labels), make()).first;
    const auto* instrument = std::get_if<std::unique_ptr<Instrument>>(&found->second);
    TIDELOG_ASSERT(instrument != nullptr);
    return **instrument;
  }

  registry::kind its_kind;
  std::string help;
  scale divided_by = unscaled;
  std::map<label_set, series> all;
  /// Gives all series at once, where it is there; `all` is empty then.
  std::function<std::vector<series_value>()> read_all;
};

std::string_view content_type(text_format format) {
  if (format == text_format::openmetrics) return "application/openmetrics-text; version=1.0.0; charset=utf-8";
  return "text/plain; version=0.0.4; charset=utf-8";
}

callback_registration& callback_registration::operator=(callback_registration&& other) noexcept {
  if (this != &other) {
    if (remove_) remove_();
    remove_ = std::move(other.remove_);
  }
  return *this;
}

callback_registration::~callback_registration() {
  if (remove_) remove_();
}

registry::registry() = default;
registry::~registry() = default;

registry::family& registry::family_of(std::string_view name, std::string_view help, kind wanted) {
  TIDELOG_ASSERT(is_metric_name(name), "name={}", name);
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), std::make_unique<family>()).first;
    found->second->its_kind = wanted;
    found->second->help = help;
  }
  TIDELOG_ASSERT(found->second->its_kind == wanted, "name={}", name);
  TIDELOG_ASSERT(found->second->help == help, "name={} help={}", name, help);
  return *found->second;
}

counter& registry::make_counter(std::string_view name, std::string_view help, label_set labels) {
  const std::lock_guard guard(mutex_);
  return family_of(name, help, kind::counter)
      .get_or_make<counter>(std::move(labels), std::make_unique<counter>);
}

gauge& registry::make_gauge(std::string_view name, std::string_view help, label_set labels) {
  const std::lock_guard guard(mutex_);
  return family_of(name, help, kind::gauge).get_or_make<gauge>(std::move(labels), std::make_unique<gauge>);
}

histogram& registry::make_histogram(std::string_view name, std::string_view help,
                                    std::vector<std::uint64_t> bounds, scale divided_by, label_set labels) {
  const std::lock_guard guard(mutex_);
  auto& into = family_of(name, help, kind::histogram);
  if (into.all.empty()) into.divided_by = divided_by;
  TIDELOG_ASSERT(into.divided_by.units_per_one == divided_by.units_per_one, "name={}", name);
  auto& made =
      into.get_or_make<histogram>(std::move(labels), [&] { return std::make_unique<histogram>(bounds); });
  TIDELOG_ASSERT(std::equal(bounds.begin(), bounds.end(), made.bounds().begin(), made.bounds().end()));
  return made;
}

callback_registration registry::add_callback_gauge(std::string_view name, std::string_view help,
                                                   label_set labels, std::function<double()> read) {
  const std::lock_guard guard(mutex_);
  return add_callback(family_of(name, help, kind::gauge), name, std::move(labels), std::move(read));
}

callback_registration registry::add_callback_counter(std::string_view name, std::string_view help,
                                                     label_set labels, std::function<double()> read) {
  const std::lock_guard guard(mutex_);
  return add_callback(family_of(name, help, kind::counter), name, std::move(labels), std::move(read));
}

callback_registration registry::add_callback(family& into, std::string_view name, label_set labels,
                                             std::function<double()> read) {
  labels = checked(std::move(labels));
  const bool is_new = !into.read_all && into.all.emplace(labels, std::move(read)).second;
  TIDELOG_ASSERT(is_new, "name={}", name);
  return callback_registration([this, family_name = std::string(name), its_labels = std::move(labels)] {
    remove_callback(family_name, its_labels);
  });
}

void registry::remove_callback(const std::string& name, const label_set& labels) {
  const std::lock_guard guard(mutex_);
  families_.at(name)->all.erase(labels);
}

callback_registration registry::add_callback_gauges(std::string_view name, std::string_view help,
                                                    std::function<std::vector<series_value>()> read) {
  const std::lock_guard guard(mutex_);
  auto& into = family_of(name, help, kind::gauge);
  TIDELOG_ASSERT(into.all.empty() && !into.read_all, "name={}", name);
  into.read_all = std::move(read);
  return callback_registration([this, family_name = std::string(name)] { remove_callback(family_name); });
}

void registry::remove_callback(const std::string& name) {
  const std::lock_guard guard(mutex_);
  families_.at(name)->read_all = nullptr;
}

std::string registry::text(text_format format) const {
  static constexpr std::string_view kind_names[] = {"counter", "gauge", "histogram"};
  const std::lock_guard guard(mutex_);
  std::string out;
  for (const auto& [name, each] : families_) {
    const auto read = each->read_all ? each->read_all() : std::vector<series_value>();
    if (each->all.empty() && read.empty()) continue;
    write_family_head(out, format, name, each->help, kind_names[static_cast<std::size_t>(each->its_kind)]);
    for (const auto& [labels, value] : read) write_series(out, name, "", labels, {}, value);
    const std::string_view suffix = each->its_kind == kind::counter ? "_total" : "";
    for (const auto& [labels, series] : each->all) {
      if (const auto* counted = std::get_if<std::unique_ptr<counter>>(&series)) {
        write_series(out, name, suffix, labels, {}, static_cast<double>((*counted)->value()));
      } else if (const auto* level = std::get_if<std::unique_ptr<gauge>>(&series)) {
        write_series(out, name, suffix, labels, {}, static_cast<double>((*level)->value()));
      } else if (const auto* spread = std::get_if<std::unique_ptr<histogram>>(&series)) {
        write_histogram(out, name, labels, **spread, each->divided_by);
      } else {
        write_series(out, name, suffix, labels, {}, std::get<family::callback>(series)());
      }
    }
  }
  if (format == text_format::openmetrics) out += "# EOF\n";
  return out;
}

}  // namespace tidelog::metrics
