#pragma once
// Checks one segment with its indexes, or one metadata snapshot: everything that can be told without the rest of the log.

#include "log_file_reader.hpp"
#include "log_finding.hpp"
#include "record_schema.hpp"
#include "transaction_check.hpp"

#include <nlohmann/json_fwd.hpp>

#include "tidelog/storage/leader_epoch_cache.hpp"

#include <atomic>
#include <functional>

namespace tidelog::tools {

/// Whether offsets may be missing between batches.
enum class offset_gaps { as_of_compaction, none };

struct segment_task {
  /// The data directory; `file` is below it.
  io::path root;
  io::path file;
  model::offset base{};
  /// Where the next segment begins; nothing for the last one.
  std::optional<model::offset> next_base{};
  log_content content = log_content::records;
  offset_gaps gaps = offset_gaps::none;
  /// Up to here all was on disk; nothing where that is not known.
  std::optional<model::offset> recovery_point{};
  /// Else the broker recovers the log: past the recovery point it ends where the first batch does not check.
  bool stopped_cleanly = false;
  [[nodiscard]] bool is_recovered_from(model::offset at) const {
    return !stopped_cleanly && at >= recovery_point.value_or(model::offset(0));
  }
  /// From the checkpoint, empty where there is none; outlives the check.
  const std::vector<storage::epoch_entry>* epochs = nullptr;
  /// Told each record of an internal log that could be opened.
  std::function<void(model::offset, const nlohmann::json&)> on_record{};
};

struct segment_report {
  std::vector<finding> findings;
  /// The offset after the last sound batch; the base where there is none.
  model::offset end{};
  /// The first of each leader epoch that the batches have.
  std::vector<storage::epoch_entry> epochs;
  /// A batch's epoch is not what the checkpoint says.
  bool epochs_differ = false;
  /// What stood at the segment's end does not check; it reaches up to the next one.
  bool damaged_to_the_end = false;
  /// A recovery ends the log in this segment, whatever follows.
  bool log_ends = false;
  /// Not all of the segment could be read: what the rest of the report says may not be all.
  bool unreadable = false;
  std::vector<transaction_event> transactions;
  std::uint64_t size_bytes = 0;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
};

/// `done_bytes` is added to as the work goes on. Ends early after Ctrl-C. What the disk does not give is a finding. Fails
/// with an errno.
[[nodiscard]] base::result<segment_report> check_segment(io::file_system& files, const segment_task& task,
                                                         std::atomic<std::uint64_t>& done_bytes);

}  // namespace tidelog::tools
