// A shard's requests: which group an event is for, and what becomes of groups by it.

#include "group_shard.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <utility>

namespace tidelog::coordinator {
namespace {

template <class Answer>
void refuse(group_step& step, reply<Answer> to, std::error_code error) {
  Answer answer;
  answer.error = error;
  step.answer_at_once(std::move(to), std::move(answer));
}

/// Whether the heartbeat may be the beginning of a group.
bool is_joining(const consumer_heartbeat_request& request) {
  return request.member_epoch == joining_epoch;
}

/// Others cannot have a transaction.
bool is_producer(model::producer_id id) {
  return id >= model::producer_id(0);
}

/// What an empty classic group has in the log: at most its record.
std::vector<group_record> tombstones_of(const classic_group& of) {
  std::vector<group_record> records;
  records.emplace_back(of.tombstone());
  return records;
}

}  // namespace

group_shard::entry* group_shard::find(const std::string& group_id) {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : &*found;
}

group_shard::entry& group_shard::find_or_make(const std::string& group_id) {
  return *groups_.try_emplace(group_id, group_id).first;
}

bool group_shard::group::has_members() const {
  if (classic) return classic->state() != group_state::empty && classic->state() != group_state::dead;
  return consumer && !consumer->is_empty();
}

std::uint64_t group_shard::group::rebalances() const {
  if (classic) return static_cast<std::uint64_t>(classic->completed_rebalances());
  return consumer ? consumer->rebalance_count() : 0;
}

void group_shard::count_rebalances(entry& of) {
  const auto total = of.second.rebalances();
  if (total > of.second.rebalances_counted) activity_.rebalances += total - of.second.rebalances_counted;
  of.second.rebalances_counted = total;
}

steady_ms group_shard::group::next_deadline_ms() const {
  if (classic) return classic->next_deadline_ms();
  return consumer ? consumer->next_deadline_ms() : no_deadline;
}

void group_shard::settle(group_step& step, entry& of) {
  auto& [group_id, it] = of;
  count_rebalances(of);
  if (it.consumer) {
    if (auto successor = it.consumer->take_successor()) {
      succeed(step, of, std::move(successor));
    } else if (!it.consumer->is_there()) {
      it.consumer.reset();
    }
  }
  if (it.classic && it.classic->is_unused()) it.classic.reset();
  if (!it.classic && !it.consumer) {
    it.rebalances_counted = 0;
    unqueue(of);
    if (it.offsets.empty()) groups_.erase(group_id);
    return;
  }
  if (const auto next = it.next_deadline_ms(); next < it.queued_ms) {
    it.queued_ms = next;
    deadlines_.put(&of, next);
  }
}

void group_shard::unqueue(entry& of) {
  of.second.queued_ms = no_deadline;
  deadlines_.remove(&of);
}

/// The group's last member of the new protocol has left, and classic ones are left.
void group_shard::succeed(group_step& step, entry& of, std::unique_ptr<classic_group> successor) {
  auto& it = of.second;
  it.consumer.reset();
  it.classic = std::move(successor);
  it.classic->on_takeover(step, after_takeover::rebalances);
  it.rebalances_counted = it.rebalances();
}

void group_shard::join(group_step& step, join_request request, reply<join_answer> to) {
  if (request.group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto& of = find_or_make(request.group_id);
  auto& it = of.second;
  if (it.consumer && !it.consumer->is_empty()) {
    join_consumer_group(step, of, std::move(request), std::move(to));
    return;
  }
  if (it.consumer) {
    // An empty group of the new protocol makes room.
    if (const auto error = step.write(it.consumer->tombstones())) {
      return refuse(step, std::move(to), error);
    }
    it.consumer.reset();
    it.rebalances_counted = 0;
  }
  if (!it.classic) it.classic = std::make_unique<classic_group>(of.first);
  it.classic->join(step, std::move(request), std::move(to));
  settle(step, of);
}

void group_shard::join_consumer_group(group_step& step, entry& of, join_request request,
                                      reply<join_answer> to) {
  auto& it = of.second;
  it.consumer->join(step, request, to);
  if (!to) return settle(step, of);
  // The one who joined took the place of the last member of the new protocol, and the group is a classic one now.
  settle(step, of);
  auto& next = find_or_make(request.group_id);
  if (!next.second.classic) next.second.classic = std::make_unique<classic_group>(next.first);
  next.second.classic->join(step, std::move(request), std::move(to));
  settle(step, next);
}

void group_shard::sync(group_step& step, sync_request request, reply<sync_answer> to) {
  if (request.group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto* const of = find(request.group_id);
  if (of == nullptr) return refuse(step, std::move(to), errc::unknown_member);
  if (of->second.consumer) {
    of->second.consumer->sync(step, request, std::move(to));
  } else if (of->second.classic) {
    of->second.classic->sync(step, std::move(request), std::move(to));
  } else {
    return refuse(step, std::move(to), errc::unknown_member);
  }
  settle(step, *of);
}

void group_shard::heartbeat(group_step& step, heartbeat_request request, reply<heartbeat_answer> to) {
  if (request.group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto* const of = find(request.group_id);
  if (of == nullptr) return refuse(step, std::move(to), errc::unknown_member);
  if (of->second.consumer) {
    of->second.consumer->heartbeat(step, request, std::move(to));
  } else if (of->second.classic) {
    of->second.classic->heartbeat(step, request, std::move(to));
  } else {
    return refuse(step, std::move(to), errc::unknown_member);
  }
  settle(step, *of);
}

void group_shard::leave(group_step& step, leave_request request, reply<leave_answer> to) {
  if (request.group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto* const of = find(request.group_id);
  if (of == nullptr) return refuse(step, std::move(to), errc::unknown_member);
  if (of->second.consumer) {
    of->second.consumer->leave(step, request, std::move(to));
  } else if (of->second.classic) {
    of->second.classic->leave(step, request, std::move(to));
  } else {
    return refuse(step, std::move(to), errc::unknown_member);
  }
  settle(step, *of);
}

void group_shard::consumer_heartbeat(group_step& step, consumer_heartbeat_request request,
                                     reply<consumer_heartbeat_answer> to) {
  auto* of = find(request.group_id);
  if (of != nullptr && of->second.consumer) {
    of->second.consumer->consumer_heartbeat(step, request, std::move(to));
    return settle(step, *of);
  }
  // The group is not there, or is one of the other kind. What answers may become the group.
  std::unique_ptr<consumer_group> next;
  const bool is_live_classic = of != nullptr && of->second.classic && of->second.has_members();
  if (is_live_classic && is_joining(request)) {
    auto upgraded =
        consumer_group::from_classic(of->second.classic->snapshot(), step.settings(), step.topics());
    if (!upgraded) {
      consumer_heartbeat_answer refusal;
      refusal.error = upgraded.error().code;
      refusal.error_message = upgraded.error().context;
      return step.answer_at_once(std::move(to), std::move(refusal));
    }
    next = std::move(*upgraded);
  } else {
    next = std::make_unique<consumer_group>(request.group_id);
    if (of != nullptr && of->second.classic && !is_live_classic) {
      next->begin_with(tombstones_of(*of->second.classic));
    }
  }
  next->consumer_heartbeat(step, request, std::move(to));
  if (!next->is_there() || !next->is_written()) return;
  adopt(step, of != nullptr ? *of : find_or_make(request.group_id), std::move(next));
}

void group_shard::adopt(group_step& step, entry& of, std::unique_ptr<consumer_group> next) {
  auto& it = of.second;
  count_rebalances(of);
  if (it.classic) {
    // Those who wait are members of the new group, and learn that when they come again.
    it.classic->give_up(step, errc::rebalance_in_progress);
    it.classic.reset();
  }
  unqueue(of);
  it.rebalances_counted = 0;
  it.consumer = std::move(next);
  settle(step, of);
}

group_shard::entry* group_shard::admit_commit(group_step& step, const commit_request& request,
                                              commit_kind kind, reply<commit_answer>& to) {
  auto* of = find(request.group_id);
  const bool names_generation = request.generation_or_epoch >= 0;
  if (of == nullptr && names_generation) {
    refuse(step, std::move(to), errc::group_not_found);
    return nullptr;
  }
  if (of == nullptr) of = &find_or_make(request.group_id);
  auto& it = of->second;
  std::error_code refusal;
  if (it.consumer) {
    refusal = it.consumer->check_commit(request, kind, step.topics());
  } else if (it.classic) {
    refusal = it.classic->check_commit(step, request, kind);
  } else if (names_generation) {
    // Offsets without members: nobody has a generation.
    refusal = errc::unknown_member;
  }
  if (refusal) {
    refuse(step, std::move(to), refusal);
    settle(step, *of);
    return nullptr;
  }
  ++activity_.commits;
  return of;
}

void group_shard::commit_offsets(group_step& step, commit_request request, reply<commit_answer> to) {
  auto* const of = admit_commit(step, request, commit_kind::plain, to);
  if (of == nullptr) return;
  of->second.offsets.commit(step, request, std::move(to));
  settle(step, *of);
}

void group_shard::commit_offsets_in_transaction(group_step& step, transactional_commit_request request,
                                                reply<commit_answer> to) {
  if (!is_producer(request.producer_id)) return refuse(step, std::move(to), errc::invalid_request);
  auto* const of = admit_commit(step, request, commit_kind::transactional, to);
  if (of == nullptr) return;
  of->second.offsets.commit_in_transaction(step, request, std::move(to));
  if (of->second.offsets.is_held_by(request.producer_id)) {
    open_transactions_[request.producer_id].insert(of->first);
  }
  settle(step, *of);
}

void group_shard::end_transaction(group_step& step, model::transaction_end end,
                                  reply<transaction_end_answer> to) {
  if (!is_producer(end.producer)) return refuse(step, std::move(to), errc::invalid_request);
  if (const auto failure = step.write_transaction_end(end)) return refuse(step, std::move(to), failure);
  for (const auto& group_id : replay_end(end.producer, end.outcome)) {
    if (auto* const of = find(group_id)) settle(step, *of);
  }
  step.answer(std::move(to), transaction_end_answer{});
}

void group_shard::fetch_offsets(group_step& step, fetch_offsets_request request,
                                reply<fetch_offsets_answer> to) {
  const auto* const of = find(request.group_id);
  if (of == nullptr) return step.answer(std::move(to), committed_offsets(request.group_id).fetch(request));
  if (of->second.consumer) {
    if (const auto refusal = of->second.consumer->check_fetch(request)) {
      return refuse(step, std::move(to), refusal);
    }
  }
  step.answer(std::move(to), of->second.offsets.fetch(request));
}

void group_shard::delete_offsets(group_step& step, delete_offsets_request request,
                                 reply<delete_offsets_answer> to) {
  if (request.group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto* const of = find(request.group_id);
  if (of == nullptr) return refuse(step, std::move(to), errc::group_not_found);
  auto& it = of->second;
  if (it.classic && it.has_members() && !it.classic->uses_consumer_protocol()) {
    return refuse(step, std::move(to), errc::non_empty_group);
  }
  const auto is_subscribed = [&it](const std::string& topic) {
    if (it.consumer) return it.consumer->is_subscribed_to(topic);
    return it.classic && it.has_members() && it.classic->is_subscribed_to(topic);
  };
  it.offsets.remove(step, request, is_subscribed, std::move(to));
  settle(step, *of);
}

void group_shard::delete_group(group_step& step, std::string group_id, reply<delete_group_answer> to) {
  auto* const of = find(group_id);
  if (of == nullptr) return refuse(step, std::move(to), errc::group_not_found);
  auto& it = of->second;
  if (it.has_members()) return refuse(step, std::move(to), errc::non_empty_group);
  auto error = it.offsets.remove_all(step);
  if (!error) error = write_tombstones(step, it);
  if (error) {
    refuse(step, std::move(to), error);
    return settle(step, *of);
  }
  if (it.classic) it.classic->give_up(step, errc::group_not_found);
  it.classic.reset();
  it.consumer.reset();
  step.answer(std::move(to), delete_group_answer{});
  settle(step, *of);
}

std::error_code group_shard::write_tombstones(group_step& step, const group& of) {
  if (of.consumer) return step.write(of.consumer->tombstones());
  if (of.classic) return step.write(tombstones_of(*of.classic));
  return {};
}

void group_shard::describe_classic(group_step& step, std::string group_id, reply<classic_description> to) {
  auto* const of = find(group_id);
  classic_description answer;
  answer.group_id = group_id;
  if (of == nullptr || of->second.consumer) {
    answer.error = errc::group_not_found;
  } else if (of->second.classic) {
    answer = of->second.classic->describe();
  } else {
    answer.state = group_state::empty;
  }
  step.answer(std::move(to), std::move(answer));
}

void group_shard::describe_consumer(group_step& step, std::string group_id, reply<consumer_description> to) {
  if (group_id.empty()) return refuse(step, std::move(to), errc::invalid_group_id);
  auto* const of = find(group_id);
  if (of != nullptr && of->second.consumer) {
    return step.answer(std::move(to), of->second.consumer->describe(step.topics(), step.settings()));
  }
  consumer_description answer;
  answer.group_id = group_id;
  answer.error = errc::group_not_found;
  answer.error_message = of == nullptr ? fmt::format("Group {} not found.", group_id)
                                       : fmt::format("Group {} is not a consumer group.", group_id);
  step.answer(std::move(to), std::move(answer));
}

group_listing group_shard::group::listing(const std::string& group_id) const {
  if (classic) return classic->listing();
  if (consumer) return consumer->listing();
  return {
      .group_id = group_id, .protocol_type = {}, .state = group_state::empty, .type = group_type::classic};
}

void group_shard::list(std::vector<group_listing>& into) const {
  for (const auto& [group_id, it] : groups_) into.push_back(it.listing(group_id));
}

}  // namespace tidelog::coordinator
