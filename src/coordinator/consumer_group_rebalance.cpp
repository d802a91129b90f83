// How changes of members and topics become a new target, and how members get there.
#include "assignor_range.hpp"
#include "assignor_uniform.hpp"
#include "consumer_group.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// FNV-1a.
class stable_hash {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) add_byte(static_cast<unsigned char>(byte));
    // Ends the text: no two lists of names run into the same bytes.
    add_byte(0);
  }
  void add(const model::topic_id& id) {
    for (const auto byte : id.bytes) add_byte(std::to_integer<unsigned char>(byte));
  }
  void add(std::int32_t number) {
    for (int shift = 0; shift < 32; shift += 8) {
      add_byte(static_cast<unsigned char>(static_cast<std::uint32_t>(number) >> shift));
    }
  }
  [[nodiscard]] std::int64_t value() const { return static_cast<std::int64_t>(hash_); }

 private:
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

bool subscribes_alike(const consumer_group_member& left, const consumer_group_member& right) {
  return left.metadata.subscribed_topic_names == right.metadata.subscribed_topic_names &&
         left.metadata.subscribed_topic_regex == right.metadata.subscribed_topic_regex;
}

assignor_input input_of(const consumer_group_state& state, const topic_catalog& catalog) {
  assignor_input input;
  std::map<model::topic_id, std::string> names;
  for (const auto& name : state.subscribed_topics()) {
    if (const auto topic = catalog.find(name)) {
      names.emplace(topic->id, name);
      input.topics.push_back({topic->id, topic->partition_count});
    }
  }
  std::sort(input.topics.begin(), input.topics.end(),
            [](const assignor_topic& left, const assignor_topic& right) { return left.id < right.id; });
  std::map<std::string_view, std::uint32_t> indexes;
  std::uint32_t next = 0;
  for (const auto& [id, name] : names) indexes.emplace(name, next++);

  input.members.reserve(state.members().size());
  const consumer_group_member* before = nullptr;
  for (const auto& [id, member] : state.members()) {
    auto& into = input.members.emplace_back();
    into.member_id = id;
    into.instance_id = member.metadata.instance_id;
    into.previous = &state.target_of(id);
    if (before != nullptr && subscribes_alike(*before, member)) {
      into.topics = input.members[input.members.size() - 2].topics;
    } else {
      for (const auto& name : state.subscribed_topics_of(member)) {
        if (const auto at = indexes.find(name); at != indexes.end()) into.topics.push_back(at->second);
      }
      std::sort(into.topics.begin(), into.topics.end());
    }
    before = &member;
  }
  return input;
}

/// Is there anything in it that the records do not have yet?
bool differs(const consumer_group_member_metadata_value& left,
             const consumer_group_member_metadata_value& right) {
  return left.instance_id != right.instance_id || left.rack_id != right.rack_id ||
         left.client_id != right.client_id || left.client_host != right.client_host ||
         left.subscribed_topic_names != right.subscribed_topic_names ||
         left.subscribed_topic_regex != right.subscribed_topic_regex ||
         left.rebalance_timeout_ms != right.rebalance_timeout_ms ||
         left.server_assignor != right.server_assignor || left.classic != right.classic;
}

}  // namespace

subscription_change consumer_group::update_member(event& of, const std::string& member_id,
                                                  consumer_group_member_metadata_value metadata,
                                                  const std::optional<pattern_resolution>& resolution) {
  auto& names = metadata.subscribed_topic_names;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto pattern = metadata.subscribed_topic_regex.value_or("");
  metadata.subscribed_topic_regex = pattern;

  const auto* member = state_.find(member_id);
  if (member != nullptr && !differs(metadata, member->metadata)) return subscription_change::none;
  const auto old_pattern = member == nullptr ? std::string() : member->pattern();
  const auto old_names =
      member == nullptr ? std::vector<std::string>{} : member->metadata.subscribed_topic_names;
  const bool is_same = old_names == names && old_pattern == pattern;
  of.change.put(consumer_group_member_metadata_record{{group_id(), member_id}, std::move(metadata)});
  if (is_same) return subscription_change::none;

  if (!old_pattern.empty() && state_.users_of_pattern(old_pattern) == 0) {
    of.change.put(consumer_group_regular_expression_record{{group_id(), old_pattern}, std::nullopt});
  }
  if (resolution && !state_.patterns().contains(pattern)) {
    const bool is_first = state_.patterns().empty();
    of.patterns_version =
        is_first ? resolution->topics_version : std::min(patterns_version_, resolution->topics_version);
    take_pattern(of, pattern, *resolution);
  }
  return subscription_change::changed;
}

