#include "tidelog/client/group_member.hpp"

#include "tidelog/client/assignor.hpp"
#include "tidelog/codec/consumer_protocol.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/leave_group.hpp"
#include "tidelog/protocol/sync_group.hpp"

#include <algorithm>
#include <set>

namespace tidelog::client {
namespace {

using protocol::error_code;

constexpr std::string_view assignor_name = "range";

std::int32_t ms_of(std::chrono::milliseconds duration) {
  return static_cast<std::int32_t>(duration.count());
}

codec::consumer_protocol_assignment to_wire(const partition_list& partitions) {
  codec::consumer_protocol_assignment message;
  for (const auto& at : partitions) {
    auto& topics = message.assigned_partitions;
    if (topics.empty() || topics.back().topic != at.topic)
      topics.push_back({.topic = at.topic, .partitions = {}});
    topics.back().partitions.push_back(at.partition.value());
  }
  return message;
}

partition_list from_wire(const codec::consumer_protocol_assignment& message) {
  partition_list partitions;
  for (const auto& topic : message.assigned_partitions)
    for (const auto index : topic.partitions)
      partitions.push_back({topic.topic, model::partition_index(index)});
  std::sort(partitions.begin(), partitions.end());
  return partitions;
}

base::result<std::vector<subscribed_member>> subscriptions_of(const protocol::join_group_response& joined) {
  std::vector<subscribed_member> members;
  for (const auto& member : joined.members) {
    auto metadata = member.metadata;
    auto subscription = codec::decode_subscription(metadata);
    if (!subscription) {
      return base::fail(client_errc::malformed_answer, "the subscription of member {}: {}", member.member_id,
                        subscription.error().describe());
    }
    members.push_back({member.member_id, member.group_instance_id, std::move(subscription->topics)});
  }
  return members;
}

}  // namespace

template <class Request>
base::result<answer<Request>> group_member::ask_coordinator(const Request& request,
                                                            std::chrono::milliseconds extra_wait) {
  if (!coordinator_) {
    TIDELOG_TRY(coordinator_, find_coordinator(cluster_, options_.group));
  }
  const auto id = *coordinator_;
  auto reached = cluster_.to_broker(id);
  if (reached) {
    auto got = (*reached)->call(request, extra_wait);
    if (got) return got;
    if (!(*reached)->is_usable()) cluster_.drop(id);
    coordinator_.reset();
    return base::forward_error(got);
  }
  coordinator_.reset();
  return base::forward_error(reached);
}

base::status group_member::join() {
  const auto until = after(options_.rebalance_timeout * 2 + cluster_.options().retry_for);
  assigned_.clear();
  counts_assigned_.reset();
  for (;;) {
    TIDELOG_TRY(const auto outcome, cluster_.retrying([this] { return join_once(); }));
    if (outcome == attempt::joined) break;
    if (clock::now() > until)
      return base::fail(client_errc::timed_out, "group {} does not come to rest", options_.group);
  }
  next_heartbeat_ = clock::now() + options_.heartbeat_interval;
  next_topic_check_ = clock::now() + options_.topic_check_interval;
  return {};
}

base::result<group_member::attempt> group_member::join_once() {
  codec::consumer_protocol_subscription subscription;
  subscription.topics = options_.topics;
  protocol::join_group_request request;
  request.group_id = options_.group;
  request.session_timeout_ms = ms_of(options_.session_timeout);
  request.rebalance_timeout_ms = ms_of(options_.rebalance_timeout);
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = codec::consumer_protocol_type;
  request.protocols.push_back(
      {.name = std::string(assignor_name), .metadata = codec::encode_with_version(subscription)});
  TIDELOG_TRY(const auto got, ask_coordinator(request, options_.rebalance_timeout));
  if (got->error_code == error_code::member_id_required) {
    member_id_ = got->member_id;
    return attempt::again;
  }
  if (got->error_code != error_code::none) return begin_again(got->error_code);
  member_id_ = got->member_id;
  generation_ = got->generation_id;
  return synchronize(got.message);
}

base::result<group_member::attempt> group_member::synchronize(const protocol::join_group_response& joined) {
  protocol::sync_group_request request;
  request.group_id = options_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = joined.protocol_type;
  request.protocol_name = joined.protocol_name;
  if (joined.leader == member_id_) {
    TIDELOG_TRY(const auto members, subscriptions_of(joined));
    std::set<std::string> topics;
    for (const auto& member : members) topics.insert(member.topics.begin(), member.topics.end());
    TIDELOG_TRY(counts_assigned_, partition_counts({topics.begin(), topics.end()}));
    if (!joined.skip_assignment) {
      for (const auto& [id, partitions] : assign_range(members, *counts_assigned_))
        request.assignments.push_back(
            {.member_id = id, .assignment = codec::encode_with_version(to_wire(partitions))});
    }
  }
  TIDELOG_TRY(auto got, ask_coordinator(request, options_.rebalance_timeout));
  if (got->error_code != error_code::none) return begin_again(got->error_code);
  if (got->assignment.empty()) return attempt::joined;
  TIDELOG_TRY(const auto assignment, codec::decode_assignment(got->assignment));
  assigned_ = from_wire(assignment);
  return attempt::joined;
}

// What a failed JoinGroup or SyncGroup means for the next one.
base::result<group_member::attempt> group_member::begin_again(error_code code) {
  TIDELOG_TRY(const auto verdict, judge(code));
  if (verdict != membership::held) return attempt::again;
  return tl::unexpected(check_answer(code, options_.group).error());
}

/// Fails for codes that are not about the membership. Retriable ones are failures too, for cluster::retrying().
base::result<membership> group_member::judge(error_code code) {
  switch (code) {
    case error_code::none:
      return membership::held;
    case error_code::rebalance_in_progress:
      return membership::rebalancing;
    case error_code::unknown_member_id:
      member_id_.clear();
      generation_ = -1;
      return membership::lost;
    case error_code::illegal_generation:
      generation_ = -1;
      return membership::lost;
    default:
      if (is_about_coordinator(code)) coordinator_.reset();
      return tl::unexpected(check_answer(code, options_.group).error());
  }
}

base::result<std::map<std::string, std::int32_t>> group_member::partition_counts(
    const std::vector<std::string>& topics) {
  std::map<std::string, std::int32_t> counts;
  for (const auto& name : topics) {
    cluster_.forget(name);
    const auto topic = cluster_.topic(name);
    const bool is_missing = !topic && topic.error().code == client_errc::unknown_topic;
    if (!topic && !is_missing) return tl::unexpected(topic.error());
    counts[name] = is_missing ? 0 : static_cast<std::int32_t>((*topic)->partitions.size());
  }
  return counts;
}

base::result<bool> group_member::topics_have_changed() {
  if (!counts_assigned_ || clock::now() < next_topic_check_) return false;
  next_topic_check_ = clock::now() + options_.topic_check_interval;
  std::vector<std::string> topics;
  for (const auto& [topic, count] : *counts_assigned_) topics.push_back(topic);
  TIDELOG_TRY(const auto counts, partition_counts(topics));
  return counts != *counts_assigned_;
}

base::result<membership> group_member::keep_alive() {
  TIDELOG_TRY(const bool changed, topics_have_changed());
  if (changed) return membership::rebalancing;
  if (clock::now() < next_heartbeat_) return membership::held;
  protocol::heartbeat_request request;
  request.group_id = options_.group;
  request.generation_id = generation_;
  request.member_id = member_id_;
  request.group_instance_id = options_.instance_id;
  TIDELOG_TRY(const auto verdict, cluster_.retrying([&]() -> base::result<membership> {
    TIDELOG_TRY(const auto got, ask_coordinator(request));
    return judge(got->error_code);
  }));
  next_heartbeat_ = clock::now() + options_.heartbeat_interval;
  return verdict;
}

base::result<membership> group_member::commit(std::span<const committed_offset> offsets) {
  if (offsets.empty()) return membership::held;
  TIDELOG_TRY(const auto outcomes, commit_offsets(cluster_, options_.group, offsets,
                                                  {generation_, member_id_, options_.instance_id}));
  for (const auto& outcome : outcomes) {
    // All partitions are told the same about the membership.
    TIDELOG_TRY(const auto verdict, judge(outcome.code));
    if (verdict != membership::held) return verdict;
  }
  return membership::held;
}

base::status group_member::leave() {
  if (member_id_.empty() || options_.instance_id) return {};
  protocol::leave_group_request request;
  request.group_id = options_.group;
  // Which of the two travels depends on the version.
  request.member_id = member_id_;
  request.members.push_back({.member_id = member_id_, .group_instance_id = {}, .reason = {}});
  member_id_.clear();
  generation_ = -1;
  assigned_.clear();
  TIDELOG_TRY(const auto got, ask_coordinator(request));
  return check_answer(got->error_code, options_.group);
}

}  // namespace tidelog::client
