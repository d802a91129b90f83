#include "classic_group.hpp"

#include "consumer_protocol.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// The subscription of a member as the records have it: of the chosen protocol alone.
std::vector<group_protocol> recorded_protocols(const std::optional<std::string>& protocol,
                                               const bytes& subscription) {
  return {group_protocol{protocol.value_or(""), subscription}};
}

}  // namespace

classic_group::classic_group(std::string group_id) : group_id_(std::move(group_id)) {}

classic_group::classic_group(classic_group_state from, std::int64_t unix_now_ms)
    : group_id_(std::move(from.group_id)),
      state_since_unix_ms_(unix_now_ms),
      generation_(from.generation),
      protocol_type_(std::move(from.protocol_type)),
      protocol_name_(std::move(from.protocol_name)),
      leader_id_(std::move(from.leader_id)),
      is_in_log_(true) {
  for (auto& state : from.members) {
    if (!leader_id_) leader_id_ = state.member_id;
    state.protocols = distinct_protocols(std::move(state.protocols));
    classic_member member;
    static_cast<classic_member_state&>(member) = std::move(state);
    members_.add(std::move(member));
  }
  if (!members_.empty()) {
    state_ = group_state::stable;
    if (!protocol_name_) protocol_name_ = members_.elect_protocol().value_or("");
  }
  read_subscribed_topics_of_members();
}

void classic_group::replay(const group_metadata_value& value) {
  previous_state_ = group_state::dead;
  state_ = value.members.empty() ? group_state::empty : group_state::stable;
  state_since_unix_ms_ = value.current_state_timestamp;
  generation_ = value.generation;
  protocol_type_ = value.protocol_type;
  protocol_name_ = value.protocol;
  leader_id_ = value.leader;
  load_members(value);
  read_subscribed_topics_of_members();
  is_in_log_ = true;
}

void classic_group::load_members(const group_metadata_value& value) {
  members_.clear();
  for (const auto& recorded : value.members) {
    // Nobody writes a member twice; a damaged record is no reason to stop.
    const bool is_double = members_.find(recorded.member_id) != nullptr ||
                           (recorded.group_instance_id && members_.find_static(*recorded.group_instance_id));
    if (is_double) continue;
    classic_member member;
    member.member_id = recorded.member_id;
    member.instance_id = recorded.group_instance_id;
    member.client = {recorded.client_id, recorded.client_host};
    member.session_timeout_ms = recorded.session_timeout;
    // Before the records told the rebalance timeout, the session's was used for both.
    member.rebalance_timeout_ms =
        recorded.rebalance_timeout == -1 ? recorded.session_timeout : recorded.rebalance_timeout;
    member.protocols = recorded_protocols(value.protocol, recorded.subscription);
    member.assignment = recorded.assignment;
    members_.add(std::move(member));
  }
  if (!leader_id_ && !members_.empty()) leader_id_ = members_.all().begin()->first;
}

void classic_group::on_loaded(group_step& step) {
  for (auto& [member_id, member] : members_.all()) keep_alive(step, member);
  const auto allowed = static_cast<std::size_t>(std::max(step.settings().max_size, 0));
  if (members_.size() > allowed) prepare_rebalance(step);
}

void classic_group::on_takeover(group_step& step, after_takeover then) {
  for (auto& [member_id, member] : members_.all()) keep_alive(step, member);
  if (then == after_takeover::rebalances && !members_.empty()) prepare_rebalance(step);
}

classic_group_state classic_group::snapshot() const {
  classic_group_state state{group_id_, protocol_type_, generation_, protocol_name_, leader_id_, {}};
  for (const auto& [member_id, member] : members_.all()) state.members.push_back(member);
  return state;
}

group_metadata_value classic_group::record_value() const {
  group_metadata_value value;
  value.protocol_type = protocol_type_;
  value.generation = generation_;
  value.protocol = protocol_name_;
  value.leader = leader_id_;
  value.current_state_timestamp = state_since_unix_ms_;
  for (const auto& [member_id, member] : members_.all()) {
    auto& recorded = value.members.emplace_back();
    recorded.member_id = member.member_id;
    recorded.group_instance_id = member.instance_id;
    recorded.client_id = member.client.client_id;
    recorded.client_host = member.client.host;
    recorded.rebalance_timeout = member.rebalance_timeout_ms;
    recorded.session_timeout = member.session_timeout_ms;
    if (const auto* subscription = member.metadata_of(protocol_name_.value_or(""))) {
      recorded.subscription = *subscription;
    }
    recorded.assignment = member.assignment;
  }
  return value;
}

group_metadata_record classic_group::record() const {
  return {{group_id_}, record_value()};
}

group_metadata_record classic_group::tombstone() const {
  return {{group_id_}, std::nullopt};
}

bool classic_group::uses_consumer_protocol() const {
  return protocol_type_ == consumer_protocol_type;
}

bool classic_group::is_unused() const {
  return !is_in_log_ && members_.empty() && pending_.empty() && state_ == group_state::empty;
}

std::int32_t classic_group::next_generation() const {
  // Zero stands for a group that has not had one.
  return generation_ == std::numeric_limits<std::int32_t>::max() ? 1 : generation_ + 1;
}

void classic_group::read_subscribed_topics_of_members() {
  subscribed_topics_.reset();
  if (!uses_consumer_protocol()) return;
  std::vector<std::string> all;
  for (const auto& [member_id, member] : members_.all()) {
    const auto* subscription = member.metadata_of(protocol_name_.value_or(""));
    if (subscription == nullptr) return;
    auto topics = read_subscribed_topics(*subscription);
    if (!topics) return;
    all.insert(all.end(), std::make_move_iterator(topics->begin()), std::make_move_iterator(topics->end()));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  all.shrink_to_fit();
  subscribed_topics_ = std::move(all);
}

bool classic_group::is_subscribed_to(const std::string& topic) const {
  if (!subscribed_topics_) return uses_consumer_protocol();
  return std::binary_search(subscribed_topics_->begin(), subscribed_topics_->end(), topic);
}

std::optional<offset_expiry> classic_group::expiry() const {
  if (protocol_type_.empty()) return offset_expiry{};
  if (state_ == group_state::empty) {
    offset_expiry since_empty;
    if (state_since_unix_ms_ >= 0) since_empty.since_unix_ms = state_since_unix_ms_;
    return since_empty;
  }
  if (state_ == group_state::stable && subscribed_topics_) {
    return offset_expiry{std::nullopt, [this](const std::string& topic) { return is_subscribed_to(topic); }};
  }
  return std::nullopt;
}

group_listing classic_group::listing() const {
  return {group_id_, protocol_type_, state_, group_type::classic};
}

classic_description classic_group::describe() const {
  classic_description told;
  told.group_id = group_id_;
  told.state = state_;
  told.protocol_type = protocol_type_;
  // Between generations there is no protocol, and what members have told may change yet.
  const bool is_settled = state_ == group_state::stable;
  if (is_settled) told.protocol_name = protocol_name_.value_or("");
  for (const auto& [member_id, member] : members_.all()) {
    auto& described = told.members.emplace_back();
    described.member_id = member.member_id;
    described.instance_id = member.instance_id;
    described.client = member.client;
    described.assignment = member.assignment;
    const auto* metadata = is_settled ? member.metadata_of(told.protocol_name) : nullptr;
    if (metadata != nullptr) described.metadata = *metadata;
  }
  return told;
}

}  // namespace tidelog::coordinator
