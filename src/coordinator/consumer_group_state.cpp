#include "consumer_group_state.hpp"

#include <algorithm>
#include <set>
#include <type_traits>

namespace tidelog::coordinator {
namespace {

template <class Key>
void count(std::map<Key, std::size_t, std::less<>>& in, const Key& key) {
  ++in[key];
}

template <class Key>
void discount(std::map<Key, std::size_t, std::less<>>& in, const Key& key) {
  auto at = in.find(key);
  if (at != in.end() && --at->second == 0) in.erase(at);
}

/// Records of a directory that came from elsewhere may say anything: sorted, each once.
void put_in_order(std::vector<held_partition>& held) {
  const auto before = [](const held_partition& left, const held_partition& right) {
    return left.index < right.index;
  };
  const auto same = [](const held_partition& left, const held_partition& right) {
    return left.index == right.index;
  };
  std::stable_sort(held.begin(), held.end(), before);
  held.erase(std::unique(held.begin(), held.end(), same), held.end());
}

void put_in_order(std::vector<std::int32_t>& partitions) {
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
}

std::vector<current_topic_partitions> to_current(const held_partitions& from) {
  std::vector<current_topic_partitions> result;
  result.reserve(from.size());
  for (const auto& [topic, held] : from) {
    auto& into = result.emplace_back();
    into.topic_id = topic;
    into.partitions.reserve(held.size());
    auto& epochs = into.assignment_epochs.emplace();
    epochs.reserve(held.size());
    for (const auto& one : held) {
      into.partitions.push_back(one.index);
      epochs.push_back(one.epoch);
    }
  }
  return result;
}

/// Brokers before 4.3 wrote no epochs: such partitions are the member's since its own epoch.
held_partitions from_current(const std::vector<current_topic_partitions>& from, std::int32_t member_epoch) {
  held_partitions result;
  for (const auto& topic : from) {
    if (topic.partitions.empty()) continue;
    auto& held = result[topic.topic_id];
    const bool has_epochs =
        topic.assignment_epochs && topic.assignment_epochs->size() == topic.partitions.size();
    for (std::size_t at = 0; at < topic.partitions.size(); ++at) {
      held.push_back({topic.partitions[at], has_epochs ? (*topic.assignment_epochs)[at] : member_epoch});
    }
    put_in_order(held);
  }
  return result;
}

template <class Record>
Record tombstone_of(const typename Record::key_type& key) {
  return Record{key, std::nullopt};
}

}  // namespace

topic_partitions without_epochs(const held_partitions& held) {
  topic_partitions result;
  for (const auto& [topic, partitions] : held) {
    auto& into = result[topic];
    into.reserve(partitions.size());
    for (const auto& one : partitions) into.push_back(one.index);
  }
  return result;
}

topic_partitions sorted_partitions(const std::vector<assigned_topic>& topics) {
  topic_partitions result;
  for (const auto& topic : topics) {
    if (topic.partitions.empty()) continue;
    auto& into = result[topic.topic_id];
    into.insert(into.end(), topic.partitions.begin(), topic.partitions.end());
  }
  for (auto& [topic, partitions] : result) put_in_order(partitions);
  return result;
}

consumer_group_current_member_assignment_value to_value(const member_assignment& from) {
  consumer_group_current_member_assignment_value value;
  value.member_epoch = from.epoch;
  value.previous_member_epoch = from.previous_epoch;
  value.state = static_cast<std::int8_t>(from.state);
  value.assigned_partitions = to_current(from.assigned);
  value.partitions_pending_revocation = to_current(from.pending_revocation);
  return value;
}

member_assignment from_value(const consumer_group_current_member_assignment_value& value) {
  member_assignment result;
  result.epoch = value.member_epoch;
  result.previous_epoch = value.previous_member_epoch;
  result.assigned = from_current(value.assigned_partitions, value.member_epoch);
  result.pending_revocation = from_current(value.partitions_pending_revocation, value.member_epoch);
  // A state that is not known comes from a later version: going through revocation is right from anywhere.
  const bool is_known = value.state >= 0 && value.state <= 2;
  result.state = is_known ? static_cast<member_state>(value.state) : member_state::unrevoked_partitions;
  return result;
}

consumer_group_target_assignment_member_value to_value(const topic_partitions& from) {
  consumer_group_target_assignment_member_value value;
  value.topic_partitions.reserve(from.size());
  for (const auto& [topic, partitions] : from) value.topic_partitions.push_back({topic, partitions});
  return value;
}

// Questions.

const consumer_group_member* consumer_group_state::find(const std::string& member_id) const {
  const auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

const std::string* consumer_group_state::member_of_instance(const std::string& instance_id) const {
  const auto at = instances_.find(instance_id);
  return at == instances_.end() ? nullptr : &at->second;
}

const topic_partitions& consumer_group_state::target_of(const std::string& member_id) const {
  static const topic_partitions none;
  const auto at = targets_.find(member_id);
  return at == targets_.end() ? none : at->second;
}

const consumer_group_member* consumer_group_state::owner_of(const model::topic_id& topic,
                                                            std::int32_t partition) const {
  const auto in_topic = owners_.find(topic);
  if (in_topic == owners_.end()) return nullptr;
  const auto at = in_topic->second.find(partition);
  return at == in_topic->second.end() ? nullptr : at->second;
}

std::size_t consumer_group_state::users_of_pattern(const std::string& pattern) const {
  const auto at = pattern_users_.find(pattern);
  return at == pattern_users_.end() ? 0 : at->second;
}

group_state consumer_group_state::state() const {
  if (members_.empty()) return group_state::empty;
  if (group_epoch() > assignment_epoch()) return group_state::assigning;
  const bool all_there = std::all_of(members_.begin(), members_.end(), [&](const auto& one) {
    return one.second.is_reconciled_to(assignment_epoch());
  });
  return all_there ? group_state::stable : group_state::reconciling;
}

std::vector<std::string> consumer_group_state::subscribed_topics() const {
  std::set<std::string, std::less<>> topics;
  for (const auto& [name, users] : names_) topics.insert(name);
  for (const auto& [pattern, users] : pattern_users_) {
    const auto resolved = patterns_.find(pattern);
    if (resolved == patterns_.end()) continue;
    topics.insert(resolved->second.topics.begin(), resolved->second.topics.end());
  }
  return {topics.begin(), topics.end()};
}

std::vector<std::string> consumer_group_state::subscribed_topics_of(
    const consumer_group_member& member) const {
  auto topics = member.metadata.subscribed_topic_names;
  if (const auto resolved = patterns_.find(member.pattern()); resolved != patterns_.end()) {
    topics.insert(topics.end(), resolved->second.topics.begin(), resolved->second.topics.end());
  }
  std::sort(topics.begin(), topics.end());
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  return topics;
}

std::vector<group_record> consumer_group_state::tombstones() const {
  std::vector<group_record> records;
  for (const auto& [id, member] : members_) {
    records.emplace_back(tombstone_of<consumer_group_current_member_assignment_record>({group_id_, id}));
  }
  for (const auto& [id, target] : targets_) {
    records.emplace_back(tombstone_of<consumer_group_target_assignment_member_record>({group_id_, id}));
  }
  records.emplace_back(tombstone_of<consumer_group_target_assignment_metadata_record>({group_id_}));
  for (const auto& [id, member] : members_) {
    records.emplace_back(tombstone_of<consumer_group_member_metadata_record>({group_id_, id}));
  }
  for (const auto& [pattern, resolved] : patterns_) {
    records.emplace_back(tombstone_of<consumer_group_regular_expression_record>({group_id_, pattern}));
  }
  records.emplace_back(tombstone_of<consumer_group_partition_metadata_record>({group_id_}));
  records.emplace_back(tombstone_of<consumer_group_metadata_record>({group_id_}));
  return records;
}

// Changes.

void consumer_group_state::replay(const group_record& record) {
  std::visit(
      [this](const auto& one) {
        if constexpr (requires { replay_one(one); }) replay_one(one);
      },
      record);
}

void consumer_group_state::replay_one(const consumer_group_metadata_record& record) {
  epoch_ = record.value;
}

void consumer_group_state::replay_one(const consumer_group_target_assignment_metadata_record& record) {
  target_epoch_ = record.value;
}

void consumer_group_state::replay_one(const consumer_group_member_metadata_record& record) {
  const auto& id = record.key.member_id;
  auto at = members_.find(id);
  if (at != members_.end()) {
    discount_subscription(id, at->second);
    if (!record.value) {
      disown(at->second, at->second.current.assigned);
      disown(at->second, at->second.current.pending_revocation);
      members_.erase(at);
      return;
    }
  } else if (record.value) {
    at = members_.try_emplace(id).first;
  } else {
    return;
  }
  at->second.metadata = *record.value;
  count_subscription(id, at->second);
}

void consumer_group_state::replay_one(const consumer_group_target_assignment_member_record& record) {
  if (!record.value) {
    targets_.erase(record.key.member_id);
    return;
  }
  topic_partitions target;
  for (const auto& topic : record.value->topic_partitions) {
    if (topic.partitions.empty()) continue;
    auto& partitions = target[topic.topic_id];
    partitions = topic.partitions;
    put_in_order(partitions);
  }
  targets_.insert_or_assign(record.key.member_id, std::move(target));
}

void consumer_group_state::replay_one(const consumer_group_current_member_assignment_record& record) {
  auto at = members_.find(record.key.member_id);
  if (at == members_.end()) {
    // The log cleaner may have kept this and taken away the member's own record, which then comes later.
    if (!record.value) return;
    at = members_.try_emplace(record.key.member_id).first;
    count_subscription(at->first, at->second);
  }
  auto& member = at->second;
  disown(member, member.current.assigned);
  disown(member, member.current.pending_revocation);
  member.current = record.value ? from_value(*record.value) : member_assignment{};
  own(member, member.current.assigned);
  own(member, member.current.pending_revocation);
}

void consumer_group_state::replay_one(const consumer_group_regular_expression_record& record) {
  if (!record.value) {
    patterns_.erase(record.key.regular_expression);
    return;
  }
  resolved_pattern resolved{record.value->topics, record.value->version, record.value->timestamp};
  std::sort(resolved.topics.begin(), resolved.topics.end());
  patterns_.insert_or_assign(record.key.regular_expression, std::move(resolved));
}

void consumer_group_state::count_subscription(const std::string& member_id,
                                              const consumer_group_member& member) {
  for (const auto& name : member.metadata.subscribed_topic_names) count(names_, name);
  if (!member.pattern().empty()) count(pattern_users_, member.pattern());
  if (member.metadata.instance_id) instances_.insert_or_assign(*member.metadata.instance_id, member_id);
  if (member.is_classic()) ++classic_members_;
}

void consumer_group_state::discount_subscription(const std::string& member_id,
                                                 const consumer_group_member& member) {
  for (const auto& name : member.metadata.subscribed_topic_names) discount(names_, name);
  if (!member.pattern().empty()) discount(pattern_users_, member.pattern());
  if (member.metadata.instance_id) {
    const auto at = instances_.find(*member.metadata.instance_id);
    if (at != instances_.end() && at->second == member_id) instances_.erase(at);
  }
  if (member.is_classic()) --classic_members_;
}

void consumer_group_state::own(const consumer_group_member& member, const held_partitions& held) {
  for (const auto& [topic, partitions] : held) {
    auto& in_topic = owners_[topic];
    for (const auto& one : partitions) in_topic[one.index] = &member;
  }
}

void consumer_group_state::disown(const consumer_group_member& member, const held_partitions& held) {
  for (const auto& [topic, partitions] : held) {
    const auto in_topic = owners_.find(topic);
    if (in_topic == owners_.end()) continue;
    for (const auto& one : partitions) {
      const auto at = in_topic->second.find(one.index);
      if (at != in_topic->second.end() && at->second == &member) in_topic->second.erase(at);
    }
    if (in_topic->second.empty()) owners_.erase(in_topic);
  }
}

// The way back.

group_record consumer_group_state::inverse_of(const group_record& record) const {
  return std::visit(
      [this](const auto& one) -> group_record {
        using kind = std::decay_t<decltype(one)>;
        kind inverse{one.key, std::nullopt};
        if constexpr (std::is_same_v<kind, consumer_group_metadata_record>) {
          inverse.value = epoch_;
        } else if constexpr (std::is_same_v<kind, consumer_group_target_assignment_metadata_record>) {
          inverse.value = target_epoch_;
        } else if constexpr (std::is_same_v<kind, consumer_group_member_metadata_record>) {
          if (const auto* member = find(one.key.member_id)) inverse.value = member->metadata;
        } else if constexpr (std::is_same_v<kind, consumer_group_target_assignment_member_record>) {
          const auto at = targets_.find(one.key.member_id);
          if (at != targets_.end()) inverse.value = to_value(at->second);
        } else if constexpr (std::is_same_v<kind, consumer_group_current_member_assignment_record>) {
          if (const auto* member = find(one.key.member_id)) inverse.value = to_value(member->current);
        } else if constexpr (std::is_same_v<kind, consumer_group_regular_expression_record>) {
          const auto at = patterns_.find(one.key.regular_expression);
          if (at != patterns_.end()) {
            inverse.value.emplace(consumer_group_regular_expression_value{
                at->second.topics, at->second.version, at->second.timestamp});
          }
        }
        return inverse;
      },
      record);
}

}  // namespace tidelog::coordinator
