#pragma once
// One life of a data directory under the unchanged log, over a disk that stops, tears, reorders and refuses: what is done
// to it, when the machine stops and what then becomes of unsynced changes all follow from a seed. After each stop the
// directory is opened again, in which the machine may stop too, and everything is held against what had been promised
// (partition_promises.hpp). No thread decides anything, so a seed always tells the same story.

#include "partition_promises.hpp"
#include "support/fault_file_system.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace tidelog::test {

/// What many schedules came to.
struct schedule_figures {
  std::uint64_t schedules = 0;
  std::uint64_t appends = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t kills = 0;
  std::uint64_t stops_in_recovery = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t failed_operations = 0;
  std::uint64_t logs_offline = 0;
  std::uint64_t checks = 0;
  std::uint64_t bytes_set_aside = 0;
  /// The changes of the disk that a stop fell into: what was done, and to what kind of file.
  std::map<std::string, std::uint64_t> stopped_at;

  void add(const schedule_figures& other);
};

struct schedule {
  std::uint64_t seed = 0;
  /// The machine stops in the middle of this change of the disk in the first life; for_ever: it comes to its end.
  std::uint64_t cut = for_ever;
};

/// Changes of the disk in the first life when nothing stops it: each is a place to cut. Throws broken_promise.
[[nodiscard]] std::uint64_t count_changes(std::uint64_t seed);
/// Throws broken_promise.
void run(const schedule& what, schedule_figures& figures);

}  // namespace tidelog::test
