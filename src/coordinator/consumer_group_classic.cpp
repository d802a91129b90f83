// Members of the classic protocol in a group of the new one: they join, sync and heartbeat as ever, and get what the
// coordinator assigned. Nobody leads, and nobody is waited for: an answer tells what the member may have now, and a
// heartbeat sends it back to join when there is something to give back or more to get.
#include "consumer_group.hpp"
#include "consumer_protocol.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tidelog::coordinator {
namespace {

template <class Answer>
void answer_with(group_step& step, reply<Answer>& to, base::result<Answer> served) {
  if (served) {
    step.answer(std::move(to), std::move(*served));
    return;
  }
  Answer refusal;
  refusal.error = served.error().code;
  step.answer_at_once(std::move(to), std::move(refusal));
}

const classic_protocol* first_protocol(const consumer_group_member& member) {
  const auto& protocols = member.metadata.classic->supported_protocols;
  return protocols.empty() ? nullptr : &protocols.front();
}

topic_partitions owned_by(const consumer_protocol_subscription& subscription, const topic_catalog& topics) {
  std::vector<assigned_topic> owned;
  for (const auto& topic : subscription.owned_partitions) {
    if (const auto known = topics.find(topic.topic)) owned.push_back({known->id, topic.partitions});
  }
  return sorted_partitions(owned);
}

}  // namespace

bytes consumer_group::classic_assignment_of(const consumer_group_member& member,
                                            const topic_catalog& topics) {
  consumer_protocol_assignment assignment;
  for (auto& [id, partitions] : without_epochs(member.current.assigned)) {
    if (const auto topic = topics.find(id))
      assignment.assigned_partitions.push_back({topic->name, partitions});
  }
  const auto* protocol = first_protocol(member);
  const auto version = protocol == nullptr ? base::result<std::int16_t>(std::int16_t{0})
                                           : consumer_protocol_version(protocol->metadata);
  return write_assignment(assignment, std::max<std::int16_t>(version.value_or(std::int16_t{0}), 0));
}

base::result<std::string> consumer_group::find_classic(const std::string& member_id,
                                                       const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto* holder = state_.member_of_instance(*instance_id);
    if (holder == nullptr) return base::fail(errc::unknown_member, "no such instance id");
    if (*holder != member_id) return base::fail(errc::fenced_instance_id, "another member has it");
  }
  const auto* member = state_.find(member_id);
  if (member == nullptr || !member->is_classic()) return base::fail(errc::unknown_member, "no such member");
  return member_id;
}

std::error_code consumer_group::check_classic_join(const group_step& step,
                                                   const join_request& request) const {
  const auto& settings = step.settings();
  if (request.session_timeout_ms < settings.min_session_timeout_ms ||
      request.session_timeout_ms > settings.max_session_timeout_ms) {
    return errc::invalid_session_timeout;
  }
  if (request.protocol_type != consumer_protocol_type || request.protocols.empty()) {
    return errc::inconsistent_protocol;
  }
  return has_common_protocol(request) ? std::error_code{} : errc::inconsistent_protocol;
}

bool consumer_group::has_common_protocol(const join_request& request) const {
  // Counted rather than searched for: a client may offer as many as its request has room for.
  std::unordered_map<std::string_view, std::size_t> offers;
  std::size_t others = 0;
  for (const auto& [id, member] : state_.members()) {
    if (!member.is_classic() || id == request.member_id) continue;
    ++others;
    for (const auto& protocol : member.metadata.classic->supported_protocols) ++offers[protocol.name];
  }
  if (others == 0) return true;
  return std::any_of(request.protocols.begin(), request.protocols.end(), [&](const group_protocol& offered) {
    const auto at = offers.find(offered.name);
    return at != offers.end() && at->second == others;
  });
}

