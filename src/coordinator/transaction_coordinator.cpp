#include "tidelog/coordinator/transaction_coordinator.hpp"

#include "bounded_pattern.hpp"
#include "group_timer.hpp"
#include "marker_writer.hpp"
#include "partition_table.hpp"
#include "periodic_round.hpp"
#include "serial_tasks.hpp"
#include "transaction_metrics.hpp"
#include "transaction_partition.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
transaction_topic offsets_partition_of(const std::string& group_id, const metadata::image& image) {
  const auto count = static_cast<std::int32_t>(image.topic(offsets_topic)->partitions.size());
  return {offsets_topic, {partition_of_group(group_id, count)}};
}

struct transaction_coordinator::parts {
  parts(const transaction_coordinator_environment& environment_in, const metadata::broker_config& config_in)
      : environment(environment_in),
        config(config_in.transactions),
        markers(marker_writer_environment{environment.partitions, environment.groups, environment.workers,
                                          environment.clock, [this](steady_ms at) { timer.wake_at(at); }}),
        background(environment.workers),
        timer("transactions", environment.clock, [this](steady_ms now_ms) { return do_due(now_ms); }),
        metrics(environment.metrics, environment.clock, [this] { return take_census(); }) {}

  template <class Request, class Answer>
  void handle(void (transaction_shard::*event)(transaction_step&, Request, reply<Answer>), Request request,
              reply<Answer> to, const std::string& transactional_id);
  /// As handle(), for requests that may want a new producer id: these are asked again with one, on a worker.
  template <class Request, class Answer>
  void handle_with_id(void (transaction_shard::*event)(transaction_step&, Request, reply<Answer>),
                      Request request, reply<Answer> to);
  void publish_settings();
  void end_hanging();
  [[nodiscard]] std::shared_ptr<transaction_partition> make_partition(const partition::partition_ptr& log);
  steady_ms do_due(steady_ms now_ms);
  [[nodiscard]] transaction_census take_census() const;
  void stop();

  const transaction_coordinator_environment environment;
  const std::shared_ptr<transaction_settings_board> board = std::make_shared<transaction_settings_board>();
  id_source next_id;

  /// One change of metadata or configuration at a time; guards what follows.
  std::mutex change_mutex;
  metadata::transaction_config config;
  metadata::image_ptr image = std::make_shared<metadata::image>();
  std::atomic<bool> is_stopped{false};

  partition_table<transaction_partition> partitions{[this](const auto& log) { return make_partition(log); }};

  std::atomic<std::int64_t> abort_interval_ms{0};
  std::atomic<std::int64_t> forget_interval_ms{0};
  /// Only the timer's.
  periodic_round abort_round;
  periodic_round forget_round;

  marker_writer markers;
  /// What this object is needed for, on workers.
  serial_tasks background;
  group_timer timer;
  transaction_metrics metrics;
};

template <class Request, class Answer>
void transaction_coordinator::parts::handle(void (transaction_shard::*event)(transaction_step&, Request,
                                                                             reply<Answer>),
                                            Request request, reply<Answer> to,
                                            const std::string& transactional_id) {
  const auto partition = partitions.partition_of(transactional_id);
  if (partition) return partition->handle(event, std::move(request), std::move(to));
  Answer answer;
  answer.error = errc::not_available;
  to(std::move(answer));
}

template <class Request, class Answer>
void transaction_coordinator::parts::handle_with_id(void (transaction_shard::*event)(transaction_step&,
                                                                                     Request, reply<Answer>),
                                                    Request request, reply<Answer> to) {
  auto again = [this, event, request, to = std::move(to)](Answer answer) mutable {
    if (answer.error != errc::needs_producer_id) return to(std::move(answer));
    background.submit([this, event, request = std::move(request), to = std::move(to)]() mutable {
      const auto id = next_id();
      if (!id) {
        base::say_error("a producer id for transactional id {}: {}", request.transactional_id,
                        id.error().describe());
        Answer refused;
        refused.error = errc::not_available;
        return to(std::move(refused));
      }
      request.fresh_id = *id;
      const auto transactional_id = request.transactional_id;
      handle(event, std::move(request), std::move(to), transactional_id);
    });
  };
  const auto transactional_id = request.transactional_id;
  handle(event, std::move(request), reply<Answer>(std::move(again)), transactional_id);
}

void transaction_coordinator::parts::publish_settings() {
  abort_interval_ms = config.abort_timed_out_interval_ms;
  forget_interval_ms = config.remove_expired_interval_ms;
  transaction_settings_board::content next;
  next.settings.max_timeout_ms = config.max_timeout_ms;
  next.settings.id_expiration_ms = config.id_expiration_ms;
  next.settings.most_wait_for_end_ms = config.add_partitions_retry_backoff_max_ms;
  next.load_buffer_bytes = static_cast<std::uint64_t>(config.state_log_load_buffer_bytes);
  next.version = static_cast<transaction_version>(
      std::clamp<std::int16_t>(image->feature_level("transaction.version"), 0, 2));
  board->publish(next);
}

std::shared_ptr<transaction_partition> transaction_coordinator::parts::make_partition(
    const partition::partition_ptr& log) {
  return std::make_shared<transaction_partition>(
      log, transaction_partition_environment{
               board, markers, {environment.workers, environment.clock, [this](steady_ms at) {
                                  timer.wake_at(at);
                                }}});
}

