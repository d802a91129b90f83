#include "consumer_group.hpp"

#include "consumer_protocol.hpp"

#include "tidelog/base/log_message.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// A member that is to be fenced stays for this long when that could not be written.
constexpr std::int32_t write_retry_ms = 1'000;

std::vector<consumer_description::topic> described(const topic_partitions& partitions,
                                                   const topic_catalog& topics) {
  std::vector<consumer_description::topic> result;
  for (const auto& [id, indexes] : partitions) {
    // What belonged to a topic that is gone has no name to be shown by.
    if (const auto topic = topics.find(id)) result.push_back({id, topic->name, indexes});
  }
  return result;
}

bool is_held_since(const held_partitions& held, const model::topic_id& topic, std::int32_t partition,
                   std::int32_t epoch) {
  const auto at = held.find(topic);
  return at != held.end() &&
         std::any_of(at->second.begin(), at->second.end(),
                     [&](const held_partition& one) { return one.index == partition && one.epoch <= epoch; });
}

}  // namespace

consumer_group::consumer_group(std::string group_id) : state_(std::move(group_id)) {}

void consumer_group::begin_with(std::vector<group_record> records) {
  unwritten_.insert(unwritten_.begin(), std::make_move_iterator(records.begin()),
                    std::make_move_iterator(records.end()));
}

void consumer_group::replay(const group_record& record) {
  state_.replay(record);
}

void consumer_group::loaded(group_step& step) {
  deadlines_.clear();
  next_deadline_ = no_deadline;
  for (const auto& [id, member] : state_.members()) {
    keep_alive(step, id);
    expect_revocation(step, id, member_assignment{});
  }
}

steady_ms consumer_group::member_deadlines::earliest() const {
  return std::min({session, rebalance, join, sync});
}

void consumer_group::set_deadline(steady_ms& which, steady_ms to) {
  which = to;
  next_deadline_ = std::min(next_deadline_, to);
}

void consumer_group::keep_alive(const group_step& step, const std::string& member_id) {
  const auto& classic = state_.find(member_id)->metadata.classic;
  const auto timeout_ms =
      classic ? classic->session_timeout_ms : step.overrides_of(group_id()).session_timeout_ms;
  set_deadline(deadlines_[member_id].session, step.now_ms() + timeout_ms);
}

void consumer_group::expect_revocation(const group_step& step, const std::string& member_id,
                                       const member_assignment& before) {
  const auto& member = *state_.find(member_id);
  auto& deadlines = deadlines_[member_id];
  // Classic members give partitions back by joining again, which has a deadline of its own.
  if (member.is_classic() || member.current.state != member_state::unrevoked_partitions) {
    deadlines.rebalance = no_deadline;
  } else if (deadlines.rebalance == no_deadline || member.current != before) {
    set_deadline(deadlines.rebalance, step.now_ms() + std::max(member.metadata.rebalance_timeout_ms, 0));
  }
}

std::error_code consumer_group::finish(event& of) {
  if (const auto failure = of.change.write(of.step, unwritten_)) return failure;
  rebalance_count_ += of.rebalances;
  if (of.topics_version) topics_version_ = *of.topics_version;
  if (of.patterns_version) patterns_version_ = *of.patterns_version;
  if (of.successor) successor_ = std::move(of.successor);
  // Those of a classic group that was taken over have none yet.
  for (const auto& [id, member] : state_.members()) {
    if (deadlines_.size() >= state_.members().size()) break;
    if (!deadlines_.contains(id)) keep_alive(of.step, id);
  }
  if (deadlines_.size() > state_.members().size()) {
    std::erase_if(deadlines_, [&](const auto& one) { return state_.find(one.first) == nullptr; });
  }
  return {};
}

bool consumer_group::fence(group_step& step, const std::string& member_id) {
  event now(step, state_);
  if (member_count() > 1 && becomes_classic_without(step.settings(), member_id)) {
    become_classic(now, member_id);
  } else {
    remove_members(now, {member_id});
  }
  return !finish(now);
}

