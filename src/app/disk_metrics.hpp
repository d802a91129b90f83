#pragma once
// What a scraper is told about the disk.

#include "tidelog/metrics/registry.hpp"
#include "tidelog/storage/free_space_watch.hpp"
#include "tidelog/storage/log_cleaner.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/storage/log_scrubber.hpp"

#include <vector>

namespace tidelog::app {

/// Registered as long as it lives; both references outlive it.
class disk_metrics {
 public:
  disk_metrics(metrics::registry& registry, const storage::free_space_watch& space);

 private:
  std::vector<metrics::callback_registration> series_;
};

/// What logs have found wrong with their files. Registered as long as it lives; both references outlive it.
class recovery_metrics {
 public:
  recovery_metrics(metrics::registry& registry, const storage::log_directory& directory);

 private:
  std::vector<metrics::callback_registration> series_;
};

/// What reading segments through for damage has come to. Registered as long as it lives; all references outlive it.
class scrub_metrics {
 public:
  scrub_metrics(metrics::registry& registry, const storage::log_scrubber& scrubber,
                const storage::log_directory& directory);

 private:
  std::vector<metrics::callback_registration> series_;
};

class cleaner_metrics {
 public:
  cleaner_metrics(metrics::registry& registry, const storage::log_cleaner& cleaner);

 private:
  std::vector<metrics::callback_registration> series_;
};

}  // namespace tidelog::app