void consumer_group::rename_member(event& of, const std::string& old_id, const std::string& new_id) {
  auto metadata = state_.find(old_id)->metadata;
  auto target = to_value(state_.target_of(old_id));
  auto current = state_.find(old_id)->current;
  current.epoch = joining_epoch;
  current.previous_epoch = joining_epoch;
  // The new incarnation has none of it yet: its hold on the partitions begins when it has joined.
  for (auto& [topic, held] : current.assigned) {
    for (auto& one : held) one.epoch = joining_epoch;
  }
  of.change.put(consumer_group_current_member_assignment_record{{group_id(), old_id}, std::nullopt});
  of.change.put(consumer_group_target_assignment_member_record{{group_id(), old_id}, std::nullopt});
  of.change.put(consumer_group_member_metadata_record{{group_id(), old_id}, std::nullopt});
  of.change.put(consumer_group_member_metadata_record{{group_id(), new_id}, std::move(metadata)});
  of.change.put(consumer_group_target_assignment_member_record{{group_id(), new_id}, std::move(target)});
  of.change.put(consumer_group_current_member_assignment_record{{group_id(), new_id}, to_value(current)});
}

void consumer_group::remove_members(event& of, const std::vector<std::string>& member_ids) {
  for (const auto& id : member_ids) {
    const auto pattern = state_.find(id)->pattern();
    of.change.put(consumer_group_current_member_assignment_record{{group_id(), id}, std::nullopt});
    of.change.put(consumer_group_target_assignment_member_record{{group_id(), id}, std::nullopt});
    of.change.put(consumer_group_member_metadata_record{{group_id(), id}, std::nullopt});
    if (!pattern.empty() && state_.users_of_pattern(pattern) == 0) {
      of.change.put(consumer_group_regular_expression_record{{group_id(), pattern}, std::nullopt});
    }
  }
  raise_epoch(of, metadata_hash(of.step.topics()));
}

void consumer_group::follow_topics(event& of, subscription_change change) {
  const auto version = of.step.topics().version();
  if (change == subscription_change::none && version == topics_version_) return;
  of.topics_version = version;
  const auto hash = metadata_hash(of.step.topics());
  if (change == subscription_change::changed || hash != state_.metadata_hash()) raise_epoch(of, hash);
}

void consumer_group::take_pattern(event& of, const std::string& pattern,
                                  const pattern_resolution& resolution) const {
  of.change.put(consumer_group_regular_expression_record{
      {group_id(), pattern},
      consumer_group_regular_expression_value{resolution.topics, resolution.topics_version,
                                              of.step.unix_now_ms()}});
}

std::vector<std::string> consumer_group::outdated_patterns(std::int64_t topics_version) const {
  std::vector<std::string> patterns;
  if (patterns_version_ == topics_version) return patterns;
  for (const auto& [pattern, users] : state_.used_patterns()) patterns.push_back(pattern);
  return patterns;
}

std::error_code consumer_group::patterns_resolved(group_step& step, const pattern_resolutions& resolved) {
  event now(step, state_);
  for (const auto& [pattern, resolution] : resolved) {
    if (state_.users_of_pattern(pattern) == 0) continue;
    now.patterns_version = resolution.topics_version;
    // Another broker took it; it keeps what it came to there.
    if (!resolution.fault.empty()) continue;
    const auto known = state_.patterns().find(pattern);
    if (known != state_.patterns().end() && known->second.topics == resolution.topics) continue;
    take_pattern(now, pattern, resolution);
  }
  // One that came meanwhile may have been resolved earlier.
  for (const auto& [pattern, users] : state_.used_patterns()) {
    if (!resolved.contains(pattern)) now.patterns_version.reset();
  }
  if (const auto hash = metadata_hash(step.topics()); hash != state_.metadata_hash()) raise_epoch(now, hash);
  return finish(now);
}

