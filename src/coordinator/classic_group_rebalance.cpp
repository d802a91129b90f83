// How a classic group goes from one generation to the next, who falls out of it, and its timers.
#include "classic_group.hpp"
#include "consumer_protocol.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {

void classic_group::keep_alive(const group_step& step, classic_member& member) {
  set_session_deadline(member, step.now_ms() + member.session_timeout_ms);
}

void classic_group::set_session_deadline(classic_member& member, steady_ms deadline) {
  member.session_deadline = deadline;
  wake_at(deadline);
}

void classic_group::wake_at(steady_ms deadline) {
  next_deadline_ = std::min(next_deadline_, deadline);
}

void classic_group::move_to(group_state state, std::int64_t unix_now_ms) {
  previous_state_ = std::exchange(state_, state);
  state_since_unix_ms_ = unix_now_ms;
}

void classic_group::rebalance_or_complete(group_step& step) {
  if (state_ == group_state::preparing_rebalance) {
    complete_join_if_all_are_here(step);
  } else {
    prepare_rebalance(step);
  }
}

void classic_group::prepare_rebalance(group_step& step) {
  if (state_ == group_state::completing_rebalance) {
    for (auto& [member_id, member] : members_.all()) member.assignment.clear();
    answer_parked_syncs(step, make_error_code(errc::rebalance_in_progress));
  }
  for (auto& [member_id, member] : members_.all()) member.owes_sync = false;
  sync_deadline_ = no_deadline;
  const bool is_initial = state_ == group_state::empty;
  move_to(group_state::preparing_rebalance, step.unix_now_ms());
  const auto timeout = members_.rebalance_timeout_ms();
  if (!is_initial) {
    if (all_have_joined() && !members_.empty()) return complete_join(step);
    return set_join_deadline(step.now_ms() + timeout);
  }
  const auto delay = step.settings().initial_rebalance_delay_ms;
  if (delay <= 0) return complete_join(step);
  initial_delay_ = initial_delay{delay, std::max(timeout - delay, 0), false};
  set_join_deadline(step.now_ms() + delay);
}

void classic_group::set_join_deadline(steady_ms deadline) {
  join_deadline_ = deadline;
  wake_at(deadline);
}

bool classic_group::all_have_joined() const {
  return members_.size() == members_.waiting_for_join() && pending_.empty();
}

void classic_group::complete_join_if_all_are_here(group_step& step) {
  const bool is_initial = previous_state_ == group_state::empty;
  if (state_ == group_state::preparing_rebalance && !is_initial && all_have_joined()) complete_join(step);
}

void classic_group::complete_join(group_step& step) {
  departures late;
  for (const auto& [member_id, member] : members_.all()) {
    if (!member.parked_join && !member.is_static()) late.members.push_back(member_id);
  }
  if (late.members.size() == members_.size()) {
    if (become_empty(step, late)) set_join_deadline(step.now_ms() + write_retry_ms);
    return;
  }
  for (const auto& member_id : late.members) {
    remove_member(step, member_id, make_error_code(errc::unknown_member));
  }
  if (elect_joined_leader()) return begin_generation(step);
  // Only static members are left, none of which came back yet: they have until their sessions end.
  set_join_deadline(step.now_ms() + members_.rebalance_timeout_ms());
}

bool classic_group::elect_joined_leader() {
  const auto* leader = leader_id_ ? members_.find(*leader_id_) : nullptr;
  if (leader != nullptr && leader->parked_join) return true;
  const auto joined = std::find_if(members_.all().begin(), members_.all().end(),
                                   [](const auto& entry) { return bool(entry.second.parked_join); });
  if (joined == members_.all().end()) return false;
  leader_id_ = joined->first;
  return true;
}

void classic_group::begin_generation(group_step& step) {
  generation_ = next_generation();
  protocol_name_ = members_.elect_protocol().value_or("");
  read_subscribed_topics_of_members();
  move_to(group_state::completing_rebalance, step.unix_now_ms());
  join_deadline_ = no_deadline;
  initial_delay_.reset();
  for (auto& [member_id, member] : members_.all()) {
    if (auto to = members_.take_join(member)) step.answer(std::move(to), generation_answer(member));
    member.is_new = false;
    member.owes_sync = true;
    keep_alive(step, member);
  }
  sync_deadline_ = step.now_ms() + members_.rebalance_timeout_ms();
  wake_at(sync_deadline_);
}

bool classic_group::is_empty_without(const departures& who, origin from) const {
  if (who.members.size() != members_.size() || who.pending.size() != pending_.size()) return false;
  switch (state_) {
    case group_state::stable:
    case group_state::completing_rebalance:
      return true;
    case group_state::preparing_rebalance:
      // The first rebalance of a group waits for its delay, whoever leaves meanwhile.
      return from == origin::timer || previous_state_ != group_state::empty;
    default:
      return false;
  }
}

