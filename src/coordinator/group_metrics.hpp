#pragma once
// What a scraper learns of groups. Counting looks at every group, so it is done once for all series of a scrape.

#include "group_lag.hpp"
#include "group_shard.hpp"
#include "recent_census.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/metrics/registry.hpp"

#include <functional>
#include <vector>

namespace tidelog::coordinator {

struct group_census {
  group_counts counts;
  group_activity activity;
  std::uint64_t partitions_loading = 0;
  /// The longest that a partition took.
  std::int64_t load_time_ms = 0;
  std::vector<group_lag> lag;
  /// Those that were too much to be looked at.
  std::uint64_t groups_without_lag = 0;
};

/// Registered for as long as it lives. Thread safe.
class group_metrics {
 public:
  group_metrics(metrics::registry& registry, const base::clock& clock,
                std::function<group_census()> take_census);

 private:
  [[nodiscard]] std::vector<metrics::series_value> lag_series();
  void add_gauge(metrics::registry& registry, std::string_view name, std::string_view help,
                 metrics::label_set labels, std::function<double(const group_census&)> value);

  recent_census<group_census> recent_;
  /// Last, so that no callback runs when the rest is gone.
  std::vector<metrics::callback_registration> series_;
};

}  // namespace tidelog::coordinator
