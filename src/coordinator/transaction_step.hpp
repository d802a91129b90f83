#pragma once
// What the state machine of transactions is given with each event, and how it says what is to be done (as group_step).

#include "group_step.hpp"
#include "transaction_records.hpp"

#include "tidelog/coordinator/transaction_types.hpp"

#include <utility>
#include <vector>

namespace tidelog::coordinator {

struct transaction_settings {
  std::int32_t max_timeout_ms = 0;
  std::int64_t id_expiration_ms = 0;
  /// How long an add waits for the end of the producer's last transaction.
  std::int32_t most_wait_for_end_ms = 0;
};

/// A transaction was decided: its markers are to be written.
struct marker_order {
  std::string transactional_id;
  model::transaction_end end;
  std::vector<model::topic_partition> partitions;
};

/// A transaction that is open in a partition, as its log knows it.
struct open_transaction {
  model::topic_partition where;
  producer_identity producer;
};

/// One event's passage through the transactions of a partition of __transaction_state. Lives while the event is handled.
class transaction_step {
 public:
  transaction_step() = default;
  transaction_step(const transaction_step&) = delete;
  transaction_step& operator=(const transaction_step&) = delete;
  virtual ~transaction_step() = default;

  [[nodiscard]] virtual steady_ms now_ms() const = 0;
  [[nodiscard]] virtual std::int64_t unix_now_ms() const = 0;
  [[nodiscard]] virtual const transaction_settings& settings() const = 0;
  /// Rises with every start of the broker.
  [[nodiscard]] virtual std::int32_t coordinator_epoch() const = 0;

  /// Appends the record; the state machine changes its state only when it was. Fails with not_available or not_coordinator.
  [[nodiscard]] virtual std::error_code write(const transaction_record& record) = 0;
  /// Where the log ends now.
  [[nodiscard]] virtual model::offset log_end() const = 0;
  /// Appends a marker at once, if its transaction is still open in the partition, without waiting for anything.
  virtual void append_marker(const model::topic_partition& where, const model::transaction_end& end) = 0;
  /// Once everything that was written so far is as durable as the topic promises, the markers are written, and then
  /// transaction_shard::markers_written() is called.
  virtual void order_markers(marker_order order) = 0;

  /// Answers once the log is durable to `end`, or with the error that prevents it.
  template <class Answer>
  void answer(reply<Answer> to, Answer value, model::offset end) {
    when_durable(end, [to = std::move(to), value = std::move(value)](std::error_code failure) mutable {
      if (failure) value.error = failure;
      to(std::move(value));
    });
  }
  template <class Answer>
  void answer_at_once(reply<Answer> to, Answer value) {
    at_once([to = std::move(to), value = std::move(value)]() mutable { to(std::move(value)); });
  }
  template <class Answer>
  void refuse(reply<Answer> to, std::error_code error) {
    Answer answer;
    answer.error = error;
    answer_at_once(std::move(to), std::move(answer));
  }

 protected:
  virtual void when_durable(model::offset end, base::unique_function<void(std::error_code)> told) = 0;
  virtual void at_once(base::task told) = 0;
};

}  // namespace tidelog::coordinator
