#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/offset_for_leader_epoch.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

base::result<storage::epoch_end> end_of_epoch(const partition::partition& target,
                                              const protocol::offset_for_leader_partition& asked) {
  TIDELOG_DO(target.check_leader_epoch(model::leader_epoch(asked.current_leader_epoch)));
  return target.end_offset_for(model::leader_epoch(asked.leader_epoch));
}

}  // namespace

void handle_offset_for_leader_epoch(request of, protocol::offset_for_leader_epoch_request message) {
  protocol::offset_for_leader_epoch_response answer;
  for (const auto& topic : message.topics) {
    auto& rows = answer.topics.emplace_back();
    rows.topic = topic.topic;
    const auto hosted = of.environment().partitions.find(topic.topic);
    for (const auto& asked : topic.partitions) {
      auto& row = rows.partitions.emplace_back();
      row.partition = asked.partition;
      const auto target = hosted ? hosted->find(model::partition_index(asked.partition)) : nullptr;
      if (!target) {
        row.error_code = error_code::unknown_topic_or_partition;
      } else if (const auto end = end_of_epoch(*target, asked); !end) {
        row.error_code = error_code_of(end.error());
      } else {
        row.leader_epoch = end->epoch.value();
        row.end_offset = end->end_offset.value();
      }
    }
  }
  of.answer(answer);
}

}  // namespace tidelog::server
