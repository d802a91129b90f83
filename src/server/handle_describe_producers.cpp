#include "errors.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"

#include "tidelog/protocol/describe_producers.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

void refuse(protocol::describe_producers_partition_response& answer, error_code code) {
  answer.error_code = code;
  answer.error_message = protocol::error_message(code);
}

void describe(protocol::describe_producers_partition_response& answer, const partition::partition& target) {
  if (const auto available = target.check_available(); !available) {
    // Whoever looks for the reason finds it here: no other answer has room for it.
    answer.error_code = error_code_of(available);
    answer.error_message = reason_text(available.error());
    return;
  }
  for (const auto& producer : target.producers()) {
    answer.active_producers.push_back({producer.producer.value(), producer.epoch.value(),
                                       producer.last_sequence.value(), producer.last_timestamp.value(),
                                       producer.coordinator_epoch,
                                       producer.current_txn_first_offset.value()});
  }
}

}  // namespace

void handle_describe_producers(request of, protocol::describe_producers_request message) {
  protocol::describe_producers_response answer;
  for (const auto& topic : message.topics) {
    auto& rows = answer.topics.emplace_back();
    rows.name = topic.name;
    const auto hosted = of.environment().partitions.find(topic.name);
    for (const auto index : topic.partition_indexes) {
      auto& row = rows.partitions.emplace_back();
      row.partition_index = index;
      if (topic_name_fault(topic.name)) {
        refuse(row, error_code::invalid_topic_exception);
      } else if (const auto target = hosted ? hosted->find(model::partition_index(index)) : nullptr) {
        describe(row, *target);
      } else {
        refuse(row, error_code::unknown_topic_or_partition);
      }
    }
  }
  of.answer(answer);
}

}  // namespace tidelog::server
