#pragma once
// What a scraper is told about the disk.

#include "tidelog/metrics/registry.hpp"
#include "tidelog/storage/free_space_watch.hpp"

#include <vector>

namespace tidelog::app {

/// Registered as long as it lives; both references outlive it.
class disk_metrics {
 public:
  disk_metrics(metrics::registry& registry, const storage::free_space_watch& space);

 private:
  std::vector<metrics::callback_registration> series_;
};

}  // namespace tidelog::app
