#include "transaction_shard.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

using status = transaction_status;
using outcome = model::transaction_outcome;

bool raises_epochs(transaction_version version) {
  return version == transaction_version::epoch_per_transaction;
}

/// Whether `asking` may go on as the producer that `known` is: it is that one, or it was until its epochs were used up.
bool is_same_producer(const transaction_state& known, const producer_identity& asking) {
  return asking.id == known.producer.id ||
         (asking.id == known.previous_id && transaction_state::is_last(asking.epoch));
}

/// The end that raised the epoch to the present one comes again.
bool is_repeated_end(const transaction_state& known, const end_transaction_request& request) {
  if (!raises_epochs(request.version)) return false;
  const auto& asking = request.producer;
  if (asking.id == known.producer.id) {
    return asking.epoch == known.last_epoch && known.producer.epoch.value() == asking.epoch.value() + 1;
  }
  return asking.id == known.previous_id && transaction_state::is_last(asking.epoch) &&
         known.producer.epoch == model::producer_epoch(0);
}

enum class end_verdict { decides, is_done, still_ending, invalid, fenced };

/// What becomes of a request to end a transaction of a producer whose identity holds.
end_verdict verdict_on_end(const transaction_state& known, const end_transaction_request& request,
                           bool is_repeated) {
  const bool commits = request.outcome == outcome::committed;
  const bool empty_abort_counts = raises_epochs(request.version) && !commits && !is_repeated;
  switch (known.status) {
    case status::ongoing:
      return is_repeated ? end_verdict::fenced : end_verdict::decides;
    case status::prepare_commit:
      return commits ? end_verdict::still_ending : end_verdict::invalid;
    case status::prepare_abort:
      return commits ? end_verdict::invalid : end_verdict::still_ending;
    case status::complete_commit:
    case status::complete_abort: {
      if (empty_abort_counts) return end_verdict::decides;
      const bool was_committed = known.status == status::complete_commit;
      const bool says_it_again = is_repeated || !raises_epochs(request.version);
      return was_committed == commits && says_it_again ? end_verdict::is_done : end_verdict::invalid;
    }
    case status::empty:
      return empty_abort_counts ? end_verdict::decides : end_verdict::invalid;
    case status::dead:
    case status::prepare_epoch_fence:
      break;
  }
  return end_verdict::invalid;
}

}  // namespace

transaction_counts& transaction_counts::operator+=(const transaction_counts& more) {
  for (std::size_t i = 0; i < statuses; ++i) ids[i] += more.ids[i];
  committed += more.committed;
  aborted += more.aborted;
  timed_out += more.timed_out;
  return *this;
}

std::error_code transaction_shard::take_over(transaction_step& step, entry& of, transaction_state next) {
  next.last_update_unix_ms = step.unix_now_ms();
  if (const auto failure = step.write({of.first, value_of(next)})) return failure;
  next.written = step.log_end();
  of.second = std::move(next);
  return {};
}

void transaction_shard::init_producer(transaction_step& step, init_producer_request request,
                                      reply<init_producer_answer> to) {
  if (request.transactional_id.empty()) return step.refuse(std::move(to), errc::invalid_request);
  if (request.timeout_ms <= 0 || request.timeout_ms > step.settings().max_timeout_ms)
    return step.refuse(std::move(to), errc::invalid_transaction_timeout);
  const auto found = by_id_.find(request.transactional_id);
  if (found == by_id_.end()) return init_new(step, request, std::move(to));
  init_again(step, *found, request, std::move(to));
}

void transaction_shard::init_new(transaction_step& step, const init_producer_request& request,
                                 reply<init_producer_answer> to) {
  if (!request.fresh_id) return step.refuse(std::move(to), errc::needs_producer_id);
  entry made(request.transactional_id, {});
  transaction_state first;
  first.producer = {*request.fresh_id, model::producer_epoch(0)};
  first.timeout_ms = request.timeout_ms;
  first.version = request.version;
  if (const auto failure = take_over(step, made, std::move(first)))
    return step.refuse(std::move(to), failure);
  const auto& state = made.second;
  step.answer(std::move(to), init_producer_answer{{}, state.producer}, state.written);
  by_id_.insert(std::move(made));
}

