#include "handlers.hpp"
#include "refusal.hpp"
#include "topic_assignment.hpp"

#include "tidelog/protocol/alter_partition_reassignments.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// The only assignment there can be is the one that every partition has: this broker.
std::optional<refusal> check(const partition::hosted_topic_ptr& topic, const std::string& name,
                             const protocol::reassignable_partition& asked, model::broker_id self) {
  if (!topic) {
    return refusal{error_code::unknown_topic_or_partition, fmt::format("there is no topic {}", name)};
  }
  if (!topic->find(model::partition_index(asked.partition_index))) {
    return refusal{error_code::unknown_topic_or_partition,
                   fmt::format("topic {} has no partition {}", name, asked.partition_index)};
  }
  if (!asked.replicas) {
    return refusal{error_code::no_reassignment_in_progress, "the partition is not being moved"};
  }
  if (auto fault = assignment_fault(*asked.replicas, self)) {
    return refusal{error_code::invalid_replica_assignment, std::move(*fault)};
  }
  return std::nullopt;
}

}  // namespace

void handle_alter_partition_reassignments(request of,
                                          protocol::alter_partition_reassignments_request message) {
  protocol::alter_partition_reassignments_response answer;
  answer.allow_replication_factor_change = message.allow_replication_factor_change;
  for (const auto& topic : message.topics) {
    auto& rows = answer.responses.emplace_back();
    rows.name = topic.name;
    const auto hosted = of.environment().partitions.find(topic.name);
    for (const auto& asked : topic.partitions) {
      auto& row = rows.partitions.emplace_back();
      row.partition_index = asked.partition_index;
      auto refused = check(hosted, topic.name, asked, of.owner().settings.node_id);
      if (!refused) continue;
      row.error_code = refused->code;
      row.error_message = std::move(refused->why);
    }
  }
  of.answer(answer);
}

}  // namespace tidelog::server
