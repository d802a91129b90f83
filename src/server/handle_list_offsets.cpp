#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/protocol/list_offsets.hpp"

#include <set>

namespace tidelog::server {
namespace {

using protocol::error_code;

/// Timestamps that are questions of their own, and the first version that knows each.
constexpr std::int64_t latest = -1;
constexpr std::int64_t earliest = -2;
constexpr std::int64_t largest_timestamp = -3;
constexpr std::int64_t earliest_local = -4;
constexpr std::int64_t latest_tiered = -5;
constexpr std::int64_t earliest_pending_upload = -6;

std::int16_t first_version_of(std::int64_t timestamp) {
  switch (timestamp) {
    case largest_timestamp:
      return 7;
    case earliest_local:
      return 8;
    case latest_tiered:
      return 9;
    case earliest_pending_upload:
      return 11;
    default:
      return 0;
  }
}

/// Whether the answer needs a look into the log's files.
bool needs_disk(std::int64_t timestamp) {
  return timestamp >= 0 || timestamp == largest_timestamp;
}

void fill(protocol::list_offsets_partition_response& answer, const partition::partition& target,
          model::offset at) {
  answer.offset = at.value();
  answer.leader_epoch = target.epoch_at(at).value();
}

void fill_found(protocol::list_offsets_partition_response& answer, model::offset end,
                const base::result<std::optional<storage::timestamped_offset>>& found) {
  if (!found) {
    answer.error_code = error_code_of(found.error());
  } else if (*found && (*found)->offset < end) {
    answer.offset = (*found)->offset.value();
    answer.timestamp = (*found)->timestamp.value();
    answer.leader_epoch = (*found)->leader_epoch.value();
  }
}

protocol::list_offsets_partition_response answer_one(const request& of, const std::string& topic,
                                                     protocol::isolation_level isolation,
                                                     const protocol::list_offsets_partition& asked) {
  protocol::list_offsets_partition_response answer;
  answer.partition_index = asked.partition_index;
  const auto hosted = of.environment().partitions.find(topic);
  const auto target = hosted ? hosted->find(model::partition_index(asked.partition_index)) : nullptr;
  if (!target) {
    answer.error_code = error_code::unknown_topic_or_partition;
    return answer;
  }
  if (const auto known = target->check_leader_epoch(model::leader_epoch(asked.current_leader_epoch));
      !known) {
    answer.error_code = error_code_of(known);
    return answer;
  }
  const auto reach = target->reach();
  if (!reach) {
    answer.error_code = error_code_of(reach.error());
    return answer;
  }
  if (of.version() < first_version_of(asked.timestamp)) {
    answer.error_code = error_code::unsupported_version;
    return answer;
  }
  const auto end =
      isolation == protocol::isolation_level::read_committed ? reach->last_stable : reach->high_watermark;
  switch (asked.timestamp) {
    case latest:
      answer.offset = end.value();
      answer.leader_epoch = target->leader_epoch().value();
      break;
    case earliest:
    case earliest_local:
      fill(answer, *target, reach->log_start);
      break;
    case latest_tiered:
    case earliest_pending_upload:
      // Nothing is ever tiered.
      break;
    case largest_timestamp:
      fill_found(answer, end, target->max_timestamp_offset());
      break;
    default:
      fill_found(answer, end, target->offset_for_timestamp(model::timestamp(asked.timestamp)));
  }
  return answer;
}

void answer_list_offsets(request of, protocol::list_offsets_request message) {
  protocol::list_offsets_response answer;
  std::set<std::pair<std::string, std::int32_t>> seen;
  std::set<std::pair<std::string, std::int32_t>> repeated;
  for (const auto& topic : message.topics) {
    for (const auto& asked : topic.partitions) {
      const std::pair key(topic.name, asked.partition_index);
      if (!seen.insert(key).second) repeated.insert(key);
    }
  }
  for (const auto& topic : message.topics) {
    auto& rows = answer.topics.emplace_back();
    rows.name = topic.name;
    for (const auto& asked : topic.partitions) {
      if (repeated.contains({topic.name, asked.partition_index})) {
        auto& row = rows.partitions.emplace_back();
        row.partition_index = asked.partition_index;
        row.error_code = error_code::invalid_request;
      } else {
        rows.partitions.push_back(answer_one(of, topic.name, message.isolation_level, asked));
      }
    }
  }
  of.answer(answer);
}

}  // namespace

void handle_list_offsets(request of, protocol::list_offsets_request message) {
  for (const auto& topic : message.topics) {
    for (const auto& asked : topic.partitions) {
      if (needs_disk(asked.timestamp)) {
        on_worker(std::move(of), std::move(message), answer_list_offsets);
        return;
      }
    }
  }
  answer_list_offsets(std::move(of), std::move(message));
}

}  // namespace tidelog::server