base::result<std::string> consumer_group::admit_classic(event& of, const join_request& request) {
  const bool has_no_id = request.member_id.empty();
  auto id = has_no_id ? of.step.random_id() : request.member_id;
  if (request.instance_id) {
    const auto* holder = state_.member_of_instance(*request.instance_id);
    if (holder == nullptr && !has_no_id) return base::fail(errc::unknown_member, "no such instance id");
    if (holder != nullptr && !has_no_id && *holder != id) {
      return base::fail(errc::fenced_instance_id, "another member has it");
    }
    // Unlike in the new protocol, who comes without an id takes over from whoever is there.
    if (holder != nullptr && has_no_id) rename_member(of, std::string(*holder), id);
  }
  TIDELOG_DO(check_room(of.step, id));
  // A member does not change its protocol under the same id: it would leave a group without members of the new one.
  const auto* member = state_.find(id);
  const bool is_another_kind = member != nullptr && !member->is_classic() && !has_no_id;
  if (is_another_kind) return base::fail(errc::unknown_member, "it is a member of the new protocol");
  return id;
}

base::result<join_answer> consumer_group::serve_join(group_step& step, const join_request& request) {
  if (const auto refusal = check_classic_join(step, request)) return base::fail(refusal, "join refused");
  const bool is_told_its_id = request.member_id.empty() && !request.instance_id &&
                              request.without_member_id == first_join::tells_member_id;
  if (is_told_its_id) {
    TIDELOG_DO(check_room(step, request.member_id));
    join_answer told;
    told.error = errc::member_id_required;
    told.member_id = step.random_id();
    return told;
  }
  auto subscription = read_subscription(request.protocols.front().metadata);
  if (!subscription) return base::fail(errc::inconsistent_protocol, "the subscription cannot be read");

  event now(step, state_);
  TIDELOG_TRY(const auto id, admit_classic(now, request));
  const auto* member = state_.find(id);
  auto metadata = member == nullptr ? consumer_group_member_metadata_value{} : member->metadata;
  if (request.instance_id) metadata.instance_id = request.instance_id;
  if (subscription->rack_id) metadata.rack_id = subscription->rack_id;
  metadata.rebalance_timeout_ms = request.rebalance_timeout_ms;
  metadata.client_id = request.client.client_id;
  metadata.client_host = request.client.host;
  metadata.subscribed_topic_names = subscription->topics;
  metadata.subscribed_topic_regex = "";
  metadata.server_assignor.reset();
  auto& classic = metadata.classic.emplace();
  classic.session_timeout_ms = request.session_timeout_ms;
  for (const auto& one : distinct_protocols(request.protocols)) {
    classic.supported_protocols.push_back({one.name, one.metadata});
  }
  const auto change = update_member(now, id, std::move(metadata), std::nullopt);
  follow_topics(now, change);
  make_target(now);
  move_member(now, id, owned_by(*subscription, step.topics()), change);
  if (const auto failure = finish(now)) return base::fail(failure, "not written");

  keep_alive(step, id);
  auto& deadlines = deadlines_[id];
  deadlines.rebalance = no_deadline;
  deadlines.join = no_deadline;
  set_deadline(deadlines.sync, step.now_ms() + std::max(request.rebalance_timeout_ms, 0));
  join_answer answer;
  answer.member_id = id;
  answer.generation = state_.find(id)->current.epoch;
  answer.protocol_type = consumer_protocol_type;
  answer.protocol_name = request.protocols.front().name;
  return answer;
}

void consumer_group::join(group_step& step, const join_request& request, reply<join_answer>& to) {
  const auto* holder = request.instance_id && request.member_id.empty()
                           ? state_.member_of_instance(*request.instance_id)
                           : nullptr;
  if (holder != nullptr && becomes_classic_without(step.settings(), *holder) &&
      !check_classic_join(step, request)) {
    // The last member of the new protocol comes back as a classic one.
    event now(step, state_);
    become_classic(now, std::string(*holder));
    const auto failure = finish(now);
    if (!failure) return;
    join_answer refusal;
    refusal.error = failure;
    step.answer_at_once(std::move(to), std::move(refusal));
    return;
  }
  answer_with(step, to, serve_join(step, request));
}

