#pragma once
// Consumer groups: who is in them, who reads what, and how far they have come. Everything that must survive is in
// __consumer_offsets, in Kafka's formats; a group lives in the partition that its id hashes to, and all of a partition's
// groups are handled in order, one event at a time.
//
// Calls never wait: an event is handled on the calling thread under its partition's lock, what it writes goes to the
// page cache, and answers come when that is as durable as the topic promises, on any thread. Calls for a partition that
// is still being read, or recovered before that, are answered with load_in_progress, for one that could not be read with
// not_coordinator, and with not_available while the topic does not exist yet or when everything stops.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/coordinator/group_types.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/metrics/registry.hpp"
#include "tidelog/model/transaction_end.hpp"
#include "tidelog/partition/partition_manager.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidelog::coordinator {

/// The topic that groups are kept in.
inline constexpr const char* offsets_topic = "__consumer_offsets";

/// The partition of __consumer_offsets that a group lives in, and that of __transaction_state of a transactional id: the
/// absolute value of Java's hash of the id's UTF-16 code units, modulo `partition_count`.
[[nodiscard]] std::int32_t partition_of_group(const std::string& group_id, std::int32_t partition_count);

/// References outlive the coordinator.
struct group_coordinator_environment {
  partition::partition_manager& partitions;
  base::worker_pool& workers;
  const base::clock& clock;
  metrics::registry& metrics;
};

/// Thread safe.
class group_coordinator {
 public:
  group_coordinator(const group_coordinator_environment& environment, const metadata::broker_config& config);
  group_coordinator(const group_coordinator&) = delete;
  group_coordinator& operator=(const group_coordinator&) = delete;
  /// As stop().
  ~group_coordinator();

  /// Follows the metadata: reads partitions of the offsets topic that are new (on workers), lets groups know of topics
  /// that were made, grown or deleted, and drops the offsets of deleted ones. Call it after partition_manager::apply().
  void apply(const metadata::image_ptr& image);
  /// The partition has another log than it had: where it is one of the offsets topic, its groups are read from that log.
  void log_was_opened(const partition::partition_ptr& of);
  void update_config(const metadata::broker_config& config);
  /// Every request that waits is answered with not_available, which makes clients ask again and look for no other
  /// coordinator; later calls too. Timers end.
  void stop();

  void join(join_request request, reply<join_answer> to);
  void sync(sync_request request, reply<sync_answer> to);
  /// While its group is read, a member is taken at its word: there are clients that give up at any answer but a good one.
  void heartbeat(heartbeat_request request, reply<heartbeat_answer> to);
  void leave(leave_request request, reply<leave_answer> to);
  void consumer_heartbeat(consumer_heartbeat_request request, reply<consumer_heartbeat_answer> to);

  void commit_offsets(commit_request request, reply<commit_answer> to);
  /// Written at once; counts, and is seen, when end_transaction() says that the transaction is committed.
  void commit_offsets_in_transaction(transactional_commit_request request, reply<commit_answer> to);
  /// Ends the producer's transaction in a partition of the offsets topic: writes the marker there, whether or not the
  /// transaction has written anything, and commits or drops the offsets that it holds. A second end changes nothing.
  void end_transaction(std::int32_t partition, const model::transaction_end& end,
                       reply<transaction_end_answer> to);
  void fetch_offsets(fetch_offsets_request request, reply<fetch_offsets_answer> to);
  void delete_offsets(delete_offsets_request request, reply<delete_offsets_answer> to);
  /// The group with its offsets; refused while it has members.
  void delete_group(std::string group_id, reply<delete_group_answer> to);

  /// Of all partitions; looks at every group.
  void list_groups(reply<list_groups_answer> to);
  void describe_classic(std::string group_id, reply<classic_description> to);
  void describe_consumer(std::string group_id, reply<consumer_description> to);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace tidelog::coordinator
