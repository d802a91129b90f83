#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/offset_delete.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

/// A deletion under way: the answer, all of whose rows are there, and which of them the coordinator is asked about.
struct pending_deletion {
  struct asked_topic {
    std::size_t place;
    std::vector<std::size_t> rows;
  };
  protocol::offset_delete_response response;
  std::vector<asked_topic> asked;
};

void finish(request of, pending_deletion pending, const coordinator::delete_offsets_answer& outcome) {
  if (outcome.error) {
    pending.response.error_code = error_code_of(outcome.error);
    pending.response.topics.clear();
  } else {
    for (std::size_t i = 0; i < pending.asked.size(); ++i) {
      const auto& [place, rows] = pending.asked[i];
      for (std::size_t row = 0; row < rows.size(); ++row)
        pending.response.topics[place].partitions[rows[row]].error_code =
            error_code_of(outcome.topics[i].partitions[row].error);
    }
  }
  of.answer(pending.response);
}

/// Makes the rows of a topic's answer, and hands those partitions that exist on to the coordinator's request.
void take_topic(const metadata::topic_ptr& known, protocol::offset_delete_request_topic&& topic,
                pending_deletion& pending, coordinator::delete_offsets_request& deletion) {
  auto& answer = pending.response.topics.emplace_back();
  answer.name = topic.name;
  std::vector<std::int32_t> indexes;
  pending_deletion::asked_topic asked{pending.response.topics.size() - 1, {}};
  for (const auto& [index] : topic.partitions) {
    const bool exists = known && index >= 0 && static_cast<std::size_t>(index) < known->partitions.size();
    answer.partitions.push_back({index, exists ? error_code::none : error_code::unknown_topic_or_partition});
    if (!exists) continue;
    asked.rows.push_back(answer.partitions.size() - 1);
    indexes.push_back(index);
  }
  if (indexes.empty()) return;
  deletion.topics.push_back({std::move(topic.name), std::move(indexes)});
  pending.asked.push_back(std::move(asked));
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
    take_topic(known, std::move(topic), pending, deletion);
  }
  // Also without a topic that exists: the group's own error is told then.
  auto& groups = of.environment().groups;
  groups.delete_offsets(std::move(deletion), [of = std::move(of), pending = std::move(pending)](
                                                 const coordinator::delete_offsets_answer& outcome) mutable {
    finish(std::move(of), std::move(pending), outcome);
  });
}

}  // namespace tidelog::server
