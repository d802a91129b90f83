#include "transaction_partition.hpp"

#include "end_of_log.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/partition/partition_error.hpp"

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
        board_(owner.environment_.board->current()),
        now_ms_(steady_now_ms(owner.environment_.clock)),
        unix_now_ms_(owner.environment_.clock.now_ms()) {}

  [[nodiscard]] steady_ms now_ms() const override { return now_ms_; }
  [[nodiscard]] std::int64_t unix_now_ms() const override { return unix_now_ms_; }
  [[nodiscard]] const transaction_settings& settings() const override { return board_->settings; }
  [[nodiscard]] std::int32_t coordinator_epoch() const override {
    return owner_.log_->leader_epoch().value();
  }
  [[nodiscard]] std::error_code write(const transaction_record& record) override {
    return owner_.append(record);
  }
  [[nodiscard]] model::offset log_end() const override { return owner_.end_; }
  void append_marker(const model::topic_partition& where, const model::transaction_end& end) override {
    owner_.environment_.markers.append_again(where, end);
  }
  void order_markers(marker_order order) override {
    told_.push_back(
        {owner_.end_,
         [self = owner_.shared_from_this(), order = std::move(order)](std::error_code failure) mutable {
           if (!failure) self->write_markers(std::move(order));
         },
         {}});
  }
  [[nodiscard]] std::vector<told> take_answers() { return std::move(told_); }

 protected:
  void when_durable(model::offset end, base::unique_function<void(std::error_code)> told) override {
    told_.push_back({end, std::move(told), {}});
  }
  void at_once(base::task told) override { told_.push_back({{}, {}, std::move(told)}); }

 private:
  transaction_partition& owner_;
  const std::shared_ptr<const transaction_settings_board::content> board_;
  const steady_ms now_ms_;
  const std::int64_t unix_now_ms_;
  std::vector<told> told_;
};

transaction_partition::transaction_partition(std::shared_ptr<partition::partition> log,
                                             transaction_partition_environment environment)
    : log_(std::move(log)), environment_(std::move(environment)) {}

std::error_code transaction_partition::refusal() const {
  switch (stage_.load()) {
    case stage::loading:
      return errc::load_in_progress;
    case stage::given_up:
      return why_given_up_;
    case stage::serving:
      break;
  }
  return {};
}

std::error_code transaction_partition::run(const std::function<void(transaction_step&)>& event) {
  std::vector<told> answers;
  {
    const std::lock_guard lock(mutex_);
    if (const auto why = refusal()) return why;
    live_step step(*this);
    event(step);
    answers = step.take_answers();
    note_deadline();
  }
  send(std::move(answers));
  return {};
}

void transaction_partition::note_deadline() {
  auto next = shard_.next_deadline_ms().value_or(no_deadline);
  if (!unrecorded_.empty()) next = std::min(next, steady_now_ms(environment_.clock) + unrecorded_retry_ms);
  if (next < next_deadline_.exchange(next)) environment_.wake_at(next);
}

std::error_code transaction_partition::append(const transaction_record& record) {
  const auto encoded = encode_transaction_record(record, environment_.board->current()->version);
  model::record_batch_builder builder;
  builder.add(model::timestamp(environment_.clock.now_ms()), base::byte_view(encoded.key),
              encoded.value ? model::nullable_bytes(*encoded.value) : std::nullopt);
  auto batch = builder.build();
  const auto appended = log_->append(batch, storage::append_origin::internal);
  if (appended) {
    end_ = appended->end_offset();
    writes_fail_ = false;
    return {};
  }
  if (is_end_of_log(appended.error())) {
    durability_failed(appended.error());
    return errc::not_coordinator;
  }
  if (!std::exchange(writes_fail_, true)) {
    base::say_error("{}: transactions cannot be recorded for now: {}", log_->name().text(),
                    appended.error().describe());
  }
  return errc::not_available;
}