void transaction_shard::init_again(transaction_step& step, entry& of, const init_producer_request& request,
                                   reply<init_producer_answer> to) {
  const auto& known = of.second;
  const bool goes_on = request.before.id != model::no_producer_id;
  if (goes_on && !is_same_producer(known, request.before))
    return step.refuse(std::move(to), errc::producer_fenced);
  if (known.is_ending()) return step.refuse(std::move(to), errc::concurrent_transactions);
  if (known.is_open()) {
    if (goes_on && request.before.epoch != known.producer.epoch)
      return step.refuse(std::move(to), errc::producer_fenced);
    const auto failure =
        abort_from_outside(step, of, goes_on ? request.before.epoch : model::no_producer_epoch);
    return step.refuse(std::move(to), failure ? failure : make_error_code(errc::concurrent_transactions));
  }

  auto next = known;
  const bool is_current = !goes_on || request.before.epoch == known.producer.epoch;
  if (!is_current && request.before.epoch != known.last_epoch)
    return step.refuse(std::move(to), errc::producer_fenced);
  if (is_current && known.has_no_epoch_left()) {
    if (!request.fresh_id) return step.refuse(std::move(to), errc::needs_producer_id);
    next.previous_id = known.producer.id;
    next.last_epoch = goes_on ? known.producer.epoch : model::no_producer_epoch;
    next.producer = {*request.fresh_id, model::producer_epoch(0)};
  } else if (is_current) {
    next.last_epoch = goes_on ? known.producer.epoch : model::no_producer_epoch;
    next.raise_epoch();
  }
  next.status = status::empty;
  next.partitions.clear();
  next.start_unix_ms = -1;
  next.timeout_ms = request.timeout_ms;
  next.version = request.version;
  if (const auto failure = take_over(step, of, std::move(next))) return step.refuse(std::move(to), failure);
  step.answer(std::move(to), init_producer_answer{{}, of.second.producer}, of.second.written);
}

void transaction_shard::add_partitions(transaction_step& step, add_partitions_request request,
                                       reply<add_partitions_answer> to) {
  if (request.transactional_id.empty()) return step.refuse(std::move(to), errc::invalid_request);
  const auto found = by_id_.find(request.transactional_id);
  if (found == by_id_.end() || found->second.producer.id != request.producer.id)
    return step.refuse(std::move(to), errc::invalid_producer_id_mapping);
  const auto& known = found->second;
  if (known.producer.epoch != request.producer.epoch)
    return step.refuse(std::move(to), errc::producer_fenced);
  if (!known.is_ending()) return add_missing(step, *found, request, std::move(to));
  const auto deadline = step.now_ms() + step.settings().most_wait_for_end_ms;
  waiting_.push_back({std::move(request), std::move(to), deadline});
}

void transaction_shard::add_missing(transaction_step& step, entry& of, const add_partitions_request& request,
                                    reply<add_partitions_answer> to) {
  auto& known = of.second;
  static const std::map<std::string, std::set<std::int32_t>> none;
  const auto& held = known.is_open() ? known.partitions : none;
  add_partitions_answer answer;
  for (const auto& topic : request.topics) {
    const auto in_topic = held.find(topic.name);
    for (const auto index : topic.partitions) {
      if (in_topic == held.end() || !in_topic->second.contains(index))
        answer.missing.push_back({topic.name, model::partition_index(index)});
    }
  }
  if (request.when_missing == add_partitions_request::missing::added && !answer.missing.empty()) {
    auto next = known;
    if (!known.is_open()) {
      next.status = status::ongoing;
      next.start_unix_ms = step.unix_now_ms();
      next.partitions.clear();
    }
    next.version = request.version;
    for (const auto& each : answer.missing) next.partitions[each.topic].insert(each.partition.value());
    if (const auto failure = take_over(step, of, std::move(next))) return step.refuse(std::move(to), failure);
    answer.missing.clear();
  }
  step.answer(std::move(to), std::move(answer), known.written);
}

void transaction_shard::end_transaction(transaction_step& step, end_transaction_request request,
                                        reply<end_transaction_answer> to) {
  if (request.transactional_id.empty()) return step.refuse(std::move(to), errc::invalid_request);
  const auto found = by_id_.find(request.transactional_id);
  if (found == by_id_.end()) return step.refuse(std::move(to), errc::invalid_producer_id_mapping);
  const auto& known = found->second;
  const bool is_repeated = is_repeated_end(known, request);
  if (known.producer.id != request.producer.id && !is_repeated)
    return step.refuse(std::move(to), errc::invalid_producer_id_mapping);
  if (known.producer.epoch != request.producer.epoch && !is_repeated)
    return step.refuse(std::move(to), errc::producer_fenced);
  switch (verdict_on_end(known, request, is_repeated)) {
    case end_verdict::decides:
      return end_open(step, *found, request, std::move(to));
    case end_verdict::is_done:
      return step.answer(std::move(to), end_transaction_answer{{}, known.producer}, known.written);
    case end_verdict::still_ending:
      return step.refuse(std::move(to), errc::concurrent_transactions);
    case end_verdict::invalid:
      return step.refuse(std::move(to), errc::invalid_transaction_state);
    case end_verdict::fenced:
      return step.refuse(std::move(to), errc::producer_fenced);
  }
}

