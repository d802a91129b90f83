#include "errors.hpp"
#include "group_words.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/consumer_group_heartbeat.hpp"

namespace tidelog::server {
namespace {

/// From here on members make their own ids.
constexpr std::int16_t own_member_id_since = 1;

coordinator::consumer_heartbeat_request in_own_terms(const request& of,
                                                     protocol::consumer_group_heartbeat_request&& message) {
  coordinator::consumer_heartbeat_request beat;
  beat.group_id = std::move(message.group_id);
  beat.member_id = std::move(message.member_id);
  beat.member_epoch = message.member_epoch;
  beat.instance_id = std::move(message.instance_id);
  beat.rack_id = std::move(message.rack_id);
  beat.client = identity_of(of.header().client_id.value_or(""), of.connection().client_host);
  beat.rebalance_timeout_ms = message.rebalance_timeout_ms;
  beat.subscribed_topic_names = std::move(message.subscribed_topic_names);
  beat.subscribed_topic_pattern = std::move(message.subscribed_topic_regex);
  beat.server_assignor = std::move(message.server_assignor);
  if (message.topic_partitions) {
    beat.owned.emplace();
    for (auto& each : *message.topic_partitions) {
      beat.owned->push_back({each.topic_id, std::move(each.partitions)});
    }
  }
  using id_made_by = coordinator::consumer_heartbeat_request::id_made_by;
  beat.member_id_from = of.version() >= own_member_id_since ? id_made_by::member : id_made_by::coordinator;
  return beat;
}

void answer(request of, coordinator::consumer_heartbeat_answer&& told) {
  protocol::consumer_group_heartbeat_response response;
  response.error_code = error_code_of(told.error);
  if (told.error) {
    response.error_message = told.error_message.empty()
                                 ? std::string(protocol::error_message(response.error_code))
                                 : std::move(told.error_message);
  }
  if (!told.member_id.empty()) response.member_id = std::move(told.member_id);
  response.member_epoch = told.member_epoch;
  response.heartbeat_interval_ms = told.heartbeat_interval_ms;
  if (told.assignment) {
    response.assignment.emplace();
    for (auto& each : *told.assignment) {
      response.assignment->topic_partitions.push_back({each.topic_id, std::move(each.partitions)});
    }
  }
  of.answer(response);
}

}  // namespace

void handle_consumer_group_heartbeat(request of, protocol::consumer_group_heartbeat_request message) {
  const bool has_pattern = message.subscribed_topic_regex && !message.subscribed_topic_regex->empty();
  auto beat = in_own_terms(of, std::move(message));
  of.release_frame();
  auto& groups = of.environment().groups;
  auto& workers = of.environment().workers;
  auto handle = [&groups, beat = std::move(beat), of = std::move(of)]() mutable {
    groups.consumer_heartbeat(std::move(beat),
                              [of = std::move(of)](coordinator::consumer_heartbeat_answer told) mutable {
                                answer(std::move(of), std::move(told));
                              });
  };
  // A pattern is held against every topic there is.
  if (has_pattern) {
    workers.submit(std::move(handle));
  } else {
    handle();
  }
}

}  // namespace tidelog::server
