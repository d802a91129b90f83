// Heartbeats of the new protocol: joining, staying, leaving.
#include "consumer_group.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

base::status check_joining(const consumer_heartbeat_request& request) {
  if (request.rebalance_timeout_ms == -1) {
    return base::fail(errc::invalid_request, "a member that joins says its rebalance timeout");
  }
  if (!request.owned || !request.owned->empty()) {
    return base::fail(errc::invalid_request, "a member that joins owns no partitions, and says so");
  }
  if (!request.subscribed_topic_names && !request.subscribed_topic_pattern) {
    return base::fail(errc::invalid_request, "a member that joins says what it subscribes to");
  }
  return {};
}

base::status check_request(const consumer_heartbeat_request& request, const group_settings& settings) {
  if (request.group_id.empty()) return base::fail(errc::invalid_request, "the group id is empty");
  if (request.instance_id && request.instance_id->empty()) {
    return base::fail(errc::invalid_request, "the instance id is empty");
  }
  if (request.rack_id && request.rack_id->empty()) {
    return base::fail(errc::invalid_request, "the rack id is empty");
  }
  const auto epoch = request.member_epoch;
  const bool makes_its_id = request.member_id_from == consumer_heartbeat_request::id_made_by::member;
  if (request.member_id.empty() && (makes_its_id || epoch != joining_epoch)) {
    return base::fail(errc::invalid_request, "the member id is empty");
  }
  if (epoch < static_leaving_epoch) {
    return base::fail(errc::invalid_request, "there is no member epoch {}", epoch);
  }
  if (epoch == static_leaving_epoch && !request.instance_id) {
    return base::fail(errc::invalid_request, "only a static member leaves for a while");
  }
  if (epoch == joining_epoch) TIDELOG_DO(check_joining(request));
  const auto& assignors = settings.consumer_assignors;
  if (request.server_assignor &&
      std::find(assignors.begin(), assignors.end(), *request.server_assignor) == assignors.end()) {
    return base::fail(errc::unsupported_assignor, "there is no assignor {}", *request.server_assignor);
  }
  return {};
}

bool is_part_of(const topic_partitions& part, const held_partitions& whole) {
  return std::all_of(part.begin(), part.end(), [&](const auto& topic) {
    const auto at = whole.find(topic.first);
    if (at == whole.end()) return false;
    return std::all_of(topic.second.begin(), topic.second.end(), [&](std::int32_t index) {
      const auto found = std::lower_bound(
          at->second.begin(), at->second.end(), index,
          [](const held_partition& held, std::int32_t wanted) { return held.index < wanted; });
      return found != at->second.end() && found->index == index;
    });
  });
}

/// The answer with the newer epoch may have been lost: the epoch before is taken from a member that has no more than it
/// should have.
base::status check_epoch(const consumer_heartbeat_request& request, const member_assignment& current) {
  if (request.member_epoch == joining_epoch || request.member_epoch == current.epoch) return {};
  const bool is_the_one_before = request.member_epoch < current.epoch &&
                                 request.member_epoch == current.previous_epoch && request.owned &&
                                 is_part_of(sorted_partitions(*request.owned), current.assigned);
  if (is_the_one_before) return {};
  return base::fail(errc::fenced_member_epoch,
                    "the member's epoch is {} here, not {}: it gives up its partitions and joins again",
                    current.epoch, request.member_epoch);
}

consumer_group_member_metadata_value merged(consumer_group_member_metadata_value metadata,
                                            const consumer_heartbeat_request& request) {
  if (request.instance_id) metadata.instance_id = request.instance_id;
  if (request.rack_id) metadata.rack_id = request.rack_id;
  if (request.rebalance_timeout_ms != -1) metadata.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.server_assignor) metadata.server_assignor = request.server_assignor;
  if (request.subscribed_topic_names) metadata.subscribed_topic_names = *request.subscribed_topic_names;
  if (request.subscribed_topic_pattern) metadata.subscribed_topic_regex = request.subscribed_topic_pattern;
  metadata.client_id = request.client.client_id;
  metadata.client_host = request.client.host;
  metadata.classic.reset();
  return metadata;
}

