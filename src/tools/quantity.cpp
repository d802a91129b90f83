#include "tidelog/tools/quantity.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace tidelog::tools {
namespace {

auto refuse(std::string_view text, std::string_view why) {
  return base::fail(std::make_error_code(std::errc::invalid_argument), "\"{}\" {}", text, why);
}

struct number_and_unit {
  double number;
  std::string unit;  ///< lower case
};

base::result<number_and_unit> split(std::string_view text, std::string_view what) {
  number_and_unit parsed{};
  const auto* end = text.data() + text.size();
  const auto [unit, failure] = std::from_chars(text.data(), end, parsed.number, std::chars_format::fixed);
  if (failure != std::errc{} || !(parsed.number >= 0)) return refuse(text, what);
  for (const auto* at = unit; at != end; ++at)
    parsed.unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
  return parsed;
}

struct unit_value {
  std::string_view unit;
  double value;
};

template <std::size_t N>
base::result<double> scaled(std::string_view text, const std::array<unit_value, N>& units,
                            std::string_view what) {
  TIDELOG_TRY(const auto parsed, split(text, what));
  for (const auto& [unit, value] : units) {
    // Beyond 2^53 a double no longer counts one by one, and nobody means such a number.
    constexpr double largest = 9007199254740992.0;
    if (unit == parsed.unit && parsed.number * value <= largest) return parsed.number * value;
  }
  return refuse(text, what);
}

constexpr std::array<unit_value, 12> size_units{{{"", 1},
                                                 {"b", 1},
                                                 {"k", 1024},
                                                 {"kb", 1024},
                                                 {"kib", 1024},
                                                 {"m", 1048576},
                                                 {"mb", 1048576},
                                                 {"mib", 1048576},
                                                 {"g", 1073741824},
                                                 {"gb", 1073741824},
                                                 {"gib", 1073741824},
                                                 {"tib", 1099511627776}}};
constexpr std::array<unit_value, 6> duration_units{
    {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}}};

}  // namespace

base::result<std::uint64_t> parse_size(std::string_view text) {
  TIDELOG_TRY(const double bytes, scaled(text, size_units, "is no size; write 1024, 16KiB, 1MiB"));
  return static_cast<std::uint64_t>(std::llround(bytes));
}

base::result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  TIDELOG_TRY(const double ms, scaled(text, duration_units, "is no duration; write 500ms, 10s, 2m, 1h"));
  return std::chrono::milliseconds(std::llround(ms));
}

base::result<std::int64_t> parse_point_in_time(std::string_view text, std::int64_t now_ms) {
  constexpr std::string_view what =
      "is no point in time; write milliseconds since 1970, 2026-03-01T12:30:00Z, 2026-03-01, or -15m for the "
      "past";
  if (text.starts_with('-')) {
    const auto ago = parse_duration(text.substr(1));
    if (!ago) return refuse(text, what);
    return now_ms - ago->count();
  }
  std::int64_t ms = 0;
  const auto* end = text.data() + text.size();
  if (const auto [rest, failure] = std::from_chars(text.data(), end, ms);
      failure == std::errc{} && rest == end)
    return ms;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  const std::string whole(text);
  const auto filled = [&whole, &used] { return used == static_cast<int>(whole.size()); };
  const bool with_time = std::sscanf(whole.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ%n", &year, &month, &day, &hour,
                                     &minute, &second, &used) == 6 &&
                         filled();
  const bool date_only =
      !with_time &&
      (used = 0, hour = minute = second = 0,
       std::sscanf(whole.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &used) == 3 && filled());
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if ((!with_time && !date_only) || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60)
    return refuse(text, what);
  const auto point = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                     std::chrono::seconds(second);
  return std::chrono::duration_cast<std::chrono::milliseconds>(point.time_since_epoch()).count();
}

std::string size_for_people(double bytes) {
  constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string latency_for_people(std::chrono::nanoseconds latency) {
  const auto ns = static_cast<double>(latency.count());
  if (ns < 1e6) return fmt::format("{:.0f} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.2f} ms", ns / 1e6);
  return fmt::format("{:.2f} s", ns / 1e9);
}

std::string age_for_people(std::chrono::milliseconds age) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(age);
  const auto days_of = duration_cast<days>(whole).count();
  const auto hours_of = duration_cast<hours>(whole).count();
  const auto minutes_of = duration_cast<minutes>(whole).count();
  if (days_of > 0) return fmt::format("{}d {}h", days_of, hours_of % 24);
  if (hours_of > 0) return fmt::format("{}h {}m", hours_of, minutes_of % 60);
  if (minutes_of > 0) return fmt::format("{}m {}s", minutes_of, whole.count() % 60);
  return fmt::format("{}s", whole.count());
}

std::string time_for_people(std::int64_t ms) {
  using namespace std::chrono;
  const sys_seconds at(floor<seconds>(milliseconds(ms)));
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace tidelog::tools