/// On a worker.
void transaction_coordinator::parts::end_hanging() {
  std::vector<open_transaction> open;
  for (const auto& topic : environment.partitions.topics()) {
    for (const auto& partition : topic->partitions) {
      const auto reach = partition->reach();
      if (!reach || reach->last_stable >= reach->high_watermark) continue;
      for (const auto& each : partition->producers()) {
        if (each.current_txn_first_offset != model::no_offset)
          open.push_back({partition->name(), {each.producer, each.epoch}});
      }
    }
  }
  if (open.empty()) return;
  const auto all = partitions.current();
  for (const auto& partition : *all) partition->end_hanging(open);
}

steady_ms transaction_coordinator::parts::do_due(steady_ms now_ms) {
  const auto all = partitions.current();
  auto next = markers.retry_due(now_ms);
  for (const auto& partition : *all) {
    if (partition->next_deadline_ms() <= now_ms) partition->advance();
    next = std::min(next, partition->next_deadline_ms());
  }
  if (all->empty()) return next;
  const auto abort = [&] {
    for (const auto& each : *all) environment.workers.submit([each] { each->abort_overdue(); });
    background.submit([this] { end_hanging(); });
  };
  const auto forget = [&] {
    for (const auto& each : *all) environment.workers.submit([each] { each->forget_unused(); });
  };
  return std::min({next, abort_round.do_if_due(now_ms, abort_interval_ms, abort),
                   forget_round.do_if_due(now_ms, forget_interval_ms, forget)});
}

transaction_census transaction_coordinator::parts::take_census() const {
  transaction_census census;
  const auto [all, past] = partitions.all_and_past();
  census.counts = past;
  for (const auto& partition : all) {
    census.counts += partition->counts();
    census.partitions_loading += partition->is_loading() ? 1 : 0;
  }
  census.markers_waiting = markers.waiting();
  return census;
}

void transaction_coordinator::parts::stop() {
  timer.stop();
  {
    const std::lock_guard lock(change_mutex);
    is_stopped = true;
    partitions.give_up_all(errc::not_available);
  }
  background.wait();
  markers.stop();
}

transaction_coordinator::transaction_coordinator(const transaction_coordinator_environment& environment,
                                                 const metadata::broker_config& config)
    : parts_(std::make_unique<parts>(environment, config)) {
  update_config(config);
}

transaction_coordinator::~transaction_coordinator() {
  stop();
}

void transaction_coordinator::set_id_source(id_source source) {
  parts_->next_id = std::move(source);
}

void transaction_coordinator::apply(const metadata::image_ptr& image) {
  const std::lock_guard lock(parts_->change_mutex);
  if (parts_->is_stopped || image->last_offset() < parts_->image->last_offset()) return;
  parts_->image = image;
  parts_->publish_settings();
  parts_->partitions.follow(parts_->environment.partitions.find(transactions_topic).get());
  parts_->timer.wake_at(steady_now_ms(parts_->environment.clock));
}

void transaction_coordinator::log_was_opened(const partition::partition_ptr& of) {
  const std::lock_guard lock(parts_->change_mutex);
  if (!parts_->is_stopped) parts_->partitions.log_was_opened(of);
}

void transaction_coordinator::update_config(const metadata::broker_config& config) {
  const std::lock_guard lock(parts_->change_mutex);
  parts_->config = config.transactions;
  parts_->publish_settings();
  parts_->timer.wake_at(steady_now_ms(parts_->environment.clock));
}

void transaction_coordinator::stop() {
  parts_->stop();
}

transaction_version transaction_coordinator::version() const {
  return parts_->board->current()->version;
}

void transaction_coordinator::init_producer(init_producer_request request, reply<init_producer_answer> to) {
  parts_->handle_with_id(&transaction_shard::init_producer, std::move(request), std::move(to));
}

void transaction_coordinator::add_partitions(add_partitions_request request,
                                             reply<add_partitions_answer> to) {
  const auto transactional_id = request.transactional_id;
  parts_->handle(&transaction_shard::add_partitions, std::move(request), std::move(to), transactional_id);
}

void transaction_coordinator::end_transaction(end_transaction_request request,
                                              reply<end_transaction_answer> to) {
  parts_->handle_with_id(&transaction_shard::end_transaction, std::move(request), std::move(to));
}

void transaction_coordinator::write_marker(const model::topic_partition& where,
                                           const model::transaction_end& end, reply<std::error_code> to) {
  parts_->markers.append(where, end, std::move(to));
}

void transaction_coordinator::describe(std::string transactional_id, reply<transaction_description> to) {
  const auto id = transactional_id;
  parts_->handle(&transaction_shard::describe, std::move(transactional_id), std::move(to), id);
}

void transaction_coordinator::list(const list_transactions_request& request,
                                   reply<list_transactions_answer> to) {
  list_transactions_answer answer;
  const auto all = parts_->partitions.current();
  for (const auto& partition : *all) {
    if (const auto why = partition->list(request, answer.transactions)) answer.error = why;
  }
  if (!request.pattern.empty()) {
    const bounded_pattern pattern(request.pattern);
    if (!pattern.fault().empty()) {
      answer.transactions.clear();
      answer.error = errc::invalid_pattern;
    } else {
      std::erase_if(answer.transactions,
                    [&](const auto& each) { return !pattern.matches(each.transactional_id); });
    }
  }
  to(std::move(answer));
}

}  // namespace tidelog::coordinator
