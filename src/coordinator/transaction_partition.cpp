#include "transaction_partition.hpp"

#include "tidelog/model/record_batch_builder.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// When a completed transaction that could not be written down is tried again.
constexpr steady_ms unrecorded_retry_ms = 500;

}  // namespace

/// One event's passage, under the partition's lock.
class transaction_partition::live_step final : public transaction_step {
 public:
  explicit live_step(transaction_partition& owner)
      : owner_(owner),
        board_(owner.board_->current()),
        now_ms_(steady_now_ms(owner.clock())),
        unix_now_ms_(owner.clock().now_ms()) {}

  [[nodiscard]] steady_ms now_ms() const override { return now_ms_; }
  [[nodiscard]] std::int64_t unix_now_ms() const override { return unix_now_ms_; }
  [[nodiscard]] const transaction_settings& settings() const override { return board_->settings; }
  [[nodiscard]] std::int32_t coordinator_epoch() const override {
    return owner_.log()->leader_epoch().value();
  }
  [[nodiscard]] std::error_code write(const transaction_record& record) override {
    return owner_.append(record);
  }
  [[nodiscard]] model::offset log_end() const override { return owner_.end(); }
  void append_marker(const model::topic_partition& where, const model::transaction_end& end) override {
    owner_.markers_.append_again(where, end);
  }
  void order_markers(marker_order order) override {
    told_.add(owner_.end(),
              [self = owner_.shared_self(), order = std::move(order)](std::error_code failure) mutable {
                if (!failure) self->write_markers(std::move(order));
              });
  }
  [[nodiscard]] answer_list take_answers() { return std::move(told_); }

 protected:
  void when_durable(model::offset end, base::unique_function<void(std::error_code)> told) override {
    told_.add(end, std::move(told));
  }
  void at_once(base::task told) override { told_.add(std::move(told)); }

 private:
  transaction_partition& owner_;
  const std::shared_ptr<const transaction_settings_board::content> board_;
  const steady_ms now_ms_;
  const std::int64_t unix_now_ms_;
  answer_list told_;
};

transaction_partition::transaction_partition(std::shared_ptr<partition::partition> log,
                                             transaction_partition_environment environment)
    : coordinator_partition(std::move(log), std::move(environment.shell),
                            {"transactions", "transactional id(s)"}),
      board_(std::move(environment.board)),
      markers_(environment.markers) {}

std::shared_ptr<transaction_partition> transaction_partition::shared_self() {
  return std::static_pointer_cast<transaction_partition>(shared_from_this());
}

std::error_code transaction_partition::run(const std::function<void(transaction_step&)>& event) {
  return pass([&] {
    live_step step(*this);
    event(step);
    return step.take_answers();
  });
}

steady_ms transaction_partition::next_due_ms() const {
  const auto next = shard_.next_deadline_ms().value_or(no_deadline);
  return unrecorded_.empty() ? next : std::min(next, steady_now_ms(clock()) + unrecorded_retry_ms);
}

std::error_code transaction_partition::append(const transaction_record& record) {
  const auto encoded = encode_transaction_record(record, board_->current()->version);
  model::record_batch_builder builder;
  builder.add(model::timestamp(clock().now_ms()), base::byte_view(encoded.key),
              encoded.value ? model::nullable_bytes(*encoded.value) : std::nullopt);
  auto batch = builder.build();
  return outcome_of(log()->append(batch, storage::append_origin::internal));
}

answer_list transaction_partition::end_waiting(std::error_code why) {
  live_step step(*this);
  shard_.give_up(step, why);
  unrecorded_.clear();
  return step.take_answers();
}

void transaction_partition::write_markers(marker_order order) {
  auto copy = order;
  markers_.write(std::move(copy), orders_,
                 [self = shared_self(), order = std::move(order)] { self->markers_written(order); });
}

void transaction_partition::markers_written(const marker_order& order) {
  static_cast<void>(run([&](transaction_step& step) {
    if (shard_.markers_written(step, order)) unrecorded_.push_back(order);
  }));
}

std::error_code transaction_partition::list(const list_transactions_request& request,
                                            std::vector<transaction_listing>& into) const {
  const std::lock_guard lock(mutex_);
  if (const auto why = refusal()) return why;
  shard_.list(clock().now_ms(), request, into);
  return {};
}

void transaction_partition::advance() {
  forget_deadline();
  // A partition that does not serve has nothing that could be due.
  static_cast<void>(run([this](transaction_step& step) {
    shard_.advance(step);
    std::erase_if(unrecorded_, [&](const auto& each) { return !shard_.markers_written(step, each); });
  }));
}

void transaction_partition::abort_overdue() {
  static_cast<void>(run([this](transaction_step& step) { shard_.abort_overdue(step); }));
}

void transaction_partition::end_hanging(const std::vector<open_transaction>& open) {
  static_cast<void>(run([&](transaction_step& step) { shard_.end_hanging(step, open); }));
}

void transaction_partition::forget_unused() {
  static_cast<void>(run([this](transaction_step& step) { shard_.forget_unused(step); }));
}

transaction_partition::tally transaction_partition::counts() const {
  const std::lock_guard lock(mutex_);
  if (!has_loaded()) return {};
  auto counts = shard_.counts();
  if (current_stage() == stage::given_up) counts.ids = {};
  return counts;
}

transaction_partition::tally transaction_partition::work_done() const {
  auto done = counts();
  done.ids = {};
  return done;
}

base::status transaction_partition::replay(const model::record_batch_view& /*batch*/,
                                           const model::record_view& record) {
  if (!record.key) return {};
  TIDELOG_TRY(const auto decoded, decode_transaction_record(*record.key, record.value));
  shard_.replay(decoded);
  return {};
}

base::status transaction_partition::replay_control(const model::record_batch_view& /*batch*/) {
  return {};
}

answer_list transaction_partition::finish_loading() {
  live_step step(*this);
  shard_.loaded(step);
  return step.take_answers();
}

}  // namespace tidelog::coordinator
