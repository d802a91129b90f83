#pragma once
// All partitions of this broker, kept in step with the metadata image.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/small_mutex.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/metadata/cluster_metadata.hpp"
#include "tidelog/partition/partition.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tidelog::partition {

class out_of_room;

using partition_ptr = std::shared_ptr<partition>;

/// A topic with its partitions, in the order of their indexes. Immutable; partitions are shared.
struct hosted_topic {
  metadata::topic_ptr state;
  std::vector<partition_ptr> partitions;

  /// Null when the topic has no such partition.
  [[nodiscard]] partition_ptr find(model::partition_index index) const;
};
using hosted_topic_ptr = std::shared_ptr<const hosted_topic>;

/// The values under a topic's configuration that do not come from its own: see metadata::config_layers. Immutable and
/// shared, so that readers need no lock.
struct broker_layers {
  metadata::config_map configuration_file;
  metadata::config_map machine;
};

struct partition_manager_settings {
  model::broker_id node_id{1};
  broker_layers layers;
};

/// Lookups are for reactors. Everything else waits for the disk and is for worker threads. Thread safe.
class partition_manager {
 public:
  /// All references outlive the manager. The pool's threads open logs, which may take as long as a recovery does.
  partition_manager(storage::log_directory& directory, const base::clock& clock, base::worker_pool& opening,
                    partition_manager_settings settings);
  partition_manager(const partition_manager&) = delete;
  partition_manager& operator=(const partition_manager&) = delete;
  /// Stops, and waits for what is still going on in the background.
  ~partition_manager();

  /// Makes the partitions of the image, sets aside directories that no topic owns. After a clean stop the logs are open
  /// when this returns; one that does not open leaves its partition offline. After another stop the partitions are
  /// recovering, until recover() has come to them.
  void start(const metadata::image_ptr& image);
  using progress_callback = base::unique_function<void(std::size_t done, std::size_t total)>;
  /// Opens on the pool's threads the logs that start() has left, and returns at once: how many there are. A partition
  /// serves as soon as its own log is recovered. `progress`, which may be empty, is called after each on one of these
  /// threads, one call at a time. At stop() what is left is given up.
  std::size_t recover(progress_callback progress);
  /// Brings the partitions to what `image` says: makes and deletes them, and hands on configs and leader epochs. When it
  /// returns, what was created can be used; where a log could not be made, its partition is offline. Older images than the
  /// last are ignored.
  void apply(const metadata::image_ptr& image);
  /// Opens the log of an offline partition anew, on one of the pool's threads, and recovers it. `done` is called there, with
  /// what partition::open() has returned.
  void reopen(const partition_ptr& of, base::unique_function<void(base::status)> done);
  /// The partitions that are offline because there was no room on the disk, and are to be reopened now if there is some: at
  /// once, and then less and less often.
  [[nodiscard]] std::vector<partition_ptr> out_of_room_and_due();
  /// Told the reason when a partition goes offline because there is no room on the disk, on the thread that met it, which
  /// holds locks of its log. Set it before start().
  void set_out_of_room_listener(std::function<void(const base::error&)> listener);
  /// Told of partitions whose log was opened by recover() or reopen(), before these tell of it. Set it before that can be.
  void set_online_listener(std::function<void(const partition_ptr&)> listener);

  /// Null when there is none.
  [[nodiscard]] hosted_topic_ptr find(const std::string& topic) const;
  [[nodiscard]] hosted_topic_ptr find(const model::topic_id& id) const;
  [[nodiscard]] std::vector<hosted_topic_ptr> topics() const;

  /// The layers of values that `topic` is configured by under `image`; the result keeps alive what it points into.
  struct layers_of_topic {
    metadata::config_ptr topic;
    metadata::config_ptr broker;
    metadata::config_ptr cluster_wide;
    std::shared_ptr<const broker_layers> below;
    [[nodiscard]] metadata::config_layers view() const;
  };
  [[nodiscard]] layers_of_topic layers(const metadata::image& image, const std::string& topic) const;
  /// The values of the configuration file were read anew: topics that inherit from them change.
  void update_broker_layers(broker_layers layers);

