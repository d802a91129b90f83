#pragma once
// The shell around the transactional ids of one partition of __transaction_state: one event at a time, records into the
// partition's log, answers when they are durable, then markers; and at the beginning the reading of what is there.

#include "log_record_reader.hpp"
#include "marker_writer.hpp"
#include "transaction_shard.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/coordinator/group_error.hpp"
#include "tidelog/partition/partition.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace tidelog::coordinator {

/// What transactions are configured to, as it is now. Thread safe.
class transaction_settings_board {
 public:
  struct content {
    transaction_settings settings;
    std::uint64_t load_buffer_bytes = 0;
    /// How records are written.
    transaction_version version = transaction_version::plain;
  };
  [[nodiscard]] std::shared_ptr<const content> current() const {
    const std::lock_guard lock(mutex_);
    return content_;
  }
  void publish(const content& next) {
    const std::lock_guard lock(mutex_);
    content_ = std::make_shared<const content>(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const content> content_ = std::make_shared<const content>();
};

/// References outlive the partition, or are not used any more once it is given up.
struct transaction_partition_environment {
  std::shared_ptr<const transaction_settings_board> board;
  marker_writer& markers;
  base::worker_pool& workers;
  const base::clock& clock;
  /// Told, from under the partition's lock, when something may be due at that time.
  std::function<void(steady_ms)> wake_at;
};

/// Made as a shared_ptr. Thread safe.
class transaction_partition : public std::enable_shared_from_this<transaction_partition> {
 public:
  transaction_partition(std::shared_ptr<partition::partition> log,
                        transaction_partition_environment environment);

  /// As group_partition::load().
  void load();
  [[nodiscard]] std::uint64_t openings_at_load() const { return openings_at_load_.load(); }
  [[nodiscard]] const std::shared_ptr<partition::partition>& log() const { return log_; }

  /// Gives the request to the shard, or refuses it with load_in_progress or why the partition was given up. Answers that
  /// wait come on any thread.
  template <class Request, class Answer>
  void handle(void (transaction_shard::*event)(transaction_step&, Request, reply<Answer>), Request request,
              reply<Answer> to) {
    auto give_to_shard = [&](transaction_step& step) {
      (shard_.*event)(step, std::move(request), std::move(to));
    };
    const auto refusal = run(std::ref(give_to_shard));
    if (!refusal) return;
    Answer answer;
    answer.error = refusal;
    to(std::move(answer));
  }
  /// Fails as handle() refuses.
  [[nodiscard]] std::error_code list(const list_transactions_request& request,
                                     std::vector<transaction_listing>& into) const;

  /// Does what is due.
  void advance();
  void abort_overdue();
  void end_hanging(const std::vector<open_transaction>& open);
  void forget_unused();
  /// Every request that waits, and every later one, is answered with `error`; no marker is written any more.
  void give_up(std::error_code error);

  [[nodiscard]] steady_ms next_deadline_ms() const { return next_deadline_.load(); }
  [[nodiscard]] bool is_loading() const { return stage_.load() == stage::loading; }
  [[nodiscard]] transaction_counts counts() const;

 private:
  class live_step;
  enum class stage { loading, serving, given_up };
  /// What is to be done after an event, outside the lock: at once, or when the log is durable to `end`.
  struct told {
    model::offset end;
    base::unique_function<void(std::error_code)> when_durable;
    base::task at_once;
  };

  std::error_code run(const std::function<void(transaction_step&)>& event);
  [[nodiscard]] std::error_code refusal() const;
  void note_deadline();
  void send(std::vector<told> answers);
  void durability_failed(const base::error& why);
  [[nodiscard]] std::error_code append(const transaction_record& record);
  void write_markers(marker_order order);
  void markers_written(const marker_order& order);
  [[nodiscard]] base::status replay(const model::record_view& record);
  void load_some();
  void serve();

  const std::shared_ptr<partition::partition> log_;
  const transaction_partition_environment environment_;
  const std::shared_ptr<marker_writer::customer> markers_ = std::make_shared<marker_writer::customer>();

  mutable std::mutex mutex_;
  std::atomic<stage> stage_{stage::loading};
  std::error_code why_given_up_;
  std::atomic<bool> is_failing_{false};
  /// The operator was told that nothing can be written, and nothing could be since.
  bool writes_fail_ = false;
  /// While loading it belongs to the one task that loads, without the lock; afterwards to who holds the lock.
  transaction_shard shard_;
  model::offset end_{0};
  /// Whose markers are durable, which could not be written down yet.
  std::vector<marker_order> unrecorded_;
  std::atomic<steady_ms> next_deadline_{no_deadline};

  std::atomic<std::uint64_t> openings_at_load_{0};
  std::unique_ptr<log_record_reader> reader_;
  steady_ms load_started_ms_ = 0;
};

}  // namespace tidelog::coordinator
