#pragma once
// A group of the new protocol with what a test needs around it: short words for requests, and everything that a group
// remembers as one text, to compare.

#include "consumer_group.hpp"
#include "consumer_protocol.hpp"
#include "support_group_step.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace tidelog::test {

using owned_list = std::vector<coordinator::assigned_topic>;

/// Everything that the group's records say, in a fixed order.
[[nodiscard]] std::string text_of(const coordinator::consumer_group_state& state);
/// "t:0,1 u:3", topics by their last byte in the order of ids.
[[nodiscard]] std::string text_of(const owned_list& owned);

class consumer_world {
 public:
  consumer_world() {
    // Targets at once, where a test does not say otherwise.
    step.config.consumer_defaults.assignment_interval_ms = 0;
    log.reserve(64);
  }

  fake_group_step step;
  std::unique_ptr<coordinator::consumer_group> group = std::make_unique<coordinator::consumer_group>("g");
  /// All that was ever written.
  std::vector<coordinator::group_record> log;

  [[nodiscard]] static coordinator::consumer_heartbeat_request join_request(const std::string& member,
                                                                            std::vector<std::string> topics);
  [[nodiscard]] static coordinator::consumer_heartbeat_request beat_request(const std::string& member,
                                                                            std::int32_t epoch);
  coordinator::consumer_heartbeat_answer send(coordinator::consumer_heartbeat_request request);
  /// What patterns have come to since they were last resolved.
  std::error_code resolve_patterns();
  coordinator::consumer_heartbeat_answer join(const std::string& member,
                                              std::vector<std::string> topics = {"t"});
  coordinator::consumer_heartbeat_answer join_static(const std::string& member, const std::string& instance,
                                                     std::vector<std::string> topics = {"t"});
  coordinator::consumer_heartbeat_answer beat(const std::string& member, std::int32_t epoch);
  coordinator::consumer_heartbeat_answer beat(const std::string& member, std::int32_t epoch,
                                              owned_list owned);
  coordinator::consumer_heartbeat_answer leave(const std::string& member, std::int32_t epoch = -1,
                                               std::optional<std::string> instance = {});
  /// The member does as told until nothing changes any more.
  void settle(const std::vector<std::string>& members);

  [[nodiscard]] static coordinator::join_request classic_join_request(
      const std::string& member, const std::vector<std::string>& topics,
      std::vector<codec::consumer_protocol_topic> owned = {});
  coordinator::join_answer classic_join(const coordinator::join_request& request);
  coordinator::sync_answer classic_sync(const std::string& member, std::int32_t generation);
  coordinator::heartbeat_answer classic_beat(const std::string& member, std::int32_t generation);

  void advance();
  /// As after a restart: what the log says is all there is.
  void restart();
  [[nodiscard]] std::string memory() const { return text_of(group->content()); }
  /// What the log alone would tell.
  [[nodiscard]] std::string replayed() const;
  [[nodiscard]] std::int32_t epoch_of(const std::string& member) const;
  [[nodiscard]] coordinator::member_state state_of(const std::string& member) const;
  void keep_log();
};

}  // namespace tidelog::test
