#pragma once
// All transactional ids of one partition of __transaction_state: a state machine (see transaction_step.hpp), whose shell is
// transaction_partition. docs/transactions.md has the states.

#include "transaction_state.hpp"
#include "transaction_step.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidelog::coordinator {

/// For the metrics.
struct transaction_counts {
  static constexpr std::size_t statuses = static_cast<std::size_t>(transaction_status::complete_abort) + 1;
  /// Transactional ids, by status.
  std::array<std::uint64_t, statuses> ids{};
  std::uint64_t committed = 0;
  std::uint64_t aborted = 0;
  /// Of those aborted: because their time was over.
  std::uint64_t timed_out = 0;
  transaction_counts& operator+=(const transaction_counts& more);
};

/// Not thread safe: events come one at a time, each with a step of its own.
class transaction_shard {
 public:
  transaction_shard() = default;
  transaction_shard(const transaction_shard&) = delete;
  transaction_shard& operator=(const transaction_shard&) = delete;

  // Requests.
  void init_producer(transaction_step& step, init_producer_request request, reply<init_producer_answer> to);
  void add_partitions(transaction_step& step, add_partitions_request request,
                      reply<add_partitions_answer> to);
  void end_transaction(transaction_step& step, end_transaction_request request,
                       reply<end_transaction_answer> to);
  void describe(transaction_step& step, std::string transactional_id, reply<transaction_description> to);
  /// Adds those that the request asks for but for its pattern.
  void list(std::int64_t unix_now_ms, const list_transactions_request& request,
            std::vector<transaction_listing>& into) const;

  // What happens otherwise.
  /// The markers of an order are durable. Fails as transaction_step::write(): it is to be told again later.
  [[nodiscard]] std::error_code markers_written(transaction_step& step, const marker_order& order);
  /// Answers those who have waited long enough.
  void advance(transaction_step& step);
  [[nodiscard]] std::optional<steady_ms> next_deadline_ms() const;
  /// Aborts transactions whose time is over.
  void abort_overdue(transaction_step& step);
  /// Ends those of the transactions that belong to one of these ids and are over for all it knows: a partition that is not
  /// synced for each batch may have lost its marker in a power cut, and would hold up its readers for ever.
  void end_hanging(transaction_step& step, const std::vector<open_transaction>& open);
  /// Forgets ids that were not used for long.
  void forget_unused(transaction_step& step);
  /// Those who wait are answered with `error`, and nothing is left.
  void give_up(transaction_step& step, std::error_code error);

  // Loading: every record in the order of the log, then loaded().
  void replay(const transaction_record& record);
  void loaded(transaction_step& step);

  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] transaction_counts counts() const;

 private:
  using state_map = std::unordered_map<std::string, transaction_state>;
  using entry = state_map::value_type;
  /// An add that waits for the end of the producer's last transaction.
  struct waiting_add {
    add_partitions_request request;
    reply<add_partitions_answer> to;
    steady_ms deadline_ms;
  };

  /// Writes the state and takes it over, or does nothing.
  [[nodiscard]] static std::error_code take_over(transaction_step& step, entry& of, transaction_state next);
  void init_new(transaction_step& step, const init_producer_request& request, reply<init_producer_answer> to);
  void init_again(transaction_step& step, entry& of, const init_producer_request& request,
                  reply<init_producer_answer> to);
  void add_missing(transaction_step& step, entry& of, const add_partitions_request& request,
                   reply<add_partitions_answer> to);
  void end_open(transaction_step& step, entry& of, const end_transaction_request& request,
                reply<end_transaction_answer> to);
  /// By a newer producer, or for its time; or by its own, which knows the epoch `who_may_go_on` and is let in again.
  [[nodiscard]] std::error_code abort_from_outside(transaction_step& step, entry& of,
                                                   model::producer_epoch who_may_go_on);
  /// How a transaction of the producer has ended, if it is over; nothing while it may go on.
  [[nodiscard]] static std::optional<model::transaction_end> end_of_past(const transaction_state& known,
                                                                         const producer_identity& producer);
  static void order_markers(transaction_step& step, const entry& of);
  void let_waiting_go_on(transaction_step& step, const std::string& transactional_id);

  state_map by_id_;
  std::vector<waiting_add> waiting_;
  std::uint64_t committed_ = 0;
  std::uint64_t aborted_ = 0;
  std::uint64_t timed_out_ = 0;
};

}  // namespace tidelog::coordinator
