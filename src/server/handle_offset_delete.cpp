#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/offset_delete.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// The answer with a row for each partition, and the topics that the coordinator is asked about.
struct pending_deletion {
  protocol::offset_delete_response response;
  std::vector<std::size_t> asked;
};

void finish(request of, pending_deletion pending, const coordinator::delete_offsets_answer& outcome) {
  if (outcome.error) {
    pending.response.error_code = error_code_of(outcome.error);
    pending.response.topics.clear();
  } else {
    for (std::size_t i = 0; i < pending.asked.size(); ++i) {
      auto& rows = pending.response.topics[pending.asked[i]].partitions;
      for (std::size_t row = 0; row < rows.size(); ++row)
        rows[row].error_code = error_code_of(outcome.topics[i].partitions[row].error);
    }
  }
  of.answer(pending.response);
}

}  // namespace

void handle_offset_delete(request of, protocol::offset_delete_request message) {
  of.release_frame();
  coordinator::delete_offsets_request deletion;
  deletion.group_id = std::move(message.group_id);
  pending_deletion pending;
  const auto image = of.image();
  for (auto& topic : message.topics) {
    const auto known = image->topic(topic.name);
    auto& rows = pending.response.topics.emplace_back();
    rows.name = topic.name;
    std::vector<std::int32_t> indexes;
    for (const auto& each : topic.partitions) {
      indexes.push_back(each.partition_index);
      rows.partitions.push_back(
          {each.partition_index, known ? error_code::none : error_code::unknown_topic_or_partition});
    }
    if (!known) continue;
    pending.asked.push_back(pending.response.topics.size() - 1);
    deletion.topics.push_back({std::move(topic.name), std::move(indexes)});
  }
  // Also without a topic that exists: the group's own error is told then.
  auto& groups = of.environment().groups;
  groups.delete_offsets(std::move(deletion), [of = std::move(of), pending = std::move(pending)](
                                                 const coordinator::delete_offsets_answer& outcome) mutable {
    finish(std::move(of), std::move(pending), outcome);
  });
}

}  // namespace tidelog::server
