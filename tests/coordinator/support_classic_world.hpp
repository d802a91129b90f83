#pragma once
// A classic group with a clock and clients to drive it, for tests that read like the story of a group.

#include "classic_group.hpp"
#include "consumer_protocol.hpp"
#include "coordinator/support_group_step.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <string>
#include <vector>

namespace tidelog::test {

[[nodiscard]] inline coordinator::bytes to_bytes(std::string_view text) {
  const auto view = base::as_bytes(text);
  return {view.begin(), view.end()};
}

[[nodiscard]] inline coordinator::bytes subscription_to(std::vector<std::string> topics) {
  coordinator::consumer_protocol_subscription subscription;
  subscription.topics = std::move(topics);
  return coordinator::write_subscription(subscription, 1);
}

/// The enumerator's name, "ok" for none: what tables of expected outcomes are written in.
[[nodiscard]] inline std::string outcome_name(std::error_code error) {
  using coordinator::errc;
  const std::vector<std::pair<errc, std::string>> names = {
      {errc::not_available, "not_available"},
      {errc::not_coordinator, "not_coordinator"},
      {errc::unknown_member, "unknown_member"},
      {errc::illegal_generation, "illegal_generation"},
      {errc::inconsistent_protocol, "inconsistent_protocol"},
      {errc::invalid_session_timeout, "invalid_session_timeout"},
      {errc::rebalance_in_progress, "rebalance_in_progress"},
      {errc::member_id_required, "member_id_required"},
      {errc::fenced_instance_id, "fenced_instance_id"},
      {errc::group_max_size_reached, "group_max_size_reached"},
  };
  if (!error) return "ok";
  for (const auto& [code, name] : names) {
    if (error == code) return name;
  }
  return error.message();
}

template <class Answer>
[[nodiscard]] std::string outcome_of(const caught<Answer>& request) {
  return request.has_answer() ? outcome_name(request.answer().error) : "waits";
}

struct classic_world {
  static constexpr std::int32_t session_ms = 10'000;
  static constexpr std::int32_t rebalance_ms = 60'000;

  fake_group_step step;
  coordinator::classic_group group{"g"};

  [[nodiscard]] static coordinator::join_request request(const std::string& member_id = "",
                                                         const std::string& client = "c") {
    coordinator::join_request made;
    made.group_id = "g";
    made.member_id = member_id;
    made.client = {client, "/127.0.0.1"};
    made.protocol_type = "consumer";
    made.protocols = {{"range", subscription_to({"t"})}};
    made.session_timeout_ms = session_ms;
    made.rebalance_timeout_ms = rebalance_ms;
    made.without_member_id = coordinator::first_join::counts;
    return made;
  }
  [[nodiscard]] static coordinator::join_request static_request(const std::string& instance_id,
                                                                const std::string& member_id = "") {
    auto made = request(member_id);
    made.instance_id = instance_id;
    return made;
  }

  caught<coordinator::join_answer> join(coordinator::join_request with) {
    caught<coordinator::join_answer> got;
    group.join(step, std::move(with), got.to());
    step.deliver();
    return got;
  }
  caught<coordinator::sync_answer> sync(coordinator::sync_request with) {
    caught<coordinator::sync_answer> got;
    group.sync(step, std::move(with), got.to());
    step.deliver();
    return got;
  }
  caught<coordinator::sync_answer> sync(const std::string& member_id,
                                        std::vector<coordinator::sync_request::assignment> assignments = {}) {
    return sync(
        coordinator::sync_request{"g", group.generation(), member_id, {}, {}, {}, std::move(assignments)});
  }
  std::string heartbeat(const std::string& member_id) { return heartbeat(member_id, group.generation()); }
  std::string heartbeat(const std::string& member_id, std::int32_t generation) {
    caught<coordinator::heartbeat_answer> got;
    group.heartbeat(step, {"g", generation, member_id, {}}, got.to());
    step.deliver();
    return outcome_of(got);
  }
  caught<coordinator::leave_answer> leave(std::vector<coordinator::leave_request::member> members) {
    caught<coordinator::leave_answer> got;
    group.leave(step, {"g", std::move(members)}, got.to());
    step.deliver();
    return got;
  }
  std::string leave(const std::string& member_id) {
    const auto got = leave({{member_id, {}, "test"}});
    if (got.answer().error) return outcome_name(got.answer().error);
    return outcome_name(got.answer().members.at(0).error);
  }
  void advance() {
    group.advance(step);
    step.deliver();
  }
  void pass(std::int64_t milliseconds) {
    step.pass(milliseconds);
    advance();
  }
  /// Lets the initial delay end.
  void pass_delay() { pass(step.config.initial_rebalance_delay_ms); }

  /// Joins that count, all in one generation; their ids in the order of the requests.
  std::vector<std::string> gather(std::vector<coordinator::join_request> requests) {
    std::vector<caught<coordinator::join_answer>> joins;
    joins.reserve(requests.size());
    for (auto& each : requests) joins.push_back(join(std::move(each)));
    // Those that come after the first make the group wait once more.
    for (int i = 0; i < 2 && group.state() == coordinator::group_state::preparing_rebalance; ++i)
      pass_delay();
    std::vector<std::string> ids;
    ids.reserve(joins.size());
    for (const auto& each : joins) ids.push_back(each.answer().member_id);
    return ids;
  }
  /// Gathers and syncs: the group is stable, and every member is assigned its own id.
  std::vector<std::string> settle(std::vector<coordinator::join_request> requests) {
    auto ids = gather(std::move(requests));
    sync_all(ids);
    return ids;
  }
  void sync_all(const std::vector<std::string>& ids) {
    std::vector<coordinator::sync_request::assignment> assignments;
    assignments.reserve(ids.size());
    for (const auto& id : ids) assignments.push_back({id, to_bytes(id)});
    const auto leader_id = leader();
    for (const auto& id : ids) {
      const bool leads = id == leader_id;
      static_cast<void>(sync(id, leads ? assignments : std::vector<coordinator::sync_request::assignment>{}));
    }
  }
  [[nodiscard]] std::string leader() const { return group.snapshot().leader_id.value_or(""); }
  [[nodiscard]] const coordinator::group_metadata_value& last_record() const {
    return *std::get<coordinator::group_metadata_record>(step.written.back()).value;
  }
};

}  // namespace tidelog::test
