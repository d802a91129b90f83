#include "handlers.hpp"

#include "tidelog/protocol/describe_quorum.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::string_view metadata_topic = "__cluster_metadata";

/// The quorum has one partition, and a request asks for it alone.
bool asks_for_the_quorum(const protocol::describe_quorum_request& message) {
  return message.topics.size() == 1 && message.topics.front().topic_name == metadata_topic &&
         message.topics.front().partitions.size() == 1 &&
         message.topics.front().partitions.front().partition_index == 0;
}

void refuse(const protocol::describe_quorum_request& message, protocol::describe_quorum_response& answer) {
  for (const auto& topic : message.topics) {
    auto& rows = answer.topics.emplace_back();
    rows.topic_name = topic.topic_name;
    for (const auto& asked : topic.partitions) {
      auto& row = rows.partitions.emplace_back();
      row.partition_index = asked.partition_index;
      row.error_code = error_code::unknown_topic_or_partition;
      row.error_message = protocol::error_message(row.error_code);
    }
  }
}

void describe(const request& of, protocol::describe_quorum_response& answer) {
  const auto node = of.owner().settings.node_id.value();
  const auto quorum = of.environment().cluster.quorum();
  auto& rows = answer.topics.emplace_back();
  rows.topic_name = metadata_topic;
  auto& row = rows.partitions.emplace_back();
  row.leader_id = node;
  row.leader_epoch = quorum.epoch.value();
  row.high_watermark = quorum.high_watermark.value();
  // The leader is never behind itself.
  const auto now = of.environment().clock.now_ms();
  row.current_voters.push_back({node, quorum.directory_id, quorum.log_end.value(), now, now});

  auto& self = answer.nodes.emplace_back();
  self.node_id = node;
  const auto image = of.image();
  if (const auto registered = image->brokers().find(node); registered != image->brokers().end()) {
    for (const auto& endpoint : registered->second.endpoints) {
      self.listeners.push_back({endpoint.listener, endpoint.host, endpoint.port});
    }
  }
}

/// A change of the metadata holds the quorum's state for as long as its plan runs.
void describe_quorum(request of, protocol::describe_quorum_request message) {
  protocol::describe_quorum_response answer;
  if (asks_for_the_quorum(message)) {
    describe(of, answer);
  } else {
    refuse(message, answer);
  }
  of.answer(answer);
}

}  // namespace

void handle_describe_quorum(request of, protocol::describe_quorum_request message) {
  on_worker(std::move(of), std::move(message), describe_quorum);
}

}  // namespace tidelog::server