void transaction_shard::end_open(transaction_step& step, entry& of, const end_transaction_request& request,
                                 reply<end_transaction_answer> to) {
  auto next = of.second;
  next.status = request.outcome == outcome::committed ? status::prepare_commit : status::prepare_abort;
  next.version = request.version;
  // Nothing was added: an abort that only raises the epoch.
  if (!of.second.is_open()) {
    next.partitions.clear();
    next.start_unix_ms = step.unix_now_ms();
  }
  if (raises_epochs(request.version)) {
    if (next.has_no_epoch_left()) {
      if (!request.fresh_id) return step.refuse(std::move(to), errc::needs_producer_id);
      next.next_id = *request.fresh_id;
    }
    next.last_epoch = next.producer.epoch;
    next.raise_epoch();
  }
  if (const auto failure = take_over(step, of, std::move(next))) return step.refuse(std::move(to), failure);
  const auto& decided = of.second;
  end_transaction_answer answer{{}, decided.producer};
  if (decided.next_id != model::no_producer_id) answer.producer = {decided.next_id, model::producer_epoch(0)};
  step.answer(std::move(to), answer, decided.written);
  order_markers(step, of);
}

std::error_code transaction_shard::abort_from_outside(transaction_step& step, entry& of,
                                                      model::producer_epoch who_may_go_on) {
  auto next = of.second;
  next.status = status::prepare_abort;
  next.last_epoch = who_may_go_on;
  // The producer may be alive: what it has under way, and all that it asks for, is of an older epoch from now on.
  if (next.producer.epoch.value() < std::numeric_limits<std::int16_t>::max()) next.raise_epoch();
  if (const auto failure = take_over(step, of, std::move(next))) return failure;
  order_markers(step, of);
  return {};
}

void transaction_shard::order_markers(transaction_step& step, const entry& of) {
  const auto& [transactional_id, state] = of;
  marker_order order;
  order.transactional_id = transactional_id;
  order.end.producer = state.producer.id;
  order.end.epoch = state.producer.epoch;
  order.end.outcome = state.status == status::prepare_commit ? outcome::committed : outcome::aborted;
  order.end.coordinator_epoch = step.coordinator_epoch();
  for (const auto& [topic, indexes] : state.partitions) {
    for (const auto index : indexes) order.partitions.push_back({topic, model::partition_index(index)});
  }
  step.order_markers(std::move(order));
}

std::error_code transaction_shard::markers_written(transaction_step& step, const marker_order& order) {
  const auto found = by_id_.find(order.transactional_id);
  if (found == by_id_.end()) return {};
  const auto& known = found->second;
  const producer_identity ended{order.end.producer, order.end.epoch};
  if (!known.is_ending() || known.producer != ended) return {};
  auto next = known;
  const bool commits = known.status == status::prepare_commit;
  next.status = commits ? status::complete_commit : status::complete_abort;
  next.partitions.clear();
  if (known.next_id != model::no_producer_id) {
    next.previous_id = known.producer.id;
    next.producer = {known.next_id, model::producer_epoch(0)};
    next.next_id = model::no_producer_id;
  }
  if (const auto failure = take_over(step, *found, std::move(next))) return failure;
  ++(commits ? committed_ : aborted_);
  let_waiting_go_on(step, order.transactional_id);
  return {};
}

void transaction_shard::let_waiting_go_on(transaction_step& step, const std::string& transactional_id) {
  const auto of_id = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const auto& each) {
    return each.request.transactional_id != transactional_id;
  });
  std::vector<waiting_add> going(std::make_move_iterator(of_id), std::make_move_iterator(waiting_.end()));
  waiting_.erase(of_id, waiting_.end());
  for (auto& each : going) add_partitions(step, std::move(each.request), std::move(each.to));
}

void transaction_shard::advance(transaction_step& step) {
  const auto late = std::stable_partition(waiting_.begin(), waiting_.end(),
                                          [&](const auto& each) { return each.deadline_ms > step.now_ms(); });
  for (auto each = late; each != waiting_.end(); ++each)
    step.refuse(std::move(each->to), errc::concurrent_transactions);
  waiting_.erase(late, waiting_.end());
}

std::optional<steady_ms> transaction_shard::next_deadline_ms() const {
  if (waiting_.empty()) return std::nullopt;
  return std::ranges::min_element(waiting_, {}, &waiting_add::deadline_ms)->deadline_ms;
}