base::result<sync_answer> consumer_group::serve_sync(group_step& step, const sync_request& request) {
  TIDELOG_TRY(const auto id, find_classic(request.member_id, request.instance_id));
  const auto& member = *state_.find(id);
  if (request.generation != member.current.epoch)
    return base::fail(errc::illegal_generation, "not its epoch");
  const auto* protocol = first_protocol(member);
  const bool is_consistent =
      (!request.protocol_type || *request.protocol_type == consumer_protocol_type) &&
      (!request.protocol_name || (protocol != nullptr && *request.protocol_name == protocol->name));
  if (!is_consistent) return base::fail(errc::inconsistent_protocol, "not the protocol of the join");
  auto& deadlines = deadlines_[id];
  // Who has something to give back has joined for the newest target already and gives it back first.
  if (state_.assignment_epoch() > member.current.epoch &&
      member.current.state != member_state::unrevoked_partitions) {
    if (deadlines.join == no_deadline) {
      set_deadline(deadlines.join, step.now_ms() + std::max(member.metadata.rebalance_timeout_ms, 0));
    }
    return base::fail(errc::rebalance_in_progress, "there is a newer target");
  }
  deadlines.sync = no_deadline;
  keep_alive(step, id);
  sync_answer answer;
  answer.protocol_type = request.protocol_type;
  answer.protocol_name = request.protocol_name;
  answer.assignment = classic_assignment_of(member, step.topics());
  return answer;
}

void consumer_group::sync(group_step& step, const sync_request& request, reply<sync_answer> to) {
  answer_with(step, to, serve_sync(step, request));
}

bool consumer_group::waits_for_others(const std::string& member_id,
                                      const consumer_group_member& member) const {
  if (member.current.state != member_state::unreleased_partitions) return false;
  const auto& target = state_.target_of(member_id);
  return std::any_of(target.begin(), target.end(), [&](const auto& topic) {
    return std::any_of(topic.second.begin(), topic.second.end(), [&](std::int32_t partition) {
      const auto* owner = state_.owner_of(topic.first, partition);
      return owner != nullptr && owner != &member;
    });
  });
}

void consumer_group::heartbeat(group_step& step, const heartbeat_request& request,
                               reply<heartbeat_answer> to) {
  heartbeat_answer answer;
  if (const auto id = find_classic(request.member_id, request.instance_id); !id) {
    answer.error = id.error().code;
  } else if (request.generation != state_.find(*id)->current.epoch) {
    answer.error = errc::illegal_generation;
  } else {
    event now(step, state_);
    follow_topics(now, subscription_change::none);
    make_target(now);
    // A change that cannot be written is found again by the next heartbeat.
    static_cast<void>(finish(now));
    const auto& member = *state_.find(*id);
    keep_alive(step, *id);
    const bool has_more_to_get =
        member.current.state == member_state::unreleased_partitions && !waits_for_others(*id, member);
    // Not for a newer group epoch alone: until there is a target for it, joining would bring nothing.
    if (member.current.epoch < state_.assignment_epoch() ||
        member.current.state == member_state::unrevoked_partitions || has_more_to_get) {
      answer.error = errc::rebalance_in_progress;
      auto& deadline = deadlines_[*id].join;
      if (deadline == no_deadline) {
        set_deadline(deadline, step.now_ms() + std::max(member.metadata.rebalance_timeout_ms, 0));
      }
    }
  }
  step.answer_at_once(std::move(to), answer);
}

void consumer_group::leave(group_step& step, const leave_request& request, reply<leave_answer> to) {
  event now(step, state_);
  leave_answer answer;
  std::vector<std::string> leaving;
  for (const auto& who : request.members) {
    auto& outcome = answer.members.emplace_back();
    outcome.member_id = who.member_id;
    outcome.instance_id = who.instance_id;
    // An operator removes static members by their instance ids alone.
    const auto* holder = who.instance_id ? state_.member_of_instance(*who.instance_id) : nullptr;
    const auto& meant = holder != nullptr && who.member_id.empty() ? *holder : who.member_id;
    const auto id = find_classic(meant, who.instance_id);
    const bool is_there_twice = id && std::find(leaving.begin(), leaving.end(), *id) != leaving.end();
    if (!id || is_there_twice) {
      outcome.error = id ? errc::unknown_member : id.error().code;
      continue;
    }
    outcome.member_id = *id;
    leaving.push_back(*id);
  }
  if (!leaving.empty()) {
    remove_members(now, leaving);
    if (const auto failure = finish(now)) {
      answer.error = failure;
      answer.members.clear();
    }
  }
  step.answer(std::move(to), std::move(answer));
}

}  // namespace tidelog::coordinator
