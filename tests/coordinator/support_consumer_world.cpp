#include "support_consumer_world.hpp"

#include "subscription_pattern.hpp"

#include <utility>

namespace tidelog::test {

using namespace coordinator;

namespace {

std::string text_of(const held_partitions& held) {
  std::string text;
  for (const auto& [topic, partitions] : held) {
    text += fmt::format(" {}:", topic.hex());
    for (const auto& one : partitions) text += fmt::format("{}@{},", one.index, one.epoch);
  }
  return text;
}

}  // namespace

std::string text_of(const owned_list& owned) {
  std::string text;
  for (const auto& topic : owned) {
    if (!text.empty()) text += ' ';
    text += fmt::format("{}:", std::to_integer<int>(topic.topic_id.bytes.back()));
    for (std::size_t at = 0; at < topic.partitions.size(); ++at) {
      text += fmt::format("{}{}", at == 0 ? "" : ",", topic.partitions[at]);
    }
  }
  return text;
}

std::string text_of(const consumer_group_state& state) {
  auto text = fmt::format("epoch {} hash {} target {} at {}\n", state.group_epoch(), state.metadata_hash(),
                          state.assignment_epoch(), state.assignment_unix_ms());
  for (const auto& [id, member] : state.members()) {
    const auto& said = member.metadata;
    text +=
        fmt::format("member {} instance {} rack {} client {} {} names {} pattern {} rebalance {} assignor {}",
                    id, said.instance_id.value_or("-"), said.rack_id.value_or("-"), said.client_id,
                    said.client_host, fmt::join(said.subscribed_topic_names, ","), member.pattern(),
                    said.rebalance_timeout_ms, said.server_assignor.value_or("-"));
    if (said.classic) {
      text += fmt::format(" classic {} {}", said.classic->session_timeout_ms,
                          said.classic->supported_protocols.size());
    }
    const auto& now = member.current;
    text += fmt::format("\n  epoch {} before {} state {} has{} gives{}\n", now.epoch, now.previous_epoch,
                        static_cast<int>(now.state), text_of(now.assigned), text_of(now.pending_revocation));
  }
  for (const auto& [id, target] : state.targets()) {
    text += fmt::format("target {}", id);
    for (const auto& [topic, partitions] : target) {
      text += fmt::format(" {}:{}", topic.hex(), fmt::join(partitions, ","));
    }
    text += '\n';
  }
  for (const auto& [pattern, resolved] : state.patterns()) {
    text += fmt::format("pattern {} is {}\n", pattern, fmt::join(resolved.topics, ","));
  }
  return text;
}

consumer_heartbeat_request consumer_world::join_request(const std::string& member,
                                                        std::vector<std::string> topics) {
  consumer_heartbeat_request request;
  request.group_id = "g";
  request.member_id = member;
  request.rebalance_timeout_ms = 60'000;
  request.subscribed_topic_names = std::move(topics);
  request.owned.emplace();
  request.client = {"client", "/127.0.0.1"};
  return request;
}

consumer_heartbeat_request consumer_world::beat_request(const std::string& member, std::int32_t epoch) {
  consumer_heartbeat_request request;
  request.group_id = "g";
  request.member_id = member;
  request.member_epoch = epoch;
  request.client = {"client", "/127.0.0.1"};
  return request;
}

consumer_heartbeat_answer consumer_world::send(consumer_heartbeat_request request) {
  const auto pattern = request.subscribed_topic_pattern.value_or("");
  if (!pattern.empty()) request.resolution = resolve_pattern(pattern, step.catalog);
  caught<consumer_heartbeat_answer> caught_answer;
  group->consumer_heartbeat(step, request, caught_answer.to());
  keep_log();
  return caught_answer.answer();
}

consumer_heartbeat_answer consumer_world::join(const std::string& member, std::vector<std::string> topics) {
  return send(join_request(member, std::move(topics)));
}

consumer_heartbeat_answer consumer_world::join_static(const std::string& member, const std::string& instance,
                                                      std::vector<std::string> topics) {
  auto request = join_request(member, std::move(topics));
  request.instance_id = instance;
  return send(request);
}

consumer_heartbeat_answer consumer_world::beat(const std::string& member, std::int32_t epoch) {
  return send(beat_request(member, epoch));
}

consumer_heartbeat_answer consumer_world::beat(const std::string& member, std::int32_t epoch,
                                               owned_list owned) {
  auto request = beat_request(member, epoch);
  request.owned = std::move(owned);
  return send(request);
}

consumer_heartbeat_answer consumer_world::leave(const std::string& member, std::int32_t epoch,
                                                std::optional<std::string> instance) {
  auto request = beat_request(member, epoch);
  request.instance_id = std::move(instance);
  return send(request);
}

std::error_code consumer_world::resolve_patterns() {
  pattern_resolutions resolved;
  for (const auto& pattern : group->outdated_patterns(step.catalog.version())) {
    resolved.emplace(pattern, resolve_pattern(pattern, step.catalog));
  }
  const auto failure = resolved.empty() ? std::error_code() : group->patterns_resolved(step, resolved);
  keep_log();
  return failure;
}

void consumer_world::settle(const std::vector<std::string>& members) {
  for (std::size_t round = 0; round < 2 * members.size() + 2; ++round) {
    for (const auto& id : members) {
      const auto* member = group->content().find(id);
      if (member == nullptr) continue;
      owned_list owned;
      for (const auto& [topic, partitions] : without_epochs(member->current.assigned)) {
        owned.push_back({topic, partitions});
      }
      EXPECT_FALSE(beat(id, member->current.epoch, owned).error);
    }
  }
}

join_request consumer_world::classic_join_request(const std::string& member,
                                                  const std::vector<std::string>& topics,
                                                  std::vector<codec::consumer_protocol_topic> owned) {
  coordinator::join_request request;
  request.group_id = "g";
  request.member_id = member;
  request.client = {"old client", "/127.0.0.1"};
  request.protocol_type = "consumer";
  consumer_protocol_subscription subscription;
  subscription.topics = topics;
  subscription.owned_partitions = std::move(owned);
  request.protocols = {{"range", write_subscription(subscription, 1)}};
  request.session_timeout_ms = 30'000;
  request.rebalance_timeout_ms = 50'000;
  return request;
}

join_answer consumer_world::classic_join(const coordinator::join_request& request) {
  caught<join_answer> caught_answer;
  auto to = caught_answer.to();
  group->join(step, request, to);
  keep_log();
  return caught_answer.has_answer() ? caught_answer.answer() : join_answer{};
}

sync_answer consumer_world::classic_sync(const std::string& member, std::int32_t generation) {
  caught<sync_answer> caught_answer;
  sync_request request;
  request.group_id = "g";
  request.member_id = member;
  request.generation = generation;
  group->sync(step, request, caught_answer.to());
  keep_log();
  return caught_answer.answer();
}

heartbeat_answer consumer_world::classic_beat(const std::string& member, std::int32_t generation) {
  caught<heartbeat_answer> caught_answer;
  group->heartbeat(step, {"g", generation, member, std::nullopt}, caught_answer.to());
  keep_log();
  return caught_answer.answer();
}

void consumer_world::advance() {
  group->advance(step);
  keep_log();
}

void consumer_world::restart() {
  group = std::make_unique<consumer_group>("g");
  for (const auto& record : log) group->replay(record);
  group->loaded(step);
}

std::string consumer_world::replayed() const {
  consumer_group fresh("g");
  for (const auto& record : log) fresh.replay(record);
  return text_of(fresh.content());
}

std::int32_t consumer_world::epoch_of(const std::string& member) const {
  const auto* found = group->content().find(member);
  return found == nullptr ? -99 : found->current.epoch;
}

member_state consumer_world::state_of(const std::string& member) const {
  const auto* found = group->content().find(member);
  EXPECT_NE(found, nullptr);
  return found == nullptr ? member_state::stable : found->current.state;
}

void consumer_world::keep_log() {
  step.deliver();
  for (auto& record : step.take_written()) log.push_back(std::move(record));
}

}  // namespace tidelog::test