void transaction_shard::abort_overdue(transaction_step& step) {
  for (auto& of : by_id_) {
    const auto& state = of.second;
    if (!state.is_open() || state.start_unix_ms + state.timeout_ms > step.unix_now_ms()) continue;
    // What cannot be written now is tried again in the next round.
    if (abort_from_outside(step, of, model::no_producer_epoch)) return;
    ++timed_out_;
  }
}

std::optional<model::transaction_end> transaction_shard::end_of_past(const transaction_state& known,
                                                                     const producer_identity& producer) {
  const bool is_current = producer.id == known.producer.id;
  // What the log is to be told of is admitted by this shard, one event at a time, so nothing is on its way any more.
  if (is_current ? !known.is_at_rest() || producer.epoch > known.producer.epoch
                 : producer.id != known.previous_id) {
    return std::nullopt;
  }
  model::transaction_end end;
  end.producer = producer.id;
  end.epoch = is_current ? known.producer.epoch : producer.epoch;
  const auto raised_by = known.producer.epoch.value() - producer.epoch.value();
  const bool is_last = is_current && raised_by <= (raises_epochs(known.version) ? 1 : 0);
  const bool was_committed = is_last && known.status == status::complete_commit;
  end.outcome = was_committed ? outcome::committed : outcome::aborted;
  return end;
}

void transaction_shard::end_hanging(transaction_step& step, const std::vector<open_transaction>& open) {
  std::unordered_multimap<model::producer_id, const open_transaction*> by_producer;
  for (const auto& each : open) by_producer.emplace(each.producer.id, &each);
  for (const auto& [transactional_id, known] : by_id_) {
    for (const auto id : {known.producer.id, known.previous_id}) {
      const auto [begin, end] = by_producer.equal_range(id);
      for (auto each = begin; each != end; ++each) {
        auto marker = end_of_past(known, each->second->producer);
        if (!marker) continue;
        marker->coordinator_epoch = step.coordinator_epoch();
        step.append_marker(each->second->where, *marker);
      }
    }
  }
}

void transaction_shard::forget_unused(transaction_step& step) {
  const auto now = step.unix_now_ms();
  for (auto of = by_id_.begin(); of != by_id_.end();) {
    const auto& state = of->second;
    const bool is_unused =
        state.is_at_rest() && now - state.last_update_unix_ms >= step.settings().id_expiration_ms;
    if (!is_unused) {
      ++of;
    } else if (step.write({of->first, std::nullopt})) {
      return;
    } else {
      of = by_id_.erase(of);
    }
  }
}

void transaction_shard::describe(transaction_step& step, std::string transactional_id,
                                 reply<transaction_description> to) {
  transaction_description answer;
  answer.transactional_id = std::move(transactional_id);
  const auto found = by_id_.find(answer.transactional_id);
  if (found == by_id_.end()) {
    answer.error = answer.transactional_id.empty() ? errc::invalid_request : errc::transactional_id_not_found;
    return step.answer_at_once(std::move(to), std::move(answer));
  }
  const auto& state = found->second;
  answer.status = state.status;
  answer.timeout_ms = state.timeout_ms;
  answer.start_unix_ms = state.start_unix_ms;
  answer.producer = state.producer;
  answer.topics = state.topics();
  step.answer(std::move(to), std::move(answer), state.written);
}

void transaction_shard::list(std::int64_t unix_now_ms, const list_transactions_request& request,
                             std::vector<transaction_listing>& into) const {
  const auto holds = [](const auto& wanted, const auto& value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
  };
  for (const auto& [id, state] : by_id_) {
    if (!holds(request.statuses, state.status) || !holds(request.producers, state.producer.id)) continue;
    const bool is_young = state.is_at_rest() || unix_now_ms - state.start_unix_ms <= request.older_than_ms;
    if (request.older_than_ms >= 0 && is_young) continue;
    into.push_back({id, state.producer.id, state.status});
  }
}

void transaction_shard::give_up(transaction_step& step, std::error_code error) {
  for (auto& each : waiting_) step.refuse(std::move(each.to), error);
  waiting_.clear();
  by_id_.clear();
}

void transaction_shard::replay(const transaction_record& record) {
  const auto state = record.value ? state_of(*record.value) : std::nullopt;
  if (state) {
    by_id_[record.transactional_id] = *state;
  } else {
    by_id_.erase(record.transactional_id);
  }
}

void transaction_shard::loaded(transaction_step& step) {
  for (const auto& of : by_id_) {
    if (of.second.is_ending()) order_markers(step, of);
  }
}

transaction_counts transaction_shard::counts() const {
  transaction_counts counts;
  for (const auto& [id, state] : by_id_) ++counts.ids[static_cast<std::size_t>(state.status)];
  counts.committed = committed_;
  counts.aborted = aborted_;
  counts.timed_out = timed_out_;
  return counts;
}

}  // namespace tidelog::coordinator
