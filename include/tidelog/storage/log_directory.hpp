#pragma once
// The data directory: everything the daemon keeps, laid out as Apache Kafka does (log.dirs).
//
//   .lock                              held while somebody uses the directory
//   meta.properties                    whose it is (meta_properties.hpp)
//   .kafka_cleanshutdown               only between a clean stop and the next use: no log needs recovery
//   commit-journal                     small durable appends until their segments are synced (journal_file.hpp)
//   *-offset-checkpoint                recovery points, log starts, high watermarks, ends of what has been cleaned
//                                      (checkpoint_file.hpp)
//   TOPIC-PARTITION/                   a log (log.hpp) and partition.metadata (partition_metadata.hpp)
//   TOPIC-PARTITION.UUIDHEX-delete/    waiting for its removal (log_directory_names.hpp)
//
// Life: open(), which leaves the logs as they are; open_log() for each; now and then write_checkpoints() and
// remove_deleted(); close(). Without close() the next start recovers each log from its recovery point.
// A log that cannot be opened, closed or deleted does not keep the others from it.

#include "tidelog/base/worker_pool.hpp"
#include "tidelog/metrics/registry.hpp"
#include "tidelog/storage/log.hpp"
#include "tidelog/storage/log_directory_names.hpp"
#include "tidelog/storage/meta_properties.hpp"

#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tidelog::storage {

struct log_directory_options {
  /// What an existing directory must say, and what a new one gets; where nothing is given, an existing one is taken as it
  /// is, and a new one gets node 1 and a random cluster id.
  std::optional<model::broker_id> node_id;
  std::optional<std::string> cluster_id;
  /// Of the commit journal's ring, at most (log.commit.journal.bytes); 0 for none.
  std::uint64_t journal_bytes = 0;
  /// What the ring begins with, where that is less; it grows where a round of syncs would have fewer bytes for each log than
  /// the second figure.
  std::uint64_t journal_first_bytes = std::uint64_t{64} * 1024 * 1024;
  std::uint64_t journal_bytes_for_each_log = std::uint64_t{128} * 1024;
  /// Logs whose descriptors the journal may keep open until their segments are synced, about twice as many at times.
  std::size_t journal_logs_in_a_round = 1024;
  /// Where so many logs have segments to be synced for the journal, the whole file system is synced in their place. Fewer are
  /// synced one by one about as fast, while others are kept waiting for a shorter time.
  std::size_t whole_sync_from_logs = 2048;
  /// The same for starts and stops, when nobody waits for an acknowledgement.
  std::size_t whole_sync_at_rest_from_logs = 64;
  /// Where the journal counts; nothing: nowhere. Outlives the directory and its logs.
  metrics::registry* metrics = nullptr;
  /// Who calls the journal to work; nothing: threads of its own. Outlives the directory and its logs.
  committer* journal_worker = nullptr;
};

/// A partition's directory, in whatever state.
struct found_partition {
  std::string directory_name;
  model::topic_partition partition;
  directory_state state = directory_state::in_use;
  /// Nothing where partition.metadata is missing or damaged.
  std::optional<model::topic_id> topic_id;
};

struct log_request {
  model::topic_partition partition;
  model::topic_id topic_id;
  log_config config;
  /// As log_open_options::given_up.
  const std::atomic<bool>* given_up = nullptr;
};

enum class when_missing { create, fail };

/// What the logs that are open have found wrong with their files, for metrics.
struct recovery_totals {
  std::uint64_t logs_with_findings = 0;
  std::uint64_t files_set_aside = 0;
  std::uint64_t bytes_set_aside = 0;
  std::uint64_t damaged_ranges = 0;
  std::uint64_t indexes_rebuilt = 0;
};

struct named_log {
  model::topic_partition partition;
  std::shared_ptr<log> opened;
};

