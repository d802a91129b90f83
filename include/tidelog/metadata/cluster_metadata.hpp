#pragma once
// The cluster's metadata: a log of changes (`__cluster_metadata-0`) and the image that they add up to.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/result.hpp"
#include "tidelog/io/file_system.hpp"
#include "tidelog/metadata/image.hpp"
#include "tidelog/metadata/records.hpp"
#include "tidelog/storage/log.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace tidelog::metadata {

struct cluster_metadata_settings {
  model::broker_id node_id{1};
  base::uuid directory_id;
  /// What the broker's own registration tells about it.
  std::vector<broker_endpoint> endpoints;
  std::optional<std::string> rack;
  /// A snapshot is taken when this much has been written to the log since the last one.
  std::uint64_t snapshot_interval_bytes = 20 * 1024 * 1024;
};

/// Opens the metadata log, replays it, and is from then on its only writer. Each opening begins a new epoch of the
/// metadata log, registers the broker anew and raises the leader epoch of every partition.
///
/// After a crash: the newest sound snapshot and the log behind it; what was answered was on disk, a torn tail was not. A
/// file beside the log tells how far that goes (note_recovery_point()); without it damage is taken for the log's end.
/// Thread safe. change() waits for the disk and is for worker threads; current() is for everybody.
class cluster_metadata {
 public:
  /// `environment` outlives what is opened. Fails with an errno, a storage error, corrupt_metadata,
  /// unsupported_record or unsupported_feature_level; nothing on disk has been changed then but a torn tail.
  [[nodiscard]] static base::result<std::unique_ptr<cluster_metadata>> open(
      const storage::log_environment& environment, const io::path& data_directory,
      cluster_metadata_settings settings);
  cluster_metadata(const cluster_metadata&) = delete;
  cluster_metadata& operator=(const cluster_metadata&) = delete;
  ~cluster_metadata();

  /// The newest image that is on disk.
  [[nodiscard]] image_ptr current() const;

  /// What a change wants written, computed from the image it will be applied to; an error leaves all as it is.
  using plan = std::function<base::result<std::vector<record>>(const image& before)>;
  /// Writes the planned records as one batch and returns the image with them once it is on disk. No records: the
  /// current image. Plans run one at a time, in the order of the calls.
  [[nodiscard]] base::result<image_ptr> change(const plan& make_records);

  /// The next block of producer ids, recorded before it is handed out; never the same twice.
  struct producer_id_block {
    model::producer_id first;
    std::int64_t count = 0;
  };
  [[nodiscard]] base::result<producer_id_block> allocate_producer_ids();

  /// What DescribeQuorum tells of the one voter.
  struct quorum_state {
    model::leader_epoch epoch;
    model::offset high_watermark;
    model::offset log_end;
    base::uuid directory_id;
    base::unix_ms last_append_ms = 0;
  };
  [[nodiscard]] quorum_state quorum() const;

  /// A sync found no room on the disk: no change succeeds until reopen().
  [[nodiscard]] bool is_out_of_room() const;
  /// Opens the log anew where is_out_of_room(), and returns the image, which has what was being changed then or not. Whoever
  /// was told that a change failed may find it made. Fails as open() does, and the log stays offline.
  [[nodiscard]] base::result<image_ptr> reopen();

  /// Notes how far the log is known to be on disk. What is found damaged below that at a start was answered for once: the
  /// start fails then, where it would otherwise take the damage for the end of the log. To be called now and then.
  [[nodiscard]] base::status note_recovery_point();

  /// Syncs and closes the log; without effect when done before. No call but current() and quorum() may follow.
  [[nodiscard]] base::status close();

 private:
  cluster_metadata(const storage::log_environment& environment, io::path directory,
                   cluster_metadata_settings settings);
  base::status open_log();
  [[nodiscard]] base::error damage(model::offset first, model::offset next) const;
  base::status replay(class image_builder& builder);
  base::result<std::int32_t> last_voted_epoch();
  base::status begin_epoch();
  /// Appends, waits for the disk and publishes. `lock` holds change_mutex_ and is released for the wait.
  base::result<image_ptr> write(const std::vector<record>& records, std::unique_lock<std::mutex>& lock);
  base::status append(const std::vector<std::vector<std::byte>>& batches);
  void publish(const image_ptr& next);
  void take_snapshot_when_due();

  const storage::log_environment environment_;
  const io::path directory_;
  const cluster_metadata_settings settings_;
  /// Changes under change_mutex_; who waits for it without that keeps it.
  std::shared_ptr<storage::log> log_;

  /// Guards the order of changes and what goes with it.
  mutable std::mutex change_mutex_;
  /// With what was appended but may not be on disk yet.
  image_ptr pending_;
  model::leader_epoch epoch_;
  std::uint64_t bytes_since_snapshot_ = 0;
  base::unix_ms last_append_ms_ = 0;
  bool closed_ = false;
  /// The log ended within one when it was replayed.
  bool has_open_transaction_ = false;
  model::offset noted_recovery_point_{0};

  mutable std::mutex current_mutex_;
  image_ptr current_;
};

}  // namespace tidelog::metadata
