#pragma once
// Transactions (docs/transactions.md): which producer has a transactional id, which partitions its transaction is in, and
// how it ends. Everything that must survive is in __transaction_state, in Kafka's format; an id lives in the partition that
// it hashes to, as groups do, and all of a partition's ids are handled in order, one event at a time.
//
// Calls never wait but for what they write into the page cache; answers come when that is as durable as the topic promises,
// on any thread. Requests are refused as by the group coordinator: load_in_progress, not_coordinator, not_available.

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/coordinator/transaction_types.hpp"
#include "tidelog/metadata/config_effective.hpp"
#include "tidelog/metrics/registry.hpp"
#include "tidelog/partition/partition_manager.hpp"

#include <functional>
#include <memory>
#include <string>

namespace tidelog::coordinator {

/// The topic that transactions are kept in.
inline constexpr const char* transactions_topic = "__transaction_state";

/// The partition of __consumer_offsets, which is in `image`, that takes a group's offsets into a transaction.
[[nodiscard]] transaction_topic offsets_partition_of(const std::string& group_id,
                                                     const metadata::image& image);

/// References outlive the coordinator.
struct transaction_coordinator_environment {
  partition::partition_manager& partitions;
  /// Its partitions take markers, too.
  group_coordinator& groups;
  base::worker_pool& workers;
  const base::clock& clock;
  metrics::registry& metrics;
};

/// Thread safe.
class transaction_coordinator {
 public:
  transaction_coordinator(const transaction_coordinator_environment& environment,
                          const metadata::broker_config& config);
  transaction_coordinator(const transaction_coordinator&) = delete;
  transaction_coordinator& operator=(const transaction_coordinator&) = delete;
  /// As stop().
  ~transaction_coordinator();

  /// Where new producer ids come from; it may wait for the disk, and is called on a worker. Set it before requests come.
  using id_source = std::function<base::result<model::producer_id>()>;
  void set_id_source(id_source source);

  /// Follows the metadata: reads partitions of the topic that are new, on workers. Call it after
  /// partition_manager::apply().
  void apply(const metadata::image_ptr& image);
  /// As group_coordinator::log_was_opened().
  void log_was_opened(const partition::partition_ptr& of);
  void update_config(const metadata::broker_config& config);
  /// Every request that waits is answered with not_available, later ones too. Timers end, and no marker is written any more:
  /// what is decided goes on at the next start. Before group_coordinator::stop().
  void stop();

  /// What clients are told to use, by the cluster's features.
  [[nodiscard]] transaction_version version() const;

  void init_producer(init_producer_request request, reply<init_producer_answer> to);
  void add_partitions(add_partitions_request request, reply<add_partitions_answer> to);
  void end_transaction(end_transaction_request request, reply<end_transaction_answer> to);
  /// Writes a marker that nobody has decided on here: for tools. Told when it is durable, or why it could not be written.
  void write_marker(const model::topic_partition& where, const model::transaction_end& end,
                    reply<std::error_code> to);
  void describe(std::string transactional_id, reply<transaction_description> to);
  /// Of all partitions; looks at every transactional id. Matches a pattern: not for a reactor.
  void list(const list_transactions_request& request, reply<list_transactions_answer> to);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace tidelog::coordinator