void transaction_partition::send(std::vector<told> answers) {
  // What was told first is answered first, so that an order of markers follows the answer to who has decided.
  for (auto& each : answers) {
    if (each.at_once) {
      each.at_once();
    } else if (log_->high_watermark() >= each.end) {
      each.when_durable({});
    } else {
      // Only weakly: where this were the last to hold the log, it would end on the thread that commits it, and wait for
      // itself.
      log_->when_committed(each.end, [owner = weak_from_this(), &workers = environment_.workers,
                                      told = std::move(each.when_durable)](base::status state) mutable {
        if (auto self = state ? nullptr : owner.lock()) {
          workers.submit([self = std::move(self), why = state.error()] { self->durability_failed(why); });
        }
        told(state ? std::error_code() : std::error_code(make_error_code(errc::not_coordinator)));
      });
    }
  }
}

void transaction_partition::durability_failed(const base::error& why) {
  if (stage_.load() == stage::given_up || is_failing_.exchange(true)) return;
  base::say_error("{}: its transactions are given up: {}", log_->name().text(), why.describe());
  environment_.workers.submit([self = shared_from_this()] { self->give_up(errc::not_coordinator); });
}

void transaction_partition::give_up(std::error_code error) {
  markers_->withdraw();
  std::vector<told> answers;
  {
    const std::lock_guard lock(mutex_);
    const auto before = stage_.exchange(stage::given_up);
    if (before == stage::given_up) return;
    why_given_up_ = error;
    next_deadline_.store(no_deadline);
    // While it loads, the shard belongs to the task that reads.
    if (before == stage::loading) return;
    live_step step(*this);
    shard_.give_up(step, error);
    unrecorded_.clear();
    answers = step.take_answers();
  }
  send(std::move(answers));
}

void transaction_partition::write_markers(marker_order order) {
  auto copy = order;
  environment_.markers.write(
      std::move(copy), markers_,
      [self = shared_from_this(), order = std::move(order)] { self->markers_written(order); });
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
  shard_.list(environment_.clock.now_ms(), request, into);
  return {};
}

void transaction_partition::advance() {
  next_deadline_.store(no_deadline);
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

transaction_counts transaction_partition::counts() const {
  const std::lock_guard lock(mutex_);
  return stage_.load() == stage::serving ? shard_.counts() : transaction_counts();
}

void transaction_partition::load() {
  load_started_ms_ = steady_now_ms(environment_.clock);
  openings_at_load_ = log_->openings();
  if (auto available = log_->check_available(); !available) {
    if (available.error().code == partition::errc::recovering) return;
    base::say_error("{}: its transactions cannot be loaded: {}", log_->name().text(),
                    available.error().describe());
    return give_up(errc::not_coordinator);
  }
  log_record_reader::visitor to_shard;
  to_shard.record = [this](const auto& /*batch*/, const auto& record) { return replay(record); };
  to_shard.control_batch = [](const auto& /*batch*/) { return base::status(); };
  reader_ = std::make_unique<log_record_reader>(log_, std::move(to_shard));
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

/// A piece at a time, so that other work of the pool comes between.
void transaction_partition::load_some() {
  if (stage_.load() == stage::given_up) return;
  if (auto read = reader_->read_some(environment_.board->current()->load_buffer_bytes); !read) {
    base::say_error("{}: its transactions cannot be loaded: {}", log_->name().text(),
                    read.error().describe());
    return give_up(errc::not_coordinator);
  }
  if (reader_->is_done()) return serve();
  environment_.workers.submit([self = shared_from_this()] { self->load_some(); });
}

base::status transaction_partition::replay(const model::record_view& record) {
  if (!record.key) return {};
  TIDELOG_TRY(const auto decoded, decode_transaction_record(*record.key, record.value));
  shard_.replay(decoded);
  return {};
}

void transaction_partition::serve() {
  std::vector<told> answers;
  {
    const std::lock_guard lock(mutex_);
    if (stage_.load() != stage::loading) return;
    end_ = reader_->end();
    live_step step(*this);
    shard_.loaded(step);
    answers = step.take_answers();
    reader_.reset();
    if (shard_.size() > 0) {
      base::say_info("{}: {} transactional id(s) in {} ms", log_->name().text(), shard_.size(),
                     steady_now_ms(environment_.clock) - load_started_ms_);
    }
    stage_.store(stage::serving);
  }
  send(std::move(answers));
}

}  // namespace tidelog::coordinator
