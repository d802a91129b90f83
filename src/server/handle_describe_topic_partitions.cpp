#include "authorized_operations.hpp"
#include "handlers.hpp"
#include "leadership.hpp"
#include "topic_names.hpp"

#include "tidelog/protocol/describe_topic_partitions.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

/// What is asked for in the order it is answered in, without what earlier pages have told.
std::vector<std::string> names_in_order(const request& of,
                                        const protocol::describe_topic_partitions_request& message) {
  std::vector<std::string> names;
  if (message.topics.empty()) {
    for (const auto& topic : of.environment().partitions.topics()) names.push_back(topic->state->name);
  } else {
    for (const auto& topic : message.topics) names.push_back(topic.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (message.cursor) {
    names.erase(names.begin(), std::lower_bound(names.begin(), names.end(), message.cursor->topic_name));
  }
  return names;
}

/// A cursor names a topic that is asked for; among all topics that one may have been deleted since the last page.
bool is_sound(const protocol::describe_topic_partitions_request& message) {
  if (!message.cursor) return true;
  if (message.cursor->partition_index < 0) return false;
  return message.topics.empty() ||
         std::any_of(message.topics.begin(), message.topics.end(),
                     [&](const auto& topic) { return topic.name == message.cursor->topic_name; });
}

void refuse(const protocol::describe_topic_partitions_request& message,
            protocol::describe_topic_partitions_response& answer) {
  for (const auto& topic : message.topics) {
    auto& row = answer.topics.emplace_back();
    row.name = topic.name;
    row.error_code = error_code::invalid_request;
  }
}

void add_partition(const request& of, const partition::partition& target,
                   protocol::describe_topic_partitions_response_topic& topic) {
  const auto node = of.owner().settings.node_id.value();
  auto& row = topic.partitions.emplace_back();
  row.partition_index = target.name().partition.value();
  row.leader_epoch = target.leader_epoch().value();
  row.replica_nodes = {node};
  row.eligible_leader_replicas.emplace();
  row.last_known_elr.emplace();
  fill_leadership(row, target.check_available(), node);
}

/// Returns the partition to go on with when `room` was not enough for all from `first` on.
std::optional<std::int32_t> add_topic(const request& of, const std::string& name, std::int32_t first,
                                      std::int32_t& room,
                                      protocol::describe_topic_partitions_response& answer) {
  auto& row = answer.topics.emplace_back();
  row.name = name;
  row.topic_authorized_operations = all_topic_operations;
  const auto topic = of.environment().partitions.find(name);
  if (!topic) {
    row.error_code =
        topic_name_fault(name) ? error_code::invalid_topic_exception : error_code::unknown_topic_or_partition;
    return std::nullopt;
  }
  row.topic_id = topic->state->id;
  row.is_internal = is_internal_topic(name);
  const auto count = static_cast<std::int32_t>(topic->partitions.size());
  auto index = first;
  for (; index < count && room > 0; ++index, --room) {
    add_partition(of, *topic->find(model::partition_index(index)), row);
  }
  if (index < count) return index;
  return std::nullopt;
}

void describe_topic_partitions(request of, protocol::describe_topic_partitions_request message) {
  protocol::describe_topic_partitions_response answer;
  if (!is_sound(message)) {
    refuse(message, answer);
    of.answer(answer);
    return;
  }
  const auto most = std::max(of.owner().config()->max_request_partition_size_limit, 1);
  auto room = std::clamp(message.response_partition_limit, 1, most);
  for (const auto& name : names_in_order(of, message)) {
    if (room == 0) {
      answer.next_cursor.emplace(protocol::describe_topic_partitions_cursor{name, 0});
      break;
    }
    const bool is_at_cursor = message.cursor && message.cursor->topic_name == name;
    const auto first = is_at_cursor ? message.cursor->partition_index : 0;
    if (const auto next = add_topic(of, name, first, room, answer)) {
      answer.next_cursor.emplace(protocol::describe_topic_partitions_cursor{name, *next});
      break;
    }
  }
  of.answer(answer);
}

}  // namespace

void handle_describe_topic_partitions(request of, protocol::describe_topic_partitions_request message) {
  // Sorting the names of all topics takes too long for a reactor.
  on_worker(std::move(of), std::move(message), describe_topic_partitions);
}

}  // namespace tidelog::server
