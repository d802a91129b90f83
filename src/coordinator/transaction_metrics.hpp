#pragma once
// What a scraper learns of transactions. Counting looks at every transactional id, so it is done once for all series of a
// scrape.

#include "recent_census.hpp"
#include "transaction_shard.hpp"

#include "tidelog/metrics/registry.hpp"

#include <functional>
#include <vector>

namespace tidelog::coordinator {

struct transaction_census {
  transaction_counts counts;
  std::uint64_t partitions_loading = 0;
  /// Partitions that could not take their marker so far.
  std::uint64_t markers_waiting = 0;
};

/// Registered for as long as it lives. Thread safe.
class transaction_metrics {
 public:
  transaction_metrics(metrics::registry& registry, const base::clock& clock,
                      std::function<transaction_census()> take_census);

 private:
  recent_census<transaction_census> recent_;
  /// Last, so that no callback runs when the rest is gone.
  std::vector<metrics::callback_registration> series_;
};

}  // namespace tidelog::coordinator
