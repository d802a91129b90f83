#pragma once
// The parts of a log_directory: what is open, what is on disk besides, and what waits for its removal.

#include "log_directory_setup.hpp"

#include "tidelog/storage/checkpoint_file.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

namespace tidelog::storage {

/// What the checkpoint files say of one partition.
struct checkpointed_offsets {
  model::offset recovery_point{0};
  model::offset log_start{0};
  model::offset high_watermark{0};
  model::offset cleaned_end{0};
};

struct checkpointed_partition {
  model::topic_partition partition;
  checkpointed_offsets offsets;
};

/// Waits for nothing.
[[nodiscard]] checkpointed_offsets offsets_of(const log& open_log);

struct directory_to_remove {
  io::path path;
  base::unix_ms due_ms;
};

struct log_directory::core {
  core(const log_environment& given, io::path where, taken_directory what,
       const log_directory_options& options);

  [[nodiscard]] io::file_system& files() const { return environment.files; }
  [[nodiscard]] io::path path_of(const model::topic_partition& partition) const {
    return path / partition.text();
  }

  /// Reads the checkpoints and notes which directories there are.
  [[nodiscard]] base::status survey();

  [[nodiscard]] base::result<std::shared_ptr<log>> open_log(const log_request& request, when_missing missing);
  [[nodiscard]] base::status let_go(const model::topic_partition& partition);
  [[nodiscard]] base::status set_aside(const model::topic_partition& partition, directory_state state,
                                       base::unix_ms due_ms);
  [[nodiscard]] base::status write_checkpoints();
  [[nodiscard]] base::status close(base::worker_pool& pool, std::int64_t broker_epoch);
  [[nodiscard]] base::result<std::vector<found_partition>> list() const;
  std::size_t remove_deleted(base::unix_ms now_ms, std::size_t most);

  const log_environment environment;
  const io::path path;
  const taken_directory taken;
  const std::shared_ptr<whole_sync> whole;
  const std::size_t logs_worth_a_whole_sync;
  /// Kept by the logs too, which may outlive the directory.
  const std::shared_ptr<commit_journal> journal;
  start_kind start = start_kind::unclean;
  std::int64_t previous_broker_epoch = -1;

  /// Guards what follows; never held while waiting for the disk.
  mutable std::mutex mutex;
  std::unordered_map<model::topic_partition, std::shared_ptr<log>> open;
  /// What the log that was opened last is configured to: the next one is, mostly, configured alike and shares it.
  log_config_ptr last_config = std::make_shared<const log_config>();
  /// Partitions whose log is being opened just now, so that nobody else begins to.
  std::set<model::topic_partition> opening;
  /// Directories in use whose log is not open. Their lines in the checkpoints are kept.
  std::map<model::topic_partition, checkpointed_offsets> not_open;
  /// Partitions that the files on disk may have lines for but that are gone. A new log of that name must not take these
  /// lines for its own after a crash: its first records would be believed unchecked.
  std::set<model::topic_partition> stale_in_checkpoints;
  std::vector<directory_to_remove> to_remove;
  /// Those of them whose files may be anything, however the last run left them: a write or sync of them failed, or their
  /// opening did, perhaps halfway.
  std::set<model::topic_partition> not_to_be_trusted;
  /// Directories that did not say at the start which topic they are of, as long as there are leftovers in the journal that
  /// may be theirs.
  std::set<model::topic_partition> ownerless;

 private:
  [[nodiscard]] base::status read_journal();
  /// What the journal has of that directory's log is of use to nobody. False when the directory does not say whose it is.
  bool forget_in_journal(const io::path& directory, model::partition_index partition);
  /// That directory belongs to a known topic now, or to none.
  void note_owner(const model::topic_partition& partition);
  /// The journal goes on only when everybody has what it had for them: topics that are gone must not be waited for. Nothing
  /// while some directory does not say whose it is.
  void drop_leftovers_of_nobody(const std::vector<found_partition>& found);
  void look_for_leftovers_of_nobody();
  [[nodiscard]] base::status mark_in_use();
  [[nodiscard]] base::status begin_opening(const model::topic_partition& partition);
  [[nodiscard]] base::result<std::shared_ptr<log>> open_prepared(const log_request& request,
                                                                 when_missing missing);
  [[nodiscard]] base::status make_directory(const log_request& request);
  [[nodiscard]] base::status name_directory(const log_request& request);
  /// Whether there is one, which has the topic id then.
  [[nodiscard]] base::result<bool> find_directory(const log_request& request) const;
  /// What the checkpoints are to say, in no order. With `mutex` held.
  [[nodiscard]] std::vector<checkpointed_partition> to_be_checkpointed() const;
  [[nodiscard]] base::status write_if_changed(const char* name, const std::string& text);
  [[nodiscard]] base::status close_logs(base::worker_pool& pool);
  /// Whether all names of an earlier run are on disk: synced at once by whoever asks first, where there are many.
  [[nodiscard]] bool has_synced_names_of_before();
  /// Writes what the logs have to leave and syncs it at once, where they are many; returns whether that is so.
  [[nodiscard]] bool prepare_closing(base::worker_pool& pool, const std::vector<named_log>& logs);
  [[nodiscard]] bool every_log_is_complete() const;

  std::once_flag names_of_before_;
  std::atomic<bool> names_of_before_are_on_disk_{false};
  std::mutex marker_mutex_;
  bool in_use_ = false;
  /// One writer of checkpoints at a time. Guards what follows.
  std::mutex checkpoint_mutex_;
  /// There is a cleaner checkpoint that may have to be written anew; a directory in which nothing was ever cleaned has
  /// none.
  bool has_cleaner_checkpoint_ = false;
  /// Hashes of what was last written, of each file whose last replacement did not fail; the texts of many partitions would
  /// be worth their memory to nobody.
  std::map<std::string, std::size_t> written_;
};

}  // namespace tidelog::storage
