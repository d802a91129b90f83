#pragma once
// Writes the markers of decided transactions to their partitions, and tries again where one is not available. A partition
// whose topic is gone needs none.

#include "transaction_step.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/partition/partition_manager.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tidelog::coordinator {

struct marker_writer_environment {
  partition::partition_manager& partitions;
  group_coordinator& groups;
  base::worker_pool& workers;
  const base::clock& clock;
  /// Told when retry_due() is wanted.
  std::function<void(steady_ms)> wake_at;
};

/// Thread safe. Ends with its coordinator, which has stopped its orders before.
class marker_writer {
 public:
  explicit marker_writer(marker_writer_environment environment);
  marker_writer(const marker_writer&) = delete;
  marker_writer& operator=(const marker_writer&) = delete;
  ~marker_writer();

  /// Whoever has given orders, and may take all of them back: no marker is begun afterwards. Not even one that would come
  /// too late, into the producer's next transaction.
  class customer {
   public:
    void withdraw();

   private:
    friend class marker_writer;
    std::mutex mutex_;
    bool is_withdrawn_ = false;
  };
  /// `done` is called once every marker is durable, on a worker; never when the customer has withdrawn. Does not wait.
  void write(marker_order order, std::shared_ptr<customer> by, base::task done);

  /// Appends one marker, outside of every order. Told once it is durable, on any thread, or why it could not be appended.
  void append(const model::topic_partition& where, const model::transaction_end& end,
              reply<std::error_code> to);

  /// Appends a marker that was lost, if its transaction is still open in the partition; what comes of it is the operator's to
  /// hear.
  void append_again(const model::topic_partition& where, const model::transaction_end& end);

  /// Goes on with what had to wait. Returns when it wants to be called next.
  steady_ms retry_due(steady_ms now_ms);
  /// Partitions that have a marker outstanding which could not be written at first.
  [[nodiscard]] std::size_t waiting() const;
  /// Nothing is begun any more, and nothing called; waits for what is under way on workers.
  void stop();

 private:
  struct job;
  struct shared;

  const std::shared_ptr<shared> shared_;
};

}  // namespace tidelog::coordinator