void consumer_group::raise_epoch(event& of, std::int64_t metadata_hash) {
  of.change.put(consumer_group_metadata_record{
      {group_id()}, consumer_group_metadata_value{state_.group_epoch() + 1, metadata_hash}});
  ++of.rebalances;
}

std::int64_t consumer_group::metadata_hash(const topic_catalog& topics) const {
  stable_hash hash;
  bool has_any = false;
  for (const auto& name : state_.subscribed_topics()) {
    const auto topic = topics.find(name);
    if (!topic) continue;
    has_any = true;
    hash.add(name);
    hash.add(topic->id);
    hash.add(topic->partition_count);
  }
  // Where the partitions are concerns members as much as which there are; all are on the one broker.
  if (has_any && topics.rack()) hash.add(*topics.rack());
  return has_any ? hash.value() : 0;
}

std::string consumer_group::preferred_assignor(const group_settings& settings) const {
  std::map<std::string, std::size_t, std::less<>> votes;
  for (const auto& [id, member] : state_.members()) {
    if (member.metadata.server_assignor) ++votes[*member.metadata.server_assignor];
  }
  const auto count = [&](const std::string& name) {
    const auto at = votes.find(name);
    return at == votes.end() ? std::size_t{0} : at->second;
  };
  const auto& names = settings.consumer_assignors;
  const auto best = std::max_element(
      names.begin(), names.end(),
      [&](const std::string& left, const std::string& right) { return count(left) < count(right); });
  return best == names.end() ? std::string("uniform") : *best;
}

void consumer_group::make_target(event& of) {
  if (state_.group_epoch() <= state_.assignment_epoch()) return;
  const auto since = of.step.unix_now_ms() - state_.assignment_unix_ms();
  // A wall clock that was set back must not keep the group waiting.
  if (since >= 0 && since < of.step.overrides_of(group_id()).assignment_interval_ms) return;

  const auto input = input_of(state_, of.step.topics());
  const auto output =
      preferred_assignor(of.step.settings()) == "range" ? assign_by_range(input) : assign_uniformly(input);
  for (std::size_t at = 0; at < input.members.size(); ++at) {
    const auto& id = input.members[at].member_id;
    const auto before = state_.targets().find(id);
    if (before != state_.targets().end() && before->second == output[at]) continue;
    of.change.put(consumer_group_target_assignment_member_record{{group_id(), id}, to_value(output[at])});
  }
  of.change.put(consumer_group_target_assignment_metadata_record{
      {group_id()},
      consumer_group_target_assignment_metadata_value{state_.group_epoch(), of.step.unix_now_ms()}});
}

void consumer_group::move_member(event& of, const std::string& member_id,
                                 const std::optional<topic_partitions>& owned, subscription_change change) {
  const auto* member = state_.find(member_id);
  if (change == subscription_change::none && member->is_reconciled_to(state_.assignment_epoch())) return;
  std::set<model::topic_id> subscribed;
  for (const auto& name : state_.subscribed_topics_of(*member)) {
    if (const auto topic = of.step.topics().find(name)) subscribed.insert(topic->id);
  }
  const std::function<bool(const model::topic_id&, std::int32_t)> is_free = [&](const model::topic_id& topic,
                                                                                std::int32_t partition) {
    const auto* owner = state_.owner_of(topic, partition);
    return owner == nullptr || owner == member;
  };
  auto next = reconcile({member->current, state_.assignment_epoch(), state_.target_of(member_id), subscribed,
                         change, owned, is_free});
  if (next == member->current) return;
  of.change.put(consumer_group_current_member_assignment_record{{group_id(), member_id}, to_value(next)});
}

}  // namespace tidelog::coordinator