bool says_everything(const consumer_heartbeat_request& request) {
  const bool has_subscription = request.subscribed_topic_names || request.subscribed_topic_pattern;
  return request.member_epoch == joining_epoch ||
         (request.rebalance_timeout_ms != -1 && has_subscription && request.owned);
}

std::vector<assigned_topic> to_assigned(const held_partitions& held) {
  std::vector<assigned_topic> result;
  result.reserve(held.size());
  for (auto& [topic, partitions] : without_epochs(held)) result.push_back({topic, partitions});
  return result;
}

}  // namespace

void consumer_group::consumer_heartbeat(group_step& step, const consumer_heartbeat_request& request,
                                        reply<consumer_heartbeat_answer> to) {
  const auto valid = check_request(request, step.settings());
  const bool leaves = request.member_epoch < joining_epoch;
  auto served = !valid   ? base::result<consumer_heartbeat_answer>(tl::unexpected(valid.error()))
                : leaves ? serve_leaving(step, request)
                         : serve(step, request);
  if (!served) {
    consumer_heartbeat_answer refusal;
    refusal.error = served.error().code;
    refusal.error_message = served.error().context;
    step.answer_at_once(std::move(to), std::move(refusal));
  } else if (served->assignment || served->member_epoch != request.member_epoch || leaves) {
    step.answer(std::move(to), std::move(*served));
  } else {
    step.answer_at_once(std::move(to), std::move(*served));
  }
}

base::status consumer_group::check_room(const group_step& step, const std::string& member_id) const {
  const auto most = static_cast<std::size_t>(std::max(step.settings().consumer_max_size, 0));
  if (state_.find(member_id) == nullptr && member_count() >= most) {
    return base::fail(errc::group_max_size_reached, "group {} has {} members, and is to have no more",
                      group_id(), member_count());
  }
  return {};
}

/// The id of the member that the heartbeat is of. A member that is new has no record yet, or its predecessor's.
base::result<std::string> consumer_group::admit(event& of, const consumer_heartbeat_request& request) {
  const bool joins = request.member_epoch == joining_epoch;
  if (!joins && !is_there()) return base::fail(errc::group_not_found, "there is no group {}", group_id());
  auto id = request.member_id.empty() ? of.step.random_id() : request.member_id;
  if (request.instance_id) return admit_static(of, request, std::move(id));
  const auto* member = state_.find(id);
  if (member == nullptr && !joins) {
    return base::fail(errc::unknown_member, "{} is no member of group {}", id, group_id());
  }
  if (member != nullptr) {
    TIDELOG_DO(check_epoch(request, member->current));
  } else {
    TIDELOG_DO(check_room(of.step, id));
  }
  return id;
}

base::result<std::string> consumer_group::admit_static(event& of, const consumer_heartbeat_request& request,
                                                       std::string member_id) {
  const bool joins = request.member_epoch == joining_epoch;
  const auto* holder = state_.member_of_instance(*request.instance_id);
  if (holder == nullptr) {
    if (!joins) {
      return base::fail(errc::unknown_member, "no member of group {} has instance id {}", group_id(),
                        *request.instance_id);
    }
    TIDELOG_DO(check_room(of.step, member_id));
    return member_id;
  }
  const auto& there = *state_.find(*holder);
  if (*holder == member_id) {
    // Who left for a while comes back by joining; its epoch then is that of its leaving.
    TIDELOG_DO(check_epoch(request, there.current));
    if (joins && there.current.epoch == static_leaving_epoch) rename_member(of, member_id, member_id);
    return member_id;
  }
  if (!joins) {
    return base::fail(errc::fenced_instance_id, "instance id {} is member {} now", *request.instance_id,
                      *holder);
  }
  if (there.current.epoch != static_leaving_epoch && !there.is_classic()) {
    return base::fail(errc::unreleased_instance_id, "instance id {} is that of member {}, which is there",
                      *request.instance_id, *holder);
  }
  if (state_.find(member_id) != nullptr) {
    return base::fail(errc::invalid_request, "{} is another member of group {}", member_id, group_id());
  }
  rename_member(of, std::string(*holder), member_id);
  return member_id;
}

