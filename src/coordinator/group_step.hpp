#pragma once
// What a group's state machine is given with each event, and how it says what is to be done. State machines have no
// locks, threads, sockets or clocks: time comes in here, and what is to be written or answered goes out here.

#include "group_records.hpp"
#include "group_settings.hpp"
#include "steady_time.hpp"

#include "tidelog/base/result.hpp"
#include "tidelog/coordinator/group_types.hpp"
#include "tidelog/model/transaction_end.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace tidelog::coordinator {

struct topic_summary {
  std::string name;
  model::topic_id id;
  std::int32_t partition_count = 0;
};

/// The topics as they are now, to a state machine.
class topic_catalog {
 public:
  topic_catalog() = default;
  topic_catalog(const topic_catalog&) = delete;
  topic_catalog& operator=(const topic_catalog&) = delete;
  virtual ~topic_catalog() = default;
  [[nodiscard]] virtual std::optional<topic_summary> find(const std::string& name) const = 0;
  [[nodiscard]] virtual std::optional<topic_summary> find(const model::topic_id& id) const = 0;
  virtual void for_each(const std::function<void(const topic_summary&)>& visit) const = 0;
  /// Rises with every change of the topics.
  [[nodiscard]] virtual std::int64_t version() const = 0;
  /// The rack of the one broker there is.
  [[nodiscard]] virtual const std::optional<std::string>& rack() const = 0;
};

/// Who writes in a transaction; see transactional_commit_request.
struct transaction_writer {
  model::producer_id producer = model::no_producer_id;
  model::producer_epoch epoch = model::no_producer_epoch;
  std::optional<std::uint64_t> verified_at_marker;
};

/// One event's passage through the state machines of a partition of __consumer_offsets. Lives while the event is
/// handled.
class group_step {
 public:
  group_step() = default;
  group_step(const group_step&) = delete;
  group_step& operator=(const group_step&) = delete;
  virtual ~group_step() = default;

  [[nodiscard]] virtual steady_ms now_ms() const = 0;
  [[nodiscard]] virtual std::int64_t unix_now_ms() const = 0;
  [[nodiscard]] virtual const group_settings& settings() const = 0;
  /// What the group is configured to: its own values, else the broker's.
  [[nodiscard]] virtual consumer_group_overrides overrides_of(const std::string& group_id) const = 0;
  [[nodiscard]] virtual const topic_catalog& topics() const = 0;
  /// A new random member id, or part of one.
  [[nodiscard]] virtual std::string random_id() = 0;

  /// Appends all records or, failing, none; the state machine changes its state only when they were. Fails with
  /// not_available, or commit_too_large where they do not fit into one batch.
  [[nodiscard]] virtual std::error_code write(const std::vector<group_record>& records) = 0;
  /// As write(), in the producer's transaction: readers of the log are to pass the records over until it is committed.
  /// Also fails with what the log has against the producer (storage::errc).
  [[nodiscard]] virtual std::error_code write_in_transaction(const transaction_writer& who,
                                                             const std::vector<group_record>& records) = 0;
  /// Appends the marker. Fails as write_in_transaction().
  [[nodiscard]] virtual std::error_code write_transaction_end(const model::transaction_end& end) = 0;
  /// What one batch, and so one record, may hold at most.
  [[nodiscard]] virtual std::size_t max_write_bytes() const = 0;

  /// Answers once everything that was written so far is as durable as the topic promises, or with the error that
  /// prevents it. For whatever shows state.
  template <class Answer>
  void answer(reply<Answer> to, Answer value) {
    when_durable([to = std::move(to), value = std::move(value)](std::error_code failure) mutable {
      if (failure) value.error = failure;
      to(std::move(value));
    });
  }
  /// Answers without waiting: for heartbeats and refusals.
  template <class Answer>
  void answer_at_once(reply<Answer> to, Answer value) {
    at_once([to = std::move(to), value = std::move(value)]() mutable { to(std::move(value)); });
  }

 protected:
  virtual void when_durable(base::unique_function<void(std::error_code)> told) = 0;
  virtual void at_once(base::task told) = 0;
};

}  // namespace tidelog::coordinator
