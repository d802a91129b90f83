#pragma once
// Which leader epoch began at which offset. Clients and followers find a truncation by it.
//
// File `leader-epoch-checkpoint` in the partition's directory, text, as Kafka has it:
//   0              version
//   2              number of entries
//   0 0            epoch, start offset
//   2 1530
// Epochs and start offsets both rise strictly.

#include "tidelog/io/file_system.hpp"
#include "tidelog/model/types.hpp"

#include <optional>
#include <vector>

namespace tidelog::storage {

struct epoch_entry {
  model::leader_epoch epoch;
  model::offset start_offset;
  friend bool operator==(const epoch_entry&, const epoch_entry&) = default;
};

/// The answer of OffsetForLeaderEpoch. Both are -1 when the epoch is newer than any known one.
struct epoch_end {
  model::leader_epoch epoch = model::no_leader_epoch;
  model::offset end_offset = model::no_offset;
  friend bool operator==(const epoch_end&, const epoch_end&) = default;
};

/// The epochs of one log. Changes happen in memory; flush() puts them into the file. A file that is older than the log
/// is made whole from the batch headers (assign() with each batch's epoch and base offset while recovering), so only
/// truncations and a clean stop must flush.
/// Not thread safe: belongs to the log and is guarded as the log guards its state.
class leader_epoch_cache {
 public:
  static constexpr const char* file_name = "leader-epoch-checkpoint";

  /// Reads the file. Where there is none, or an empty one as Kafka makes it for a new partition, the cache is empty. Fails
  /// with errc::corrupt_checkpoint or unknown_format_version, or an errno, and is empty then too: rebuild it from the
  /// batch headers with assign().
  enum class file_state { loaded, missing };
  [[nodiscard]] base::result<file_state> load(io::file_system& files, const io::path& partition_directory);
  /// Writes the file, whole and durably, when something has changed since it was read or written.
  [[nodiscard]] base::status flush(io::file_system& files, const io::path& partition_directory);
  // The same in two steps, as io::write_replacement().
  [[nodiscard]] base::status write_aside(io::file_system& files, const io::path& partition_directory) const;
  [[nodiscard]] base::status put_in_place(io::file_system& files, const io::path& partition_directory);

  /// From `start_offset` on, batches carry `epoch`. An epoch that is the newest already keeps its earlier beginning.
  /// Entries that contradict it (a newer epoch, a later start, or an older epoch with the same start) are dropped, as the
  /// log now says otherwise.
  void assign(model::leader_epoch epoch, model::offset start_offset);

  [[nodiscard]] std::optional<model::leader_epoch> latest_epoch() const;
  /// The epoch that the record at `at` was written in; nothing when it is before the first entry.
  [[nodiscard]] std::optional<model::leader_epoch> epoch_at(model::offset at) const;
  /// Where the log's part with epochs up to `requested` ends: the largest known epoch not above it, and the
  /// offset where the next one starts (`log_end` for the latest).
  [[nodiscard]] epoch_end end_offset_for(model::leader_epoch requested, model::offset log_end) const;

  /// The log now ends at `end`: entries that start there or later go.
  void truncate_from_end(model::offset end);
  /// The log now begins at `start`: entries that end there or before go, the one that covers it begins there.
  void truncate_from_start(model::offset start);
  void clear();

  [[nodiscard]] const std::vector<epoch_entry>& entries() const { return entries_; }

 private:
  [[nodiscard]] std::string text() const;

  std::vector<epoch_entry> entries_;
  bool dirty_ = false;
};

}  // namespace tidelog::storage
