// Descriptions of groups, whichever of the two protocols they speak.

#include "tidelog/client/group_admin.hpp"
#include "tidelog/codec/consumer_protocol.hpp"
#include "tidelog/protocol/consumer_group_describe.hpp"
#include "tidelog/protocol/describe_groups.hpp"

#include <algorithm>

namespace tidelog::client {
namespace {

using descriptions = std::map<std::string, group_description>;

partition_list sorted(partition_list partitions) {
  std::sort(partitions.begin(), partitions.end());
  return partitions;
}

partition_list from_wire(const protocol::consumer_group_described_assignment& assignment) {
  partition_list partitions;
  for (const auto& topic : assignment.topic_partitions)
    for (const auto index : topic.partitions)
      partitions.push_back({topic.topic_name, model::partition_index(index)});
  return sorted(std::move(partitions));
}

member_description from_wire(protocol::consumer_group_described_member& member) {
  // Brokers say null or nothing where there is no pattern.
  if (member.subscribed_topic_regex && member.subscribed_topic_regex->empty())
    member.subscribed_topic_regex.reset();
  return {.id = std::move(member.member_id),
          .instance_id = std::move(member.instance_id),
          .client_id = std::move(member.client_id),
          .host = std::move(member.client_host),
          .rack = std::move(member.rack_id),
          .epoch = member.member_epoch,
          .topics = std::move(member.subscribed_topic_names),
          .topic_pattern = std::move(member.subscribed_topic_regex),
          .assigned = from_wire(member.assignment),
          .awaited = from_wire(member.target_assignment)};
}

group_description from_wire(protocol::consumer_group_described_group& group, model::broker_id coordinator) {
  group_description made{.id = std::move(group.group_id),
                         .type = "consumer",
                         .protocol_type = std::string(codec::consumer_protocol_type),
                         .state = std::move(group.group_state),
                         .assignor = std::move(group.assignor_name),
                         .coordinator = coordinator,
                         .group_epoch = group.group_epoch,
                         .assignment_epoch = group.assignment_epoch,
                         .members = {}};
  for (auto& member : group.members) made.members.push_back(from_wire(member));
  return made;
}

/// What members tell each other is theirs: what cannot be read of it is left out, and the rest is worth showing.
void read_consumer_protocol(protocol::described_group_member& member, member_description& into) {
  if (const auto wanted = codec::decode_subscription(member.member_metadata)) {
    into.topics = wanted->topics;
    into.rack = wanted->rack_id;
  }
  if (const auto assigned = codec::decode_assignment(member.member_assignment)) {
    for (const auto& topic : assigned->assigned_partitions)
      for (const auto index : topic.partitions)
        into.assigned.push_back({topic.topic, model::partition_index(index)});
    into.assigned = sorted(std::move(into.assigned));
  }
}

group_description from_wire(protocol::described_group& group, model::broker_id coordinator) {
  group_description made{.id = std::move(group.group_id),
                         .type = "classic",
                         .protocol_type = std::move(group.protocol_type),
                         .state = std::move(group.group_state),
                         .assignor = std::move(group.protocol_data),
                         .coordinator = coordinator,
                         .members = {}};
  for (auto& member : group.members) {
    auto& described = made.members.emplace_back();
    described.id = std::move(member.member_id);
    described.instance_id = std::move(member.group_instance_id);
    described.client_id = std::move(member.client_id);
    described.host = std::move(member.client_host);
    if (made.protocol_type == codec::consumer_protocol_type) read_consumer_protocol(member, described);
  }
  return made;
}

/// Those that speak the consumer protocol; others are left to describe_classic().
base::status describe_consumer(cluster& in, model::broker_id coordinator,
                               const std::vector<std::string>& groups, descriptions& into) {
  const protocol::consumer_group_describe_request request{.group_ids = groups};
  auto got = in.ask(coordinator, request);
  if (!got && got.error().code == client_errc::unsupported_api) return {};
  if (!got) return base::forward_error(got);
  for (auto& group : (*got)->groups) {
    // So are groups of the other protocol answered, and the one without a name, which only holds offsets.
    if (group.error_code == protocol::error_code::group_id_not_found ||
        group.error_code == protocol::error_code::invalid_group_id)
      continue;
    TIDELOG_DO(check_answer(group.error_code, group.group_id, group.error_message.value_or(std::string{})));
    const auto id = group.group_id;
    into.insert_or_assign(id, from_wire(group, coordinator));
  }
  return {};
}

base::status describe_classic(cluster& in, model::broker_id coordinator,
                              const std::vector<std::string>& groups, descriptions& into) {
  protocol::describe_groups_request request;
  for (const auto& group : groups)
    if (!into.contains(group)) request.groups.push_back(group);
  if (request.groups.empty()) return {};
  TIDELOG_TRY(auto got, in.ask(coordinator, request));
  for (auto& group : got->groups) {
    auto code = group.error_code;
    // Before version 6 this is all that is said of a group that does not exist.
    if (code == protocol::error_code::none && group.group_state == "Dead")
      code = protocol::error_code::group_id_not_found;
    TIDELOG_DO(check_answer(code, group.group_id, group.error_message.value_or(std::string{})));
    const auto id = group.group_id;
    into.insert_or_assign(id, from_wire(group, coordinator));
  }
  return {};
}

}  // namespace

base::result<std::vector<group_description>> describe_groups(cluster& in, std::span<const std::string> ids) {
  return in.retrying([&]() -> base::result<std::vector<group_description>> {
    TIDELOG_TRY(const auto coordinators, find_coordinators(in, ids));
    std::map<model::broker_id, std::vector<std::string>> groups_of;
    for (const auto& [group, id] : coordinators) groups_of[id].push_back(group);
    descriptions found;
    for (const auto& [id, groups] : groups_of) {
      TIDELOG_DO(describe_consumer(in, id, groups, found));
      TIDELOG_DO(describe_classic(in, id, groups, found));
    }
    std::vector<group_description> ordered;
    for (const auto& id : ids) {
      const auto place = found.find(id);
      if (place == found.end())
        return base::fail(client_errc::malformed_answer, "DescribeGroups leaves out {}", id);
      auto& members = place->second.members;
      std::sort(members.begin(), members.end(),
                [](const auto& left, const auto& right) { return left.id < right.id; });
      ordered.push_back(place->second);
    }
    return ordered;
  });
}

}  // namespace tidelog::client
