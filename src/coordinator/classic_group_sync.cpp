// What the members of a classic group's generation ask for: SyncGroup, Heartbeat, LeaveGroup, and the leave to commit.
#include "classic_group.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <set>
#include <unordered_map>
#include <utility>

namespace tidelog::coordinator {

std::error_code classic_group::check_member(std::string_view member_id,
                                            const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto* holder = members_.find_static(*instance_id);
    if (holder == nullptr) return make_error_code(errc::unknown_member);
    if (holder->member_id != member_id) return make_error_code(errc::fenced_instance_id);
  }
  if (members_.find(member_id) == nullptr) return make_error_code(errc::unknown_member);
  return {};
}

std::error_code classic_group::check_sync(const sync_request& request) const {
  if (state_ == group_state::dead) return make_error_code(errc::not_available);
  if (const auto error = check_member(request.member_id, request.instance_id)) return error;
  if (request.generation != generation_) return make_error_code(errc::illegal_generation);
  const bool other_type = request.protocol_type && *request.protocol_type != protocol_type_;
  const bool other_name =
      request.protocol_name && protocol_name_ && *request.protocol_name != *protocol_name_;
  if (other_type || other_name) return make_error_code(errc::inconsistent_protocol);
  if (state_ == group_state::preparing_rebalance) return make_error_code(errc::rebalance_in_progress);
  return {};
}

sync_answer classic_group::assignment_answer(const classic_member& member) const {
  return {{}, protocol_type_, protocol_name_, member.assignment};
}

void classic_group::sync(group_step& step, sync_request request, reply<sync_answer> to) {
  if (const auto error = check_sync(request))
    return step.answer_at_once(std::move(to), sync_answer{error, {}, {}, {}});
  auto& member = *members_.find(request.member_id);
  if (state_ == group_state::stable) {
    member.owes_sync = false;
    return step.answer(std::move(to), assignment_answer(member));
  }
  if (member.member_id == leader_id_) return sync_leader(step, std::move(request), std::move(to));
  member.owes_sync = false;
  auto superseded = std::exchange(member.parked_sync, std::move(to));
  if (superseded) {
    step.answer_at_once(std::move(superseded),
                        sync_answer{make_error_code(errc::rebalance_in_progress), {}, {}, {}});
  }
}

void classic_group::sync_leader(group_step& step, sync_request request, reply<sync_answer> to) {
  std::unordered_map<std::string, bytes> assigned;
  for (auto& assignment : request.assignments) {
    assigned.insert_or_assign(std::move(assignment.member_id), std::move(assignment.value));
  }
  auto next = record_value();
  next.current_state_timestamp = step.unix_now_ms();
  for (auto& recorded : next.members) {
    const auto found = assigned.find(recorded.member_id);
    recorded.assignment = found == assigned.end() ? bytes() : found->second;
  }
  if (const auto failure = step.write({group_metadata_record{{group_id_}, std::move(next)}}))
    return step.answer_at_once(std::move(to), sync_answer{failure, {}, {}, {}});
  for (auto& [member_id, member] : members_.all()) {
    const auto found = assigned.find(member_id);
    member.assignment = found == assigned.end() ? bytes() : std::move(found->second);
  }
  auto& leader = *members_.find(request.member_id);
  leader.owes_sync = false;
  move_to(group_state::stable, step.unix_now_ms());
  ++completed_rebalances_;
  keep_alive(step, leader);
  step.answer(std::move(to), assignment_answer(leader));
  answer_parked_syncs(step, {});
}

void classic_group::answer_parked_syncs(group_step& step, std::error_code error) {
  for (auto& [member_id, member] : members_.all()) {
    if (!member.parked_sync) continue;
    auto to = std::exchange(member.parked_sync, {});
    keep_alive(step, member);
    if (error) {
      step.answer_at_once(std::move(to), sync_answer{error, {}, {}, {}});
    } else {
      step.answer(std::move(to), assignment_answer(member));
    }
  }
}

void classic_group::heartbeat(group_step& step, const heartbeat_request& request,
                              reply<heartbeat_answer> to) {
  auto error = state_ == group_state::dead ? make_error_code(errc::not_available)
                                           : check_member(request.member_id, request.instance_id);
  if (!error && request.generation != generation_) error = make_error_code(errc::illegal_generation);
  if (!error) {
    keep_alive(step, *members_.find(request.member_id));
    if (state_ == group_state::preparing_rebalance) error = make_error_code(errc::rebalance_in_progress);
  }
  step.answer_at_once(std::move(to), heartbeat_answer{error});
}

std::error_code classic_group::check_commit(group_step& step, const commit_request& request,
                                            commit_kind kind) {
  if (state_ == group_state::dead) return make_error_code(errc::not_available);
  const auto generation = request.generation_or_epoch;
  if (generation < 0 && state_ == group_state::empty) return {};
  if (!names_member(request)) {
    return kind == commit_kind::transactional ? std::error_code() : make_error_code(errc::unknown_member);
  }
  if (const auto error = check_member(request.member_id, request.instance_id)) return error;
  if (generation != generation_) return make_error_code(errc::illegal_generation);
  if (kind == commit_kind::transactional) return {};
  if (state_ == group_state::completing_rebalance) return make_error_code(errc::rebalance_in_progress);
  keep_alive(step, *members_.find(request.member_id));
  return {};
}

std::error_code classic_group::plan_departure(const leave_request::member& leaving, departures& plan,
                                              std::set<std::string>& planned) const {
  const auto* holder = leaving.instance_id ? members_.find_static(*leaving.instance_id) : nullptr;
  // Whoever stands earlier in the batch has left for those behind it.
  const bool holder_left = holder != nullptr && planned.contains(holder->member_id);
  const bool names_nobody = leaving.member_id.empty() && holder == nullptr;
  if (holder_left || names_nobody) return make_error_code(errc::unknown_member);
  const bool is_pending = pending_.contains(leaving.member_id);
  if (!is_pending && !leaving.member_id.empty()) {
    if (const auto error = check_member(leaving.member_id, leaving.instance_id)) return error;
  }
  const auto& member_id = leaving.member_id.empty() ? holder->member_id : leaving.member_id;
  if (!planned.insert(member_id).second) return make_error_code(errc::unknown_member);
  (is_pending ? plan.pending : plan.members).push_back(member_id);
  return {};
}

void classic_group::leave(group_step& step, const leave_request& request, reply<leave_answer> to) {
  leave_answer answer;
  if (state_ == group_state::dead) {
    answer.error = make_error_code(errc::not_available);
    return step.answer_at_once(std::move(to), std::move(answer));
  }
  departures plan;
  std::set<std::string> planned;
  for (const auto& leaving : request.members) {
    const auto error = plan_departure(leaving, plan, planned);
    answer.members.push_back({leaving.member_id, leaving.instance_id, error});
  }
  if (planned.empty()) return step.answer_at_once(std::move(to), std::move(answer));
  if (const auto failure = remove(step, plan, origin::leave))
    return step.answer_at_once(std::move(to), leave_answer{failure, {}});
  step.answer(std::move(to), std::move(answer));
}

}  // namespace tidelog::coordinator
