#include "disk_metrics.hpp"

namespace tidelog::app {

disk_metrics::disk_metrics(metrics::registry& registry, const storage::free_space_watch& space) {
  series_.push_back(registry.add_callback_gauge("tidelog_disk_full",
                                                "1 while new records are refused for want of room.", {},
                                                [&space] { return space.current().is_full ? 1.0 : 0.0; }));
  series_.push_back(registry.add_callback_gauge(
      "tidelog_disk_available_bytes", "Room on the file system of the data directory.", {},
      [&space] { return static_cast<double>(space.current().available_bytes); }));
  series_.push_back(registry.add_callback_gauge(
      "tidelog_disk_reserve_bytes", "Room that new records leave alone (log.free.space.min.bytes).", {},
      [&space] { return static_cast<double>(space.current().reserve_bytes); }));
  series_.push_back(
      registry.add_callback_counter("tidelog_disk_full_times", "How often the disk has become full.", {},
                                    [&space] { return static_cast<double>(space.current().times_full); }));
  series_.push_back(registry.add_callback_counter(
      "tidelog_disk_full_refusals", "Batches that were refused for want of room.", {},
      [&space] { return static_cast<double>(space.current().batches_refused); }));
}

}  // namespace tidelog::app
