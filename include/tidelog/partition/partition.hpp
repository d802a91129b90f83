#pragma once
// One partition of this broker: its log, what its topic is configured to, and the fetches that wait for it.

#include "tidelog/base/result.hpp"
#include "tidelog/base/small_mutex.hpp"
#include "tidelog/base/small_shared_mutex.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/model/transaction_end.hpp"
#include "tidelog/model/types.hpp"
#include "tidelog/partition/batch_validation.hpp"
#include "tidelog/partition/fetch_waiter.hpp"
#include "tidelog/partition/partition_error.hpp"
#include "tidelog/storage/log.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

namespace tidelog::partition {

/// How far a log reaches.
struct log_reach {
  model::offset log_start;
  model::offset high_watermark;
  /// Where consumers that read only what is committed stop: below, every transaction has ended by a marker below the high
  /// watermark.
  model::offset last_stable;
};

/// What of a log somebody reads.
enum class read_level { everything, committed_only };

/// Shared by everybody who has looked it up; goes on existing, and refusing, after its topic was deleted. It is recovering
/// until open() has given it its log, offline when that failed or an I/O error took the log from it, and can then be opened
/// again. Thread safe. What waits for the disk says so; the rest may be called on a reactor.
class partition : public std::enable_shared_from_this<partition> {
 public:
  /// Without a log: recovering.
  partition(model::topic_partition name, model::topic_id topic_id, model::leader_epoch epoch,
            std::shared_ptr<const metadata::topic_config> config);
  partition(const partition&) = delete;
  partition& operator=(const partition&) = delete;

  [[nodiscard]] const model::topic_partition& name() const { return name_; }
  [[nodiscard]] const model::topic_id& topic_id() const { return topic_id_; }
  [[nodiscard]] model::leader_epoch leader_epoch() const { return model::leader_epoch(epoch_.load()); }
  [[nodiscard]] std::shared_ptr<const metadata::topic_config> config() const;

  /// Fails with unknown_partition, recovering, or offline, whose context is the reason.
  [[nodiscard]] base::status check_available() const;
  /// It is offline only because the disk had no room: it can be opened again when there is some.
  [[nodiscard]] bool is_out_of_room() const;
  /// Counts the logs that the partition has had. Who keeps what was read from one sees by it whether it is another now.
  [[nodiscard]] std::uint64_t openings() const { return openings_.load(); }
  /// Fails with fenced_leader_epoch or unknown_leader_epoch; -1 is every epoch.
  [[nodiscard]] base::status check_leader_epoch(model::leader_epoch known_to_client) const;

  /// Appends a batch that check_batch() has let pass under this partition's config. Fails as check_available() or
  /// storage::log::append().
  [[nodiscard]] base::result<storage::appended> append(
      base::byte_span batch, storage::append_origin origin,
      io::patience patience = io::patience::waits_for_disk,
      std::optional<std::uint64_t> verified_at_marker = std::nullopt);
  /// Appends the marker that ends a transaction here. Fails as append(), and with storage::errc::invalid_producer_epoch or
  /// coordinator_fenced where the producer or its coordinator is known in a later epoch.
  [[nodiscard]] base::result<storage::appended> append_transaction_end(const model::transaction_end& end,
                                                                       model::timestamp now);
  /// Counts the markers that the partition has taken, for append()'s `verified_at_marker`
  /// (storage::append_options::verified_at_marker). Never waits for an append, and never goes down, whatever logs the
  /// partition gets.
  [[nodiscard]] std::uint64_t markers_taken() const;
  /// As storage::log::when_committed().
  void when_committed(model::offset end, storage::log::committed_callback done);

  /// As storage::log::read(); also fails as check_available().
  [[nodiscard]] base::result<storage::read_slice> read(model::offset from, const storage::read_limit& limit,
                                                       storage::read_bound bound, io::patience reader);
  /// As storage::log::aborted_transactions(); also fails as check_available().
  [[nodiscard]] base::result<std::vector<storage::aborted_transaction>> aborted_transactions(
      model::offset from, model::offset end, io::patience reader);
  /// All at one moment. Fails as check_available().
  [[nodiscard]] base::result<log_reach> reach() const;
  /// These are no_offset without a log.
  [[nodiscard]] model::offset log_start_offset() const;
  [[nodiscard]] model::offset log_end_offset() const;
  [[nodiscard]] model::offset high_watermark() const;

