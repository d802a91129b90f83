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

scrub_metrics::scrub_metrics(metrics::registry& registry, const storage::log_scrubber& scrubber,
                             const storage::log_directory& directory) {
  const auto add_counter = [&](std::string_view name, std::string_view help, auto read) {
    series_.push_back(registry.add_callback_counter(
        name, help, {}, [&scrubber, read] { return static_cast<double>(read(scrubber.current())); }));
  };
  using figures = storage::log_scrubber::figures;
  add_counter("tidelog_scrub_segments", "Segments that were read through for damage.",
              [](const figures& now) { return now.segments; });
  add_counter("tidelog_scrub_bytes", "Bytes that were read for damage.",
              [](const figures& now) { return now.bytes; });
  add_counter("tidelog_scrub_unreadable_segments", "Segments that the disk did not give.",
              [](const figures& now) { return now.unreadable; });
  add_counter("tidelog_scrub_missing_segments",
              "Places between segments that were read through where one or more are missing.",
              [](const figures& now) { return now.gaps; });
  add_counter("tidelog_scrub_incomplete_transaction_indexes",
              "Segments that were read through whose index of rolled-back transactions lacks some.",
              [](const figures& now) { return now.incomplete_indexes; });
  add_counter("tidelog_scrub_rounds", "Rounds over all segments that have come to their end.",
              [](const figures& now) { return now.rounds; });
  series_.push_back(registry.add_callback_gauge(
      "tidelog_damaged_ranges", "Places in logs that are open that are known to be damaged on disk.", {},
      [&directory] { return static_cast<double>(directory.recovery().damaged_ranges); }));
}

cleaner_metrics::cleaner_metrics(metrics::registry& registry, const storage::log_cleaner& cleaner) {
  series_.push_back(registry.add_callback_gauge(
      "tidelog_cleaner_uncleanable_partitions",
      "Compacted partitions that could not be cleaned and are left alone for a while.", {},
      [&cleaner] { return static_cast<double>(cleaner.uncleanable().size()); }));
}

recovery_metrics::recovery_metrics(metrics::registry& registry, const storage::log_directory& directory) {
  const auto add_gauge = [&](std::string_view name, std::string_view help, auto read) {
    series_.push_back(registry.add_callback_gauge(
        name, help, {}, [&directory, read] { return static_cast<double>(read(directory.recovery())); }));
  };
  using totals = storage::recovery_totals;
  add_gauge("tidelog_recovery_logs_with_findings",
            "Logs that are open and whose files were not all as they should be.",
            [](const totals& of) { return of.logs_with_findings; });
  add_gauge("tidelog_recovery_set_aside_files",
            "Files beside logs that are open, with what stood behind a hole.",
            [](const totals& of) { return of.files_set_aside; });
  add_gauge("tidelog_recovery_set_aside_bytes", "Bytes in these files.",
            [](const totals& of) { return of.bytes_set_aside; });
  add_gauge("tidelog_recovery_rebuilt_indexes", "Indexes of logs that are open that had to be made again.",
            [](const totals& of) { return of.indexes_rebuilt; });
}

}  // namespace tidelog::app