base::result<consumer_heartbeat_answer> consumer_group::serve(group_step& step,
                                                              const consumer_heartbeat_request& request) {
  event now(step, state_);
  TIDELOG_TRY(const auto id, admit(now, request));
  const auto& pattern = request.subscribed_topic_pattern;
  if (pattern && !pattern->empty()) {
    TIDELOG_ASSERT(request.resolution.has_value());
    if (const auto& fault = request.resolution->fault; !fault.empty()) {
      return base::fail(errc::invalid_pattern, "the pattern is refused: {}", fault);
    }
  }
  const auto* member = state_.find(id);
  const auto before = member == nullptr ? member_assignment{} : member->current;
  auto metadata =
      merged(member == nullptr ? consumer_group_member_metadata_value{} : member->metadata, request);
  const auto change = update_member(now, id, std::move(metadata), request.resolution);
  follow_topics(now, change);
  make_target(now);
  std::optional<topic_partitions> owned;
  if (request.owned) owned = sorted_partitions(*request.owned);
  move_member(now, id, owned, change);
  if (const auto failure = finish(now)) {
    return base::fail(failure, "the change of group {} was not written", group_id());
  }

  keep_alive(step, id);
  expect_revocation(step, id, before);
  const auto& after = state_.find(id)->current;
  consumer_heartbeat_answer answer;
  answer.member_id = id;
  answer.member_epoch = after.epoch;
  answer.heartbeat_interval_ms = step.overrides_of(group_id()).heartbeat_interval_ms;
  if (says_everything(request) || without_epochs(after.assigned) != without_epochs(before.assigned)) {
    answer.assignment = to_assigned(after.assigned);
  }
  return answer;
}

base::result<consumer_heartbeat_answer> consumer_group::serve_leaving(
    group_step& step, const consumer_heartbeat_request& request) {
  if (!is_there()) return base::fail(errc::group_not_found, "there is no group {}", group_id());
  event now(step, state_);
  const auto& id = request.member_id;
  if (request.instance_id) {
    const auto* holder = state_.member_of_instance(*request.instance_id);
    if (holder == nullptr) {
      return base::fail(errc::unknown_member, "no member of group {} has instance id {}", group_id(),
                        *request.instance_id);
    }
    if (*holder != id) {
      return base::fail(errc::fenced_instance_id, "instance id {} is member {} now", *request.instance_id,
                        *holder);
    }
  }
  const auto* member = state_.find(id);
  if (member == nullptr) {
    return base::fail(errc::unknown_member, "{} is no member of group {}", id, group_id());
  }
  if (request.member_epoch == static_leaving_epoch) {
    auto away = member->current;
    away.epoch = static_leaving_epoch;
    away.pending_revocation.clear();
    for (auto& [topic, held] : away.assigned) {
      for (auto& one : held) one.epoch = joining_epoch;
    }
    now.change.put(consumer_group_current_member_assignment_record{{group_id(), id}, to_value(away)});
  } else if (member_count() > 1 && becomes_classic_without(step.settings(), id)) {
    become_classic(now, id);
  } else {
    remove_members(now, {id});
  }
  if (const auto failure = finish(now)) {
    return base::fail(failure, "the change of group {} was not written", group_id());
  }
  consumer_heartbeat_answer answer;
  answer.member_id = id;
  answer.member_epoch = request.member_epoch;
  return answer;
}

}  // namespace tidelog::coordinator