void consumer_group::advance(group_step& step) {
  const auto now = step.now_ms();
  if (now < next_deadline_) return;
  std::vector<std::string> late;
  for (const auto& [id, deadlines] : deadlines_) {
    if (deadlines.earliest() <= now) late.push_back(id);
  }
  for (const auto& id : late) {
    // A member whose records are gone otherwise (the group was given another kind) has nothing to lose.
    if (state_.find(id) == nullptr) {
      deadlines_.erase(id);
      continue;
    }
    base::say_info("Group {}: member {} was not heard of in time and is removed", group_id(), id);
    if (!fence(step, id)) {
      auto& deadlines = deadlines_[id];
      deadlines = member_deadlines{};
      deadlines.session = now + write_retry_ms;
    }
    if (successor_) return;
  }
  next_deadline_ = no_deadline;
  for (const auto& [id, deadlines] : deadlines_) {
    next_deadline_ = std::min(next_deadline_, deadlines.earliest());
  }
}

bool consumer_group::is_subscribed_to(const std::string& topic) const {
  if (state_.subscribed_names().contains(topic)) return true;
  return std::any_of(state_.patterns().begin(), state_.patterns().end(), [&](const auto& pattern) {
    const auto& topics = pattern.second.topics;
    return state_.users_of_pattern(pattern.first) > 0 &&
           std::binary_search(topics.begin(), topics.end(), topic);
  });
}

group_listing consumer_group::listing() const {
  return {group_id(), std::string(consumer_protocol_type), state(), group_type::consumer};
}

consumer_description consumer_group::describe(const topic_catalog& topics,
                                              const group_settings& settings) const {
  consumer_description result;
  result.group_id = group_id();
  result.state = state();
  result.group_epoch = state_.group_epoch();
  result.assignment_epoch = state_.assignment_epoch();
  result.assignor_name = preferred_assignor(settings);
  for (const auto& [id, member] : state_.members()) {
    auto& into = result.members.emplace_back();
    into.member_id = id;
    into.instance_id = member.metadata.instance_id;
    into.rack_id = member.metadata.rack_id;
    into.member_epoch = member.current.epoch;
    into.client = {member.metadata.client_id, member.metadata.client_host};
    into.subscribed_topic_names = member.metadata.subscribed_topic_names;
    into.subscribed_topic_pattern = member.pattern();
    into.assignment = described(without_epochs(member.current.assigned), topics);
    into.target_assignment = described(state_.target_of(id), topics);
    into.type = member.is_classic() ? group_type::classic : group_type::consumer;
  }
  return result;
}

std::error_code consumer_group::check_commit(const commit_request& request, commit_kind kind,
                                             const topic_catalog& topics) const {
  const auto epoch = request.generation_or_epoch;
  if (epoch < 0 && is_empty()) return {};
  if (kind == commit_kind::transactional && !names_member(request)) return {};
  const auto* member = state_.find(request.member_id);
  if (member == nullptr) return errc::unknown_member;
  if (epoch == member->current.epoch) return {};
  if (member->is_classic()) return errc::illegal_generation;
  if (epoch < 0 || epoch > member->current.epoch) return errc::stale_member_epoch;
  // A commit that was under way while the member went on to a new epoch counts for what it has held since before.
  for (const auto& topic : request.topics) {
    const auto known = topics.find(topic.name);
    if (!known) return errc::stale_member_epoch;
    for (const auto& partition : topic.partitions) {
      const bool is_held =
          is_held_since(member->current.assigned, known->id, partition.index, epoch) ||
          is_held_since(member->current.pending_revocation, known->id, partition.index, epoch);
      if (!is_held) return errc::stale_member_epoch;
    }
  }
  return {};
}

std::error_code consumer_group::check_fetch(const fetch_offsets_request& request) const {
  if (!request.member_id && request.member_epoch < 0) return {};
  const auto* member = request.member_id ? state_.find(*request.member_id) : nullptr;
  if (member == nullptr) return errc::unknown_member;
  if (request.member_epoch == member->current.epoch) return {};
  return member->is_classic() ? errc::illegal_generation : errc::stale_member_epoch;
}

}  // namespace tidelog::coordinator
