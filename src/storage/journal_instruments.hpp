#pragma once
// What the commit journal counts.

#include "tidelog/metrics/registry.hpp"

namespace tidelog::storage {

struct journal_instruments {
  explicit journal_instruments(metrics::registry& in);

  metrics::counter& groups;
  metrics::counter& batches;
  metrics::counter& bytes;
  metrics::counter& batches_not_taken;
  metrics::counter& rounds;
  metrics::counter& whole_syncs;
  metrics::counter& failures;
  metrics::counter& batches_replayed;
  metrics::gauge& used_bytes;
  metrics::gauge& ring_bytes;
  /// In microseconds.
  metrics::histogram& sync;
};

}  // namespace tidelog::storage