/// Thread safe. Everything here but the getters and find() waits for the disk.
class log_directory {
 public:
  /// Takes the directory, which is made and given ids when it is missing or empty. Fails with not_a_data_directory,
  /// directory_locked, directory_not_writable, wrong_node_id, wrong_cluster_id, corrupt_meta_properties,
  /// unknown_format_version, or an errno. `environment` outlives it.
  [[nodiscard]] static base::result<std::unique_ptr<log_directory>> open(
      const log_environment& environment, io::path directory, const log_directory_options& options);
  /// Lets go of the lock; logs that are still open are not closed cleanly.
  ~log_directory();
  log_directory(const log_directory&) = delete;
  log_directory& operator=(const log_directory&) = delete;

  [[nodiscard]] const io::path& path() const;
  [[nodiscard]] const meta_properties& properties() const;
  /// How the one before left the directory; clean for a new one.
  [[nodiscard]] start_kind start() const;
  /// From the marker of a clean stop; -1 where it is not known.
  [[nodiscard]] std::int64_t previous_broker_epoch() const;
  /// Every partition directory there is now; others are left alone.
  [[nodiscard]] base::result<std::vector<found_partition>> list() const;

  /// Opens the partition's log and keeps it for find(), checkpoints and close(). A new directory is durable when this
  /// returns. Fails with unknown_partition (when_missing::fail), partition_exists (it is open), topic_id_mismatch, as
  /// log::open() does, or with an errno. A directory without topic id gets the one asked for.
  [[nodiscard]] base::result<std::shared_ptr<log>> open_log(const log_request& request, when_missing missing);
  /// Closes the log, which is offline, without a clean close, so that it can be opened again: as after an I/O error, like
  /// one that could not be opened before. Fails with unknown_partition when it is not open. Nobody appends to it any more.
  [[nodiscard]] base::status let_go(const model::topic_partition& partition);
  [[nodiscard]] std::shared_ptr<log> find(const model::topic_partition& partition) const;
  /// Of a log that is not open, how many records its recovery is going to read, as far as the checkpoints tell: a hint which
  /// log is the smaller one.
  [[nodiscard]] std::int64_t records_to_recover(const model::topic_partition& partition) const;
  /// Those that are in use, by name, also where the log is not open: it is being recovered, or could not be opened. The
  /// metadata log is looked after by its owner and not among them.
  [[nodiscard]] std::set<model::topic_partition> partitions() const;
  /// The logs that are open, in no particular order. They may be closed at any time.
  [[nodiscard]] std::vector<named_log> logs() const;
  [[nodiscard]] recovery_totals recovery() const;

  /// Closes the log, if it is open, and sets its directory aside; remove_deleted() removes it from `due_ms` on. Nobody
  /// else uses the log any more. Fails with unknown_partition or an errno. When a crash undoes the renaming, before
  /// sync_names(), the directory is found again under a topic id that the metadata no longer has.
  [[nodiscard]] base::status delete_log(const model::topic_partition& partition, base::unix_ms due_ms);
  /// Sets aside a directory that the metadata does not know, for the operator to look at. It is not open.
  [[nodiscard]] base::status set_aside_stray(const model::topic_partition& partition);
  /// Directories that were set aside keep their new names through a power cut.
  [[nodiscard]] base::status sync_names();
  /// Removes directories that are due, so many at most, those that an earlier run left behind too; returns how many are
  /// still waiting. A failed removal is reported and tried again at the next call.
  std::size_t remove_deleted(base::unix_ms now_ms,
                             std::size_t most = std::numeric_limits<std::size_t>::max());

  /// Writes recovery points, log starts, high watermarks and ends of what has been cleaned, where they have changed.
  [[nodiscard]] base::status write_checkpoints();

  /// Where so many logs have something to be synced that it is worth it, syncs the whole file system, so that the logs' own
  /// syncs find all of it on disk. Waits for the disk.
  void sync_together(std::size_t logs);

  /// The clean stop: closes all logs on the pool's threads, writes the checkpoints and, when every log is complete, the
  /// marker. Returns the first failure; the next start then recovers. Nobody else uses the logs any more.
  [[nodiscard]] base::status close(base::worker_pool& pool, std::int64_t broker_epoch);

 private:
  struct core;
  explicit log_directory(std::unique_ptr<core> parts);

  std::unique_ptr<core> core_;
};

}  // namespace tidelog::storage
