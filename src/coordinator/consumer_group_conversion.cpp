// From a classic group and back, with the members going on as they are (group.consumer.migration.policy).
#include "consumer_group.hpp"
#include "consumer_protocol.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

bool may_upgrade(const group_settings& settings) {
  return settings.consumer_migration == migration_policy::upgrade ||
         settings.consumer_migration == migration_policy::bidirectional;
}

bool may_downgrade(const group_settings& settings) {
  return settings.consumer_migration == migration_policy::downgrade ||
         settings.consumer_migration == migration_policy::bidirectional;
}

/// The subscription that counted: for the protocol that was chosen, else for the member's first.
const bytes* subscription_of(const classic_member_state& member, const std::optional<std::string>& protocol) {
  const auto at = std::find_if(member.protocols.begin(), member.protocols.end(),
                               [&](const group_protocol& one) { return !protocol || one.name == *protocol; });
  return at == member.protocols.end() ? nullptr : &at->metadata;
}

classic_member_metadata classic_metadata_of(const classic_member_state& member) {
  classic_member_metadata result;
  result.session_timeout_ms = member.session_timeout_ms;
  for (const auto& one : member.protocols) result.supported_protocols.push_back({one.name, one.metadata});
  return result;
}

consumer_group_member_metadata_value metadata_of(const classic_member_state& member,
                                                 consumer_protocol_subscription subscription) {
  consumer_group_member_metadata_value metadata;
  metadata.instance_id = member.instance_id;
  metadata.rack_id = std::move(subscription.rack_id);
  metadata.client_id = member.client.client_id;
  metadata.client_host = member.client.host;
  metadata.subscribed_topic_names = std::move(subscription.topics);
  auto& names = metadata.subscribed_topic_names;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  metadata.subscribed_topic_regex = "";
  metadata.rebalance_timeout_ms = member.rebalance_timeout_ms;
  metadata.classic = classic_metadata_of(member);
  return metadata;
}

/// What a leader gave the member and nobody else has yet; topics that are gone are left out.
topic_partitions partitions_of(const consumer_protocol_assignment& assignment, const topic_catalog& topics,
                               const consumer_group_state& taken) {
  std::vector<assigned_topic> assigned;
  for (const auto& topic : assignment.assigned_partitions) {
    const auto known = topics.find(topic.topic);
    if (!known) continue;
    auto& into = assigned.emplace_back(assigned_topic{known->id, {}});
    for (const auto index : topic.partitions) {
      const bool exists = index >= 0 && index < known->partition_count;
      if (exists && taken.owner_of(known->id, index) == nullptr) into.partitions.push_back(index);
    }
  }
  return sorted_partitions(assigned);
}

held_partitions held_since(const topic_partitions& partitions, std::int32_t epoch) {
  held_partitions held;
  for (const auto& [topic, indexes] : partitions) {
    for (const auto index : indexes) held[topic].push_back({index, epoch});
  }
  return held;
}

}  // namespace

base::result<std::unique_ptr<consumer_group>> consumer_group::from_classic(const classic_group_state& classic,
                                                                           const group_settings& settings,
                                                                           const topic_catalog& topics) {
  const auto& id = classic.group_id;
  if (!may_upgrade(settings) || classic.protocol_type != consumer_protocol_type) {
    return base::fail(errc::group_not_found, "group {} is a classic group and stays one", id);
  }
  if (classic.members.size() > static_cast<std::size_t>(std::max(settings.consumer_max_size, 0))) {
    return base::fail(errc::group_not_found, "classic group {} has too many members to change", id);
  }
  struct newcomer {
    std::string member_id;
    consumer_group_member_metadata_value metadata;
    consumer_protocol_assignment assignment;
  };
  std::vector<newcomer> newcomers;
  for (const auto& member : classic.members) {
    const auto* bytes_of = subscription_of(member, classic.protocol_name);
    auto subscription = bytes_of == nullptr ? base::result<consumer_protocol_subscription>(
                                                  base::fail(errc::group_not_found, "no subscription"))
                                            : read_subscription(*bytes_of);
    auto assignment = member.assignment.empty() ? base::result<consumer_protocol_assignment>{}
                                                : read_assignment(member.assignment);
    if (!subscription || !assignment) {
      return base::fail(errc::group_not_found, "what member {} of group {} sent cannot be read",
                        member.member_id, id);
    }
    newcomers.push_back(
        {member.member_id, metadata_of(member, std::move(*subscription)), std::move(*assignment)});
  }

  auto group = std::make_unique<consumer_group>(id);
  const auto put = [&group](group_record record) {
    group->state_.replay(record);
    group->unwritten_.push_back(std::move(record));
  };
  const auto epoch = classic.generation;
  put(group_metadata_record{{id}, std::nullopt});
  for (auto& one : newcomers) {
    put(consumer_group_member_metadata_record{{id, one.member_id}, std::move(one.metadata)});
  }
  put(consumer_group_metadata_record{{id}, consumer_group_metadata_value{epoch, 0}});
  std::vector<group_record> current;
  for (const auto& one : newcomers) {
    const auto partitions = partitions_of(one.assignment, topics, group->state_);
    const member_assignment has{epoch, epoch, member_state::stable, held_since(partitions, epoch), {}};
    put(consumer_group_target_assignment_member_record{{id, one.member_id}, to_value(partitions)});
    current.emplace_back(consumer_group_current_member_assignment_record{{id, one.member_id}, to_value(has)});
    // At once: what this one has, no other may have.
    group->state_.replay(current.back());
  }
  put(consumer_group_target_assignment_metadata_record{
      {id}, consumer_group_target_assignment_metadata_value{epoch, 0}});
  for (auto& record : current) put(std::move(record));
  return group;
}

bool consumer_group::becomes_classic_without(const group_settings& settings,
                                             const std::string& member_id) const {
  const auto* member = state_.find(member_id);
  const auto left = member_count() - 1;
  return member != nullptr && !member->is_classic() && state_.classic_member_count() == left &&
         may_downgrade(settings) && left <= static_cast<std::size_t>(std::max(settings.max_size, 0));
}

void consumer_group::become_classic(event& of, const std::string& without_member_id) {
  classic_group_state classic;
  classic.group_id = group_id();
  classic.protocol_type = consumer_protocol_type;
  classic.generation = state_.group_epoch();
  for (const auto& [id, member] : state_.members()) {
    if (id == without_member_id) continue;
    auto& into = classic.members.emplace_back();
    into.member_id = id;
    into.instance_id = member.metadata.instance_id;
    into.client = {member.metadata.client_id, member.metadata.client_host};
    into.rebalance_timeout_ms = member.metadata.rebalance_timeout_ms;
    into.session_timeout_ms = member.metadata.classic->session_timeout_ms;
    for (const auto& one : member.metadata.classic->supported_protocols) {
      into.protocols.push_back({one.name, one.metadata});
    }
    into.assignment = classic_assignment_of(member, of.step.topics());
  }
  of.successor = std::make_unique<classic_group>(std::move(classic), of.step.unix_now_ms());
  auto record = of.successor->record();
  for (auto& tombstone : state_.tombstones()) of.change.put(std::move(tombstone));
  of.change.put(std::move(record));
}

}  // namespace tidelog::coordinator