  /// Records that were deleted stay deleted after a crash once this has returned.
  [[nodiscard]] base::status keep_log_starts() { return directory_.write_checkpoints(); }

  // Housekeeping, called now and then.

  void delete_old_segments();
  /// What is too much by size, with the removal of what may go at once, of logs that have rolled since the last call: so
  /// that size limits hold without a round over all partitions. Age is left to the rounds: who writes records that are
  /// old already has until then to read them, as with Kafka.
  void look_after_rolled_logs();
  /// Told when look_after_rolled_logs() has something to do, on an appending thread: it only wakes somebody. Set it
  /// before anybody appends.
  void set_roll_listener(std::function<void()> listener);
  void flush_due_logs();
  void sync_closed_segments();
  /// Logs that nobody uses take next to no memory and no descriptor afterwards; those that have not been synced for long
  /// are, a little later. Returns how many are in use or not synced yet. Called every few seconds by one thread.
  std::size_t rest_idle_logs();
  /// Takes its time: no more than half of it is spent in removing.
  void remove_deleted_files();
  /// Those that are at work on all partitions come to an end soon.
  void end_upkeep();
  /// `expiration_ms` is producer.id.expiration.ms.
  void expire_producers(std::int64_t expiration_ms);

  /// Every fetch that waits looks again.
  void wake_waiting_fetches();
  /// Retires every partition; their logs are closed by the log directory afterwards.
  void stop();

 private:
  struct table;
  struct rolled_list;

  [[nodiscard]] std::shared_ptr<const table> current() const;
  void publish(std::shared_ptr<const table> next);
  std::shared_ptr<const metadata::topic_config> config_of(const metadata::image& image,
                                                          const std::string& topic) const;
  hosted_topic_ptr bring_up(const metadata::image& image, const metadata::topic_ptr& state,
                            const hosted_topic_ptr& before);
  /// Directories that no partition of the image has a name for. One of another topic that had the same name is met when
  /// the partition is opened.
  void set_aside_strays(const metadata::image& image);
  base::status set_aside_stray(const model::topic_partition& which);
  /// So that as many partitions as can be serve early.
  void put_quick_recoveries_first(std::vector<partition_ptr>& all) const;
  base::status open(const partition_ptr& of);
  base::status open_and_tell(const partition_ptr& of);
  void in_background(base::task work);
  base::result<std::shared_ptr<storage::log>> open_log_of(const partition_ptr& of,
                                                          const std::atomic<bool>& given_up);
  void take_down(const hosted_topic_ptr& topic);
  void reconfigure(const metadata::image& image, const hosted_topic& topic) const;
  std::vector<partition_ptr> all_partitions() const;
  void delete_old_segments_of(const partition_ptr& of, base::unix_ms now_ms, storage::retention_rules by);
  void remove_deleted_files_of(const partition_ptr& of, base::unix_ms now_ms);
  /// Calls `remove_some`, which returns how many are left, until it removes no more, with rests in between.
  void remove_slowly(const std::function<std::size_t()>& remove_some) const;

  storage::log_directory& directory_;
  const base::clock& clock_;
  base::worker_pool& opening_;
  const model::broker_id node_id_;
  std::function<void(const partition_ptr&)> came_online_;

  /// Shared with the logs, which may roll while the manager goes.
  const std::shared_ptr<rolled_list> rolled_;
  /// Shared with the logs as well.
  const std::shared_ptr<out_of_room> out_of_room_;

  std::atomic<bool> upkeep_ends_{false};
  std::mutex background_mutex_;
  std::condition_variable background_is_over_;
  std::size_t background_tasks_ = 0;

  /// One application of an image at a time.
  std::mutex apply_mutex_;
  metadata::image_ptr applied_;

  mutable base::small_mutex table_mutex_;
  std::shared_ptr<const table> table_;
  std::shared_ptr<const broker_layers> layers_;
};

}  // namespace tidelog::partition
