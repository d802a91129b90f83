#include "errors.hpp"
#include "handlers.hpp"
#include "topic_names.hpp"

#include "tidelog/protocol/delete_records.hpp"

namespace tidelog::server {
namespace {

using protocol::error_code;

constexpr std::int64_t high_watermark = -1;

void delete_from(const partition::hosted_topic_ptr& topic, std::int64_t before,
                 protocol::delete_records_partition_result& answer) {
  answer.low_watermark = -1;
  const auto target = topic ? topic->find(model::partition_index(answer.partition_index)) : nullptr;
  if (!target) {
    answer.error_code = error_code::unknown_topic_or_partition;
    return;
  }
  if (before < high_watermark) {
    answer.error_code = error_code::offset_out_of_range;
    return;
  }
  if (const auto start = target->delete_records_before(model::offset(before)); !start) {
    answer.error_code = error_code_of(start.error());
  } else {
    answer.low_watermark = start->value();
  }
}

/// Nobody is told that records are gone whom a crash could show them again.
void keep(const broker& owner, protocol::delete_records_response& answer) {
  const auto kept = owner.even_when_full([&] { return owner.environment.partitions.keep_log_starts(); });
  if (kept) return;
  for (auto& topic : answer.topics) {
    for (auto& row : topic.partitions) {
      if (row.error_code != error_code::none) continue;
      row.error_code = error_code_of(kept.error());
      row.low_watermark = -1;
    }
  }
}

void delete_records(request of, protocol::delete_records_request message) {
  protocol::delete_records_response answer;
  for (const auto& topic : message.topics) {
    auto& rows = answer.topics.emplace_back();
    rows.name = topic.name;
    const auto hosted = of.environment().partitions.find(topic.name);
    for (const auto& asked : topic.partitions) {
      auto& row = rows.partitions.emplace_back();
      row.partition_index = asked.partition_index;
      delete_from(hosted, asked.offset, row);
    }
  }
  keep(of.owner(), answer);
  of.answer(answer);
}

}  // namespace

void handle_delete_records(request of, protocol::delete_records_request message) {
  on_worker(std::move(of), std::move(message), delete_records);
}

}  // namespace tidelog::server