std::error_code classic_group::remove(group_step& step, const departures& who, origin from) {
  if (is_empty_without(who, from)) return become_empty(step, who);
  for (const auto& member_id : who.pending) pending_.erase(member_id);
  for (const auto& member_id : who.members) {
    remove_member(step, member_id, make_error_code(errc::unknown_member));
  }
  switch (state_) {
    case group_state::stable:
    case group_state::completing_rebalance:
      if (from == origin::leave || !who.members.empty()) prepare_rebalance(step);
      break;
    case group_state::preparing_rebalance:
      if (from == origin::leave) {
        complete_join_if_all_are_here(step);
      } else if (all_have_joined()) {
        complete_join(step);
      }
      break;
    default:
      break;
  }
  return {};
}

std::error_code classic_group::become_empty(group_step& step, const departures& who) {
  group_metadata_value next;
  next.protocol_type = protocol_type_;
  next.generation = next_generation();
  next.current_state_timestamp = step.unix_now_ms();
  if (const auto failure = step.write({group_metadata_record{{group_id_}, next}})) return failure;
  for (const auto& member_id : who.pending) pending_.erase(member_id);
  for (const auto& member_id : who.members) {
    remove_member(step, member_id, make_error_code(errc::unknown_member));
  }
  generation_ = next.generation;
  protocol_name_.reset();
  leader_id_.reset();
  join_deadline_ = sync_deadline_ = no_deadline;
  initial_delay_.reset();
  read_subscribed_topics_of_members();
  move_to(group_state::empty, step.unix_now_ms());
  return {};
}

void classic_group::answer_parked(group_step& step, classic_member& member, std::error_code error) {
  if (auto to = members_.take_join(member)) {
    join_answer answer;
    answer.error = error;
    answer.member_id = member.member_id;
    step.answer_at_once(std::move(to), std::move(answer));
  }
  if (auto to = std::exchange(member.parked_sync, {}))
    step.answer_at_once(std::move(to), sync_answer{error, {}, {}, {}});
}

void classic_group::remove_member(group_step& step, const std::string& member_id, std::error_code told) {
  auto* member = members_.find(member_id);
  if (member == nullptr) return;
  answer_parked(step, *member, told);
  members_.remove(member_id);
  if (leader_id_ != member_id) return;
  leader_id_.reset();
  if (!members_.empty()) leader_id_ = members_.all().begin()->first;
}

void classic_group::give_up(group_step& step, std::error_code error) {
  for (auto& [member_id, member] : members_.all()) answer_parked(step, member, error);
  members_.clear();
  pending_.clear();
  join_deadline_ = sync_deadline_ = next_deadline_ = no_deadline;
  initial_delay_.reset();
  move_to(group_state::dead, step.unix_now_ms());
}

void classic_group::advance(group_step& step) {
  if (state_ == group_state::dead) return;
  advance_sessions(step);
  advance_join(step);
  advance_sync(step);
  find_next_deadline();
}

void classic_group::advance_sessions(group_step& step) {
  const auto now = step.now_ms();
  departures gone;
  for (const auto& [member_id, deadline] : pending_) {
    if (deadline <= now) gone.pending.push_back(member_id);
  }
  for (const auto& [member_id, member] : members_.all()) {
    if (!member.is_kept_alive() && member.session_deadline <= now) gone.members.push_back(member_id);
  }
  if (gone.members.empty() && gone.pending.empty()) return;
  if (!remove(step, gone, origin::timer)) return;
  for (const auto& member_id : gone.pending) pending_[member_id] = now + write_retry_ms;
  for (const auto& member_id : gone.members)
    members_.find(member_id)->session_deadline = now + write_retry_ms;
}

void classic_group::advance_join(group_step& step) {
  if (join_deadline_ > step.now_ms()) return;
  join_deadline_ = no_deadline;
  if (state_ != group_state::preparing_rebalance) return;
  if (initial_delay_ && initial_delay_->member_came && initial_delay_->remaining_ms != 0) {
    auto& delay = *initial_delay_;
    const auto next_ms = std::min(step.settings().initial_rebalance_delay_ms, delay.remaining_ms);
    delay = initial_delay{next_ms, std::max(delay.remaining_ms - delay.current_ms, 0), false};
    return set_join_deadline(step.now_ms() + next_ms);
  }
  complete_join(step);
}

void classic_group::advance_sync(group_step& step) {
  if (sync_deadline_ > step.now_ms()) return;
  sync_deadline_ = no_deadline;
  departures silent;
  for (const auto& [member_id, member] : members_.all()) {
    if (member.owes_sync) silent.members.push_back(member_id);
  }
  if (silent.members.empty()) return;
  if (remove(step, silent, origin::timer)) sync_deadline_ = step.now_ms() + write_retry_ms;
}

void classic_group::find_next_deadline() {
  next_deadline_ = std::min(join_deadline_, sync_deadline_);
  for (const auto& [member_id, deadline] : pending_) wake_at(deadline);
  for (const auto& [member_id, member] : members_.all()) {
    if (!member.is_kept_alive()) wake_at(member.session_deadline);
  }
}

}  // namespace tidelog::coordinator
