#include "group_metrics.hpp"

#include <array>
#include <utility>

namespace tidelog::coordinator {
namespace {

constexpr double milliseconds_per_second = 1'000;

struct named_state {
  group_state state;
  const char* name;
};
constexpr std::array<named_state, 4> classic_states{{
    {group_state::empty, "empty"},
    {group_state::preparing_rebalance, "preparing_rebalance"},
    {group_state::completing_rebalance, "completing_rebalance"},
    {group_state::stable, "stable"},
}};
constexpr std::array<named_state, 4> consumer_states{{
    {group_state::empty, "empty"},
    {group_state::assigning, "assigning"},
    {group_state::reconciling, "reconciling"},
    {group_state::stable, "stable"},
}};

}  // namespace

group_metrics::group_metrics(metrics::registry& registry, const base::clock& clock,
                             std::function<group_census()> take_census)
    : recent_(clock, std::move(take_census)) {
  for (const auto& [state, name] : classic_states) {
    add_gauge(registry, "tidelog_groups", "Consumer groups by type and state.",
              {{"type", "classic"}, {"state", name}},
              [at = static_cast<std::size_t>(state)](const group_census& of) {
                return static_cast<double>(of.counts.classic_groups[at]);
              });
  }
  for (const auto& [state, name] : consumer_states) {
    add_gauge(registry, "tidelog_groups", "Consumer groups by type and state.",
              {{"type", "consumer"}, {"state", name}},
              [at = static_cast<std::size_t>(state)](const group_census& of) {
                return static_cast<double>(of.counts.consumer_groups[at]);
              });
  }
  add_gauge(registry, "tidelog_group_members", "Members of consumer groups.", {{"type", "classic"}},
            [](const group_census& of) { return static_cast<double>(of.counts.classic_members); });
  add_gauge(registry, "tidelog_group_members", "Members of consumer groups.", {{"type", "consumer"}},
            [](const group_census& of) { return static_cast<double>(of.counts.consumer_members); });
  add_gauge(registry, "tidelog_group_offsets", "Committed offsets that are kept.", {},
            [](const group_census& of) { return static_cast<double>(of.counts.offsets); });
  add_gauge(registry, "tidelog_group_partitions_loading", "Partitions of groups that are being read.", {},
            [](const group_census& of) { return static_cast<double>(of.partitions_loading); });
  add_gauge(
      registry, "tidelog_group_load_seconds", "The longest that a partition of groups took to load.", {},
      [](const group_census& of) { return static_cast<double>(of.load_time_ms) / milliseconds_per_second; });
  series_.push_back(registry.add_callback_counter(
      "tidelog_group_rebalances", "Rebalances of consumer groups.", {},
      [this] { return static_cast<double>(recent_.get()->activity.rebalances); }));
  series_.push_back(
      registry.add_callback_counter("tidelog_group_commits", "Requests that committed offsets.", {},
                                    [this] { return static_cast<double>(recent_.get()->activity.commits); }));
  series_.push_back(registry.add_callback_gauges(
      "tidelog_group_lag", "Offsets between what a group has committed of a topic and its high watermarks.",
      [this] { return lag_series(); }));
  add_gauge(registry, "tidelog_group_lag_left_out",
            "Groups whose lag is not told, because it would be too much.", {},
            [](const group_census& of) { return static_cast<double>(of.groups_without_lag); });
}

std::vector<metrics::series_value> group_metrics::lag_series() {
  const auto census = recent_.get();
  std::vector<metrics::series_value> all;
  all.reserve(census->lag.size());
  for (const auto& of : census->lag) {
    all.push_back({{{"group", of.group_id}, {"topic", of.topic}}, static_cast<double>(of.offsets)});
  }
  return all;
}

void group_metrics::add_gauge(metrics::registry& registry, std::string_view name, std::string_view help,
                              metrics::label_set labels, std::function<double(const group_census&)> value) {
  series_.push_back(registry.add_callback_gauge(
      name, help, std::move(labels), [this, value = std::move(value)] { return value(*recent_.get()); }));
}

}  // namespace tidelog::coordinator
