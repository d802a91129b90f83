#pragma once
// The transactional ids of one partition of __transaction_state, in their shell (coordinator_partition): markers are
// written when the decision is durable.

#include "coordinator_partition.hpp"
#include "marker_writer.hpp"
#include "transaction_shard.hpp"

#include "tidelog/coordinator/group_error.hpp"

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

/// `markers` outlives the partition, or is not used any more once it is given up.
struct transaction_partition_environment {
  std::shared_ptr<const transaction_settings_board> board;
  marker_writer& markers;
  coordinator_partition_environment shell;
};

/// Made as a shared_ptr. Thread safe. Once it is given up, no marker is written any more.
class transaction_partition final : public coordinator_partition {
 public:
  transaction_partition(std::shared_ptr<partition::partition> log,
                        transaction_partition_environment environment);

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

  /// What was done since it was loaded, and while it serves the transactional ids that there are.
  using tally = transaction_counts;
  [[nodiscard]] tally counts() const;
  /// The same without the ids.
  [[nodiscard]] tally work_done() const;

 private:
  class live_step;

  [[nodiscard]] std::uint64_t load_buffer_bytes() const override {
    return board_->current()->load_buffer_bytes;
  }
  [[nodiscard]] base::status replay(const model::record_batch_view& batch,
                                    const model::record_view& record) override;
  [[nodiscard]] base::status replay_control(const model::record_batch_view& batch) override;
  [[nodiscard]] answer_list finish_loading() override;
  [[nodiscard]] std::size_t kept_count() const override { return shard_.size(); }
  [[nodiscard]] steady_ms next_due_ms() const override;
  [[nodiscard]] answer_list end_waiting(std::error_code why) override;
  void stop_other_work() override { orders_->withdraw(); }

  std::error_code run(const std::function<void(transaction_step&)>& event);
  [[nodiscard]] std::error_code append(const transaction_record& record);
  [[nodiscard]] std::shared_ptr<transaction_partition> shared_self();
  void write_markers(marker_order order);
  void markers_written(const marker_order& order);

  const std::shared_ptr<const transaction_settings_board> board_;
  marker_writer& markers_;
  const std::shared_ptr<marker_writer::customer> orders_ = std::make_shared<marker_writer::customer>();
  transaction_shard shard_;
  /// Whose markers are durable, which could not be written down yet.
  std::vector<marker_order> unrecorded_;
};

}  // namespace tidelog::coordinator