  /// Where the epoch that `requested` falls in ended.
  [[nodiscard]] base::result<storage::epoch_end> end_offset_for(model::leader_epoch requested) const;
  [[nodiscard]] model::leader_epoch epoch_at(model::offset at) const;

  /// These wait for the disk.
  [[nodiscard]] base::result<std::optional<storage::timestamped_offset>> offset_for_timestamp(
      model::timestamp at);
  [[nodiscard]] base::result<std::optional<storage::timestamped_offset>> max_timestamp_offset();
  /// Moves the log start; -1 means to the high watermark. Returns the log start. Fails with deletion_not_allowed, or
  /// storage::errc::offset_out_of_range.
  [[nodiscard]] base::result<model::offset> delete_records_before(model::offset end);
  [[nodiscard]] base::result<std::uint64_t> size_bytes();
  [[nodiscard]] std::vector<storage::producer_description> producers() const;

  /// Hangs the waiter on the partition: it is told of what becomes readable at its level. False when there is something to
  /// tell at once: the log reaches further than `seen` says, at that level, or the partition is not available any more.
  [[nodiscard]] bool watch(const std::shared_ptr<fetch_waiter>& waiter, const log_reach& seen,
                           read_level level = read_level::everything);
  void unwatch(const std::shared_ptr<fetch_waiter>& waiter);

  // For the partition manager.

  /// Gets the log; gives up, if it can, once `given_up` is true. Nobody uses the log that the partition had before.
  using log_opener =
      base::unique_function<base::result<std::shared_ptr<storage::log>>(const std::atomic<bool>& given_up)>;
  /// Lets go of the log, if there is one that is offline, and takes the one that `opener` gets: a partition that is online
  /// stays as it is. Waits for the disk, through a recovery too. Fails with recovering when another call is at it; otherwise
  /// as check_available() does from then on.
  [[nodiscard]] base::status open(log_opener opener);
  void update_config(std::shared_ptr<const metadata::topic_config> config);
  /// This broker leads the partition in a new epoch, with the log that it has or will get.
  void begin_epoch(model::leader_epoch epoch);
  /// Fires every waiter.
  void wake_all();
  /// From now on every call fails with unknown_partition, and an opening that is under way gives up.
  void begin_retiring() { retired_.store(true, std::memory_order_release); }
  /// The same; returns when nobody uses the log any more. Waiters are woken.
  void retire();
  /// Does `work` with the log unless the partition is not available.
  template <class Work>
  void with_log(Work&& work) {
    const std::shared_lock use(in_use_);
    if (check_usable()) work(*log_);
  }

 private:
  struct waiter_list;

  /// As check_available(), under in_use_.
  [[nodiscard]] base::status check_usable() const;
  /// What markers_taken() begins with for the log that there is.
  [[nodiscard]] std::uint64_t markers_before() const { return openings_.load() << 32U; }
  void take(std::shared_ptr<storage::log> opened);

  const model::topic_partition name_;
  const model::topic_id topic_id_;
  std::atomic<std::int32_t> epoch_;
  std::atomic<bool> retired_{false};
  std::atomic<std::uint64_t> openings_{0};

  mutable base::small_mutex config_mutex_;
  std::shared_ptr<const metadata::topic_config> config_;

  /// Held through an opening.
  base::small_mutex opening_mutex_;

  /// Held shared while the log is used, so that retire() and open() can wait for those who are at it. Nobody else holds it
  /// alone: neither readers nor writers wait here. Guards what follows.
  mutable base::small_shared_mutex in_use_;
  std::shared_ptr<storage::log> log_;
  /// Why there is no log; nothing while it is recovering.
  std::unique_ptr<const base::error> why_offline_;

  /// Shared with the log's progress listener, which a sync that is under way may call after the partition has gone.
  const std::shared_ptr<waiter_list> waiters_;
};

/// The storage settings of a topic's configuration.
[[nodiscard]] storage::log_config log_config_of(const metadata::topic_config& config);

}  // namespace tidelog::partition
