#pragma once
// A transaction_step for tests: time and settings are what the test says; what was written is kept; writes can be refused;
// answers and orders of markers wait until deliver(), as in the broker none runs in the middle of an event.

#include "transaction_step.hpp"

#include <deque>
#include <utility>
#include <vector>

namespace tidelog::test {

class fake_transaction_step final : public coordinator::transaction_step {
 public:
  // What a test sets.
  std::int64_t now = 1'000'000;
  std::int64_t unix_now = 1'700'000'000'000;
  std::int32_t epoch = 3;
  coordinator::transaction_settings config{
      .max_timeout_ms = 900'000, .id_expiration_ms = 604'800'000, .most_wait_for_end_ms = 100};
  /// Not empty: every write is refused with it.
  std::error_code refusal;
  /// Not empty: what hangs on durability fails with it.
  std::error_code not_durable;

  // What a test looks at.
  std::vector<coordinator::transaction_record> written;
  std::vector<coordinator::marker_order> orders;
  std::vector<std::pair<model::topic_partition, model::transaction_end>> markers;

  /// Both clocks go on.
  void pass(std::int64_t milliseconds) {
    now += milliseconds;
    unix_now += milliseconds;
  }
  void deliver() {
    while (!told_.empty()) {
      auto next = std::move(told_.front());
      told_.pop_front();
      next();
    }
  }
  [[nodiscard]] std::vector<coordinator::marker_order> take_orders() {
    deliver();
    return std::exchange(orders, {});
  }

  [[nodiscard]] coordinator::steady_ms now_ms() const override { return now; }
  [[nodiscard]] std::int64_t unix_now_ms() const override { return unix_now; }
  [[nodiscard]] const coordinator::transaction_settings& settings() const override { return config; }
  [[nodiscard]] std::int32_t coordinator_epoch() const override { return epoch; }
  [[nodiscard]] std::error_code write(const coordinator::transaction_record& record) override {
    if (refusal) return refusal;
    written.push_back(record);
    return {};
  }
  [[nodiscard]] model::offset log_end() const override {
    return model::offset(static_cast<std::int64_t>(written.size()));
  }
  void append_marker(const model::topic_partition& where, const model::transaction_end& end) override {
    markers.emplace_back(where, end);
  }
  void order_markers(coordinator::marker_order order) override {
    told_.emplace_back([this, order = std::move(order)] {
      if (!not_durable) orders.push_back(order);
    });
  }

 protected:
  void when_durable(model::offset /*end*/, base::unique_function<void(std::error_code)> told) override {
    told_.emplace_back([told = std::move(told), failure = not_durable]() mutable { told(failure); });
  }
  void at_once(base::task told) override { told_.push_back(std::move(told)); }

 private:
  std::deque<base::task> told_;
};

}  // namespace tidelog::test
