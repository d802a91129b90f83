#include "offset_reset.hpp"

#include "tidelog/tools/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tidelog::tools {
namespace {

auto refuse(std::string_view text, std::string_view why) {
  return base::fail(std::make_error_code(std::errc::invalid_argument), "\"{}\" {}", text, why);
}

/// The sum, or the end of what an offset can be.
std::int64_t shifted(std::int64_t from, std::int64_t distance) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(from, distance, &sum)) return sum;
  return distance < 0 ? 0 : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

base::result<model::offset> new_offset(const reset_target& target, const reset_facts& facts) {
  const auto within = [&facts](model::offset wish) { return std::clamp(wish, facts.begin, facts.end); };
  switch (target.kind) {
    case reset_kind::earliest:
      return facts.begin;
    case reset_kind::latest:
      return facts.end;
    case reset_kind::offset:
      return within(target.offset);
    case reset_kind::time:
      return within(facts.at_time == model::no_offset ? facts.end : facts.at_time);
    case reset_kind::shift:
      if (facts.committed == model::no_offset) {
        return base::fail(std::make_error_code(std::errc::invalid_argument),
                          "nothing is committed for {}: there is nothing to shift from", facts.at.text());
      }
      return within(model::offset(shifted(facts.committed.value(), target.distance)));
  }
  return facts.end;
}

base::result<topic_choice> parse_topic_choice(std::string_view text) {
  constexpr std::string_view what = "is not TOPIC or TOPIC:PARTITION,...";
  const auto colon = text.find(':');
  topic_choice choice{std::string(text.substr(0, colon)), {}};
  if (choice.topic.empty()) return refuse(text, what);
  if (colon == std::string_view::npos) return choice;
  auto rest = text.substr(colon + 1);
  for (;;) {
    const auto comma = std::min(rest.find(','), rest.size());
    std::int32_t index = -1;
    const auto* const end = rest.data() + comma;
    const auto [stopped, failure] = std::from_chars(rest.data(), end, index);
    if (failure != std::errc{} || stopped != end || index < 0) return refuse(text, what);
    choice.partitions.emplace_back(index);
    if (comma == rest.size()) return choice;
    rest.remove_prefix(comma + 1);
  }
}

base::result<std::chrono::milliseconds> parse_reset_duration(std::string_view text) {
  if (!text.starts_with('P')) return parse_duration(text);
  constexpr std::string_view what = "is no duration; write 500ms, 10s, 2m, 1h, or PT1H30M";
  struct unit {
    char letter;
    bool of_a_day;
    double ms;
  };
  constexpr unit units[]{
      {'D', false, 86'400'000}, {'H', true, 3'600'000}, {'M', true, 60'000}, {'S', true, 1'000}};
  double sum_ms = 0;
  bool within_day = false;
  const auto* next_unit = std::begin(units);
  auto rest = text.substr(1);
  if (rest.empty() || rest.ends_with('T')) return refuse(text, what);
  while (!rest.empty()) {
    if (!within_day && rest.starts_with('T')) {
      within_day = true;
      rest.remove_prefix(1);
    }
    double number = 0;
    const auto [stopped, failure] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (failure != std::errc{} || number < 0 || stopped == rest.data() + rest.size())
      return refuse(text, what);
    next_unit = std::find_if(next_unit, std::end(units), [letter = *stopped, within_day](const unit& one) {
      return one.letter == letter && one.of_a_day == within_day;
    });
    if (next_unit == std::end(units)) return refuse(text, what);
    sum_ms += number * next_unit->ms;
    ++next_unit;
    rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()) + 1);
  }
  // Longer than there has been time, and short enough to be counted in milliseconds.
  constexpr double longest_ms = 9007199254740992.0;
  if (sum_ms > longest_ms) return refuse(text, what);
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum_ms));
}

}  // namespace tidelog::tools
