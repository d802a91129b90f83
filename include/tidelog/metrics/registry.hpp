#pragma once
// The instruments of the program by name and labels, and their text for a scraper.

#include "tidelog/base/unique_function.hpp"
#include "tidelog/metrics/instruments.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidelog::metrics {

struct label {
  std::string name;
  std::string value;
  friend auto operator<=>(const label&, const label&) = default;
};
using label_set = std::vector<label>;
/// One series of a family whose series come and go.
struct series_value {
  label_set labels;
  double value = 0;
};

/// What a series is divided by when it is written: values recorded as whole microseconds leave as seconds with
/// microseconds_as_seconds, as Prometheus wants its base units.
struct scale {
  double units_per_one = 1.0;
};
inline constexpr scale unscaled{1.0};
inline constexpr scale microseconds_as_seconds{1e6};

/// The two text formats in use; they differ in how counters are declared and how the text ends.
enum class text_format { prometheus, openmetrics };
/// For the Content-Type header of an answer in that format.
[[nodiscard]] std::string_view content_type(text_format format);

/// Keeps a callback in the registry; at its end the callback is gone and no longer running. Ends before the registry.
class callback_registration {
 public:
  callback_registration() = default;
  explicit callback_registration(base::unique_function<void()> remove) : remove_(std::move(remove)) {}
  callback_registration(callback_registration&&) = default;
  callback_registration& operator=(callback_registration&& other) noexcept;
  ~callback_registration();

 private:
  base::unique_function<void()> remove_;
};

/// Instruments are made once, at start or when what they count appears, and their references kept for the hot path;
/// they live as long as the registry. Asking again for the same name and labels gives the same instrument.
///
/// Names and label names are a programmer's promise: letters, digits, '_' (and ':' in names), not beginning with a
/// digit; counters are named without "_total", which the text adds; one name has one kind and one help text. Label
/// values may be any text. Thread safe.
class registry {
 public:
  registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;
  ~registry();

  [[nodiscard]] counter& make_counter(std::string_view name, std::string_view help, label_set labels = {});
  [[nodiscard]] gauge& make_gauge(std::string_view name, std::string_view help, label_set labels = {});
  /// A second call's bounds and scale must be those of the first.
  [[nodiscard]] histogram& make_histogram(std::string_view name, std::string_view help,
                                          std::vector<std::uint64_t> bounds, scale divided_by,
                                          label_set labels = {});

  /// A series whose value is asked for when somebody scrapes, from the scraping thread: for what is known anyway, and
  /// for what exists so often that an instrument each would cost too much. `read` may not call the registry, and who
  /// ends the registration holds no lock that `read` takes. There must be no such series yet.
  [[nodiscard]] callback_registration add_callback_gauge(std::string_view name, std::string_view help,
                                                         label_set labels, std::function<double()> read);
  [[nodiscard]] callback_registration add_callback_counter(std::string_view name, std::string_view help,
                                                           label_set labels, std::function<double()> read);
  /// A whole family of gauges, asked for in the same way: for what has labels that come and go. `read` never gives the same
  /// labels twice, and is the one to see to it that there are not too many. There must be no series of that name yet.
  [[nodiscard]] callback_registration add_callback_gauges(std::string_view name, std::string_view help,
                                                          std::function<std::vector<series_value>()> read);

  /// All series, families in order of their names.
  [[nodiscard]] std::string text(text_format format) const;

 private:
  struct family;
  enum class kind;

  [[nodiscard]] family& family_of(std::string_view name, std::string_view help, kind wanted);
  [[nodiscard]] callback_registration add_callback(family& into, std::string_view name, label_set labels,
                                                   std::function<double()> read);
  void remove_callback(const std::string& name, const label_set& labels);
  void remove_callback(const std::string& name);

  /// Held while callbacks run: removing one waits for them.
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<family>, std::less<>> families_;
};

}  // namespace tidelog::metrics
