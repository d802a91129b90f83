#include "authorized_operations.hpp"
#include "handlers.hpp"
#include "leadership.hpp"
#include "topic_creation.hpp"
#include "topic_names.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/metadata.hpp"

#include <algorithm>
#include <unordered_set>

namespace tidelog::server {
namespace {

using protocol::error_code;

/// What is asked for, and where the client finds us, once the connection need not be looked at any more.
struct metadata_question {
  protocol::metadata_request message;
  broker::address address;
  /// Topics that are going to be when there is room for them.
  std::vector<std::string> waiting_for_room{};
};

bool asks_for_all(const request& of, const protocol::metadata_request& message) {
  return !message.topics || (of.version() == 0 && message.topics->empty());
}

protocol::metadata_response_topic describe(const request& of, const protocol::metadata_request& message,
                                           const partition::hosted_topic& topic) {
  protocol::metadata_response_topic answer;
  answer.name = topic.state->name;
  answer.topic_id = topic.state->id;
  answer.is_internal = is_internal_topic(topic.state->name);
  if (message.include_topic_authorized_operations) answer.topic_authorized_operations = all_topic_operations;
  const auto node = of.owner().settings.node_id.value();
  answer.partitions.reserve(topic.partitions.size());
  for (const auto& each : topic.partitions) {
    auto& partition = answer.partitions.emplace_back();
    partition.partition_index = each->name().partition.value();
    partition.leader_epoch = each->leader_epoch().value();
    partition.replica_nodes = {node};
    fill_leadership(partition, each->check_available(), node);
  }
  return answer;
}

protocol::metadata_response_topic unknown_topic(const metadata_question& question,
                                                const protocol::metadata_request_topic& asked) {
  protocol::metadata_response_topic answer;
  if (asked.name) {
    answer.name = asked.name;
    // Clients wait for a topic without a leader, and give up one that is unknown.
    const bool is_waiting = std::ranges::binary_search(question.waiting_for_room, *asked.name);
    const auto missing =
        is_waiting ? error_code::leader_not_available : error_code::unknown_topic_or_partition;
    answer.error_code = topic_name_fault(*asked.name) ? error_code::invalid_topic_exception : missing;
  } else {
    answer.topic_id = asked.topic_id;
    answer.error_code = error_code::unknown_topic_id;
  }
  return answer;
}

void answer_metadata(request of, metadata_question question) {
  const auto& message = question.message;
  const auto& owner = of.owner();
  auto& partitions = of.environment().partitions;
  protocol::metadata_response answer;
  auto& self = answer.brokers.emplace_back();
  self.node_id = owner.settings.node_id.value();
  self.host = question.address.host;
  self.port = question.address.port;
  self.rack = owner.settings.config.rack;
  answer.cluster_id = owner.settings.cluster_id;
  answer.controller_id = owner.settings.node_id.value();
  if (message.include_cluster_authorized_operations)
    answer.cluster_authorized_operations = all_cluster_operations;
  if (asks_for_all(of, message)) {
    auto topics = partitions.topics();
    std::sort(topics.begin(), topics.end(),
              [](const auto& left, const auto& right) { return left->state->name < right->state->name; });
    answer.topics.reserve(topics.size());
    for (const auto& topic : topics) answer.topics.push_back(describe(of, message, *topic));
  } else {
    std::unordered_set<std::string> named;
    for (const auto& asked : *message.topics) {
      if (asked.name && !named.insert(*asked.name).second) continue;
      const auto topic = asked.name ? partitions.find(*asked.name) : partitions.find(asked.topic_id);
      answer.topics.push_back(topic ? describe(of, message, *topic) : unknown_topic(question, asked));
    }
  }
  of.answer(answer);
}

/// Names that do not exist and that the broker may create because somebody asked for them.
std::vector<std::string> topics_to_create(const request& of, const protocol::metadata_request& message) {
  std::vector<std::string> missing;
  const bool allowed = message.allow_auto_topic_creation || of.version() < 4;
  if (!allowed || !message.topics || !of.owner().config()->auto_create_topics_enable) return missing;
  for (const auto& asked : *message.topics) {
    if (!asked.name || is_internal_topic(*asked.name) || topic_name_fault(*asked.name)) continue;
    if (!of.environment().partitions.find(*asked.name)) missing.push_back(*asked.name);
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

void make_topics(broker& owner, std::vector<std::string> missing, metadata_question& question) {
  const auto made = create_missing_topics(owner, missing);
  if (made) return;
  if (!io::is_out_of_space(made.error().code)) {
    base::say_error("creating topics on demand: {}", made.error().describe());
    return;
  }
  for (const auto& name : missing) {
    base::say_debug("topic {} is not made on demand: {}", name, made.error().context);
  }
  question.waiting_for_room = std::move(missing);
}

}  // namespace

void handle_metadata(request of, protocol::metadata_request message) {
  metadata_question question{std::move(message), of.owner().address_for(of.connection())};
  auto missing = topics_to_create(of, question.message);
  if (missing.empty()) {
    answer_metadata(std::move(of), std::move(question));
    return;
  }
  of.release_frame();
  auto& workers = of.environment().workers;
  workers.submit(
      [of = std::move(of), question = std::move(question), missing = std::move(missing)]() mutable {
        make_topics(of.owner(), std::move(missing), question);
        answer_metadata(std::move(of), std::move(question));
      });
}

}  // namespace tidelog::server
