// How clients come into a classic group: JoinGroup in every state.
#include "classic_group.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <utility>

namespace tidelog::coordinator {
namespace {

void refuse(group_step& step, reply<join_answer> to, std::error_code error, std::string member_id) {
  join_answer answer;
  answer.error = error;
  answer.member_id = std::move(member_id);
  step.answer_at_once(std::move(to), std::move(answer));
}

std::size_t size_bytes(const std::vector<group_protocol>& protocols) {
  std::size_t sum = 0;
  for (const auto& protocol : protocols) sum += protocol.name.size() + protocol.metadata.size();
  return sum;
}

}  // namespace

void classic_group::join(group_step& step, join_request request, reply<join_answer> to) {
  request.protocols = distinct_protocols(std::move(request.protocols));
  const auto error = check_join(step, request);
  if (error == errc::group_max_size_reached) {
    // It could not be let in, so that nobody is to wait for it.
    pending_.erase(request.member_id);
    remove_member(step, request.member_id, make_error_code(errc::unknown_member));
    complete_join_if_all_are_here(step);
    return refuse(step, std::move(to), error, {});
  }
  if (error) return refuse(step, std::move(to), error, std::move(request.member_id));
  if (request.member_id.empty()) {
    join_unknown(step, std::move(request), std::move(to));
  } else {
    join_known(step, std::move(request), std::move(to));
  }
}

std::error_code classic_group::check_join(const group_step& step, const join_request& request) const {
  const auto& settings = step.settings();
  if (state_ == group_state::dead) return make_error_code(errc::not_available);
  // Nobody could ever be assigned with it, and until that showed it would be held in memory.
  if (size_bytes(request.protocols) > step.max_write_bytes()) return make_error_code(errc::commit_too_large);
  if (request.session_timeout_ms < settings.min_session_timeout_ms ||
      request.session_timeout_ms > settings.max_session_timeout_ms)
    return make_error_code(errc::invalid_session_timeout);
  if (is_unused() && !request.member_id.empty()) return make_error_code(errc::unknown_member);
  if (!has_room_for(settings, request.member_id)) return make_error_code(errc::group_max_size_reached);
  if (state_ == group_state::empty) {
    if (request.protocol_type.empty() || request.protocols.empty())
      return make_error_code(errc::inconsistent_protocol);
  } else if (request.protocol_type != protocol_type_ || !members_.all_offer_one_of(request.protocols)) {
    return make_error_code(errc::inconsistent_protocol);
  }
  return {};
}

bool classic_group::has_room_for(const group_settings& settings, const std::string& member_id) const {
  const auto allowed = static_cast<std::size_t>(std::max(settings.max_size, 0));
  const auto* member = members_.find(member_id);
  switch (state_) {
    case group_state::preparing_rebalance:
      // Whoever joins first takes the places; a group that became too large shrinks that way.
      return (member != nullptr && member->parked_join) || members_.waiting_for_join() < allowed;
    case group_state::completing_rebalance:
    case group_state::stable:
      return member != nullptr || members_.size() < allowed;
    default:
      return true;
  }
}

void classic_group::join_unknown(group_step& step, join_request request, reply<join_answer> to) {
  auto member_id = request.instance_id.value_or(request.client.client_id) + "-" + step.random_id();
  if (request.instance_id) {
    if (auto* old = members_.find_static(*request.instance_id))
      return replace_static(step, *old, std::move(request), std::move(member_id), std::move(to));
  } else if (request.without_member_id == first_join::tells_member_id) {
    return tell_member_id(step, request, std::move(member_id), std::move(to));
  }
  add_member(step, std::move(request), std::move(member_id), std::move(to));
}

void classic_group::tell_member_id(group_step& step, const join_request& request, std::string member_id,
                                   reply<join_answer> to) {
  if (pending_.size() >= max_pending_members)
    return refuse(step, std::move(to), make_error_code(errc::group_max_size_reached), {});
  if (const auto failure = write_if_new(step)) return refuse(step, std::move(to), failure, {});
  const auto deadline = step.now_ms() + request.session_timeout_ms;
  pending_.emplace(member_id, deadline);
  wake_at(deadline);
  refuse(step, std::move(to), make_error_code(errc::member_id_required), std::move(member_id));
}

void classic_group::join_known(group_step& step, join_request request, reply<join_answer> to) {
  if (pending_.contains(request.member_id) && !request.instance_id) {
    auto member_id = request.member_id;
    return add_member(step, std::move(request), std::move(member_id), std::move(to));
  }
  if (const auto error = check_member(request.member_id, request.instance_id))
    return refuse(step, std::move(to), error, std::move(request.member_id));
  auto& member = *members_.find(request.member_id);
  const bool says_nothing_new = member.protocols == request.protocols;
  const bool may_stay =
      says_nothing_new && (state_ == group_state::completing_rebalance ||
                           (state_ == group_state::stable && member.member_id != leader_id_));
  if (!may_stay) return rejoin(step, member, std::move(request), std::move(to));
  // It missed the answer, or asks again for no reason: the generation goes on.
  keep_alive(step, member);
  step.answer(std::move(to), generation_answer(member));
}

void classic_group::add_member(group_step& step, join_request request, std::string member_id,
                               reply<join_answer> to) {
  if (const auto failure = write_if_new(step))
    return refuse(step, std::move(to), failure, std::move(request.member_id));
  pending_.erase(member_id);
  if (members_.empty()) protocol_type_ = std::move(request.protocol_type);
  if (!leader_id_) leader_id_ = member_id;
  classic_member joining;
  joining.member_id = std::move(member_id);
  joining.instance_id = std::move(request.instance_id);
  joining.client = std::move(request.client);
  joining.rebalance_timeout_ms = request.rebalance_timeout_ms;
  joining.session_timeout_ms = request.session_timeout_ms;
  joining.protocols = std::move(request.protocols);
  joining.is_new = true;
  auto& member = members_.add(std::move(joining));
  static_cast<void>(members_.park_join(member, std::move(to)));
  set_session_deadline(member, step.now_ms() + new_member_timeout_ms);
  if (initial_delay_) initial_delay_->member_came = true;
  rebalance_or_complete(step);
}

void classic_group::rejoin(group_step& step, classic_member& member, join_request request,
                           reply<join_answer> to) {
  members_.set_protocols(member, std::move(request.protocols));
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  // A client that asks twice has given up on the first.
  if (auto superseded = members_.park_join(member, std::move(to)))
    refuse(step, std::move(superseded), make_error_code(errc::rebalance_in_progress), member.member_id);
  rebalance_or_complete(step);
}

void classic_group::replace_static(group_step& step, classic_member& old, join_request request,
                                   std::string member_id, reply<join_answer> to) {
  const bool stays_stable =
      state_ == group_state::stable && members_.elect_protocol(&old, &request.protocols) == protocol_name_;
  const auto leader_before = leader_id_.value_or("");
  const bool was_leader = leader_before == old.member_id;
  if (stays_stable) {
    auto next = record_value();
    if (was_leader) next.leader = member_id;
    for (auto& recorded : next.members) {
      if (recorded.member_id != old.member_id) continue;
      recorded.member_id = member_id;
      recorded.rebalance_timeout = request.rebalance_timeout_ms;
      recorded.session_timeout = request.session_timeout_ms;
      for (const auto& protocol : request.protocols) {
        if (protocol.name == protocol_name_) recorded.subscription = protocol.metadata;
      }
    }
    if (const auto failure = step.write({group_metadata_record{{group_id_}, std::move(next)}}))
      return refuse(step, std::move(to), failure, {});
  }
  answer_parked(step, old, make_error_code(errc::fenced_instance_id));
  auto& member = members_.rename(old.member_id, std::move(member_id));
  if (was_leader) leader_id_ = member.member_id;
  member.is_new = false;
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  members_.set_protocols(member, std::move(request.protocols));
  keep_alive(step, member);
  if (stays_stable) {
    read_subscribed_topics_of_members();
    return answer_replacement(step, member, leader_before, request.leader_skips, std::move(to));
  }
  static_cast<void>(members_.park_join(member, std::move(to)));
  rebalance_or_complete(step);
}

void classic_group::answer_replacement(group_step& step, const classic_member& member,
                                       const std::string& leader_before, skip_assignment leader_skips,
                                       reply<join_answer> to) {
  auto answer = generation_answer(member);
  if (leader_skips == skip_assignment::understood) {
    answer.leader_skips_assignment = member.member_id == leader_id_;
  } else {
    // A client that cannot skip is not told that it leads, or it would assign again and in vain.
    answer.leader_id = leader_before;
    answer.members.clear();
  }
  step.answer(std::move(to), std::move(answer));
}

join_answer classic_group::generation_answer(const classic_member& member) const {
  join_answer answer;
  answer.generation = generation_;
  answer.protocol_type = protocol_type_;
  answer.protocol_name = protocol_name_;
  answer.leader_id = leader_id_.value_or("");
  answer.member_id = member.member_id;
  if (member.member_id != leader_id_) return answer;
  answer.members.reserve(members_.size());
  for (const auto& [member_id, other] : members_.all()) {
    const auto* metadata = other.metadata_of(protocol_name_.value_or(""));
    answer.members.push_back({member_id, other.instance_id, metadata == nullptr ? bytes() : *metadata});
  }
  return answer;
}

std::error_code classic_group::write_if_new(group_step& step) {
  if (is_in_log_) return {};
  auto value = record_value();
  value.current_state_timestamp = step.unix_now_ms();
  if (const auto failure = step.write({group_metadata_record{{group_id_}, std::move(value)}})) return failure;
  state_since_unix_ms_ = step.unix_now_ms();
  is_in_log_ = true;
  return {};
}

}  // namespace tidelog::coordinator
