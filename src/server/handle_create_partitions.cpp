#include "errors.hpp"
#include "handlers.hpp"
#include "refusal.hpp"
#include "topic_assignment.hpp"
#include "topic_creation.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/create_partitions.hpp"

#include <map>

namespace tidelog::server {
namespace {

using protocol::error_code;
using result_row = protocol::create_partitions_topic_result;

/// The topics asked for, each once, with the rows that answer them.
struct addition {
  const protocol::create_partitions_topic* asked;
  result_row row;
};

void refuse(result_row& row, error_code code, std::string why) {
  row.error_code = code;
  row.error_message = std::move(why);
}

std::vector<addition> additions_of(const protocol::create_partitions_request& message) {
  std::vector<addition> additions;
  std::map<std::string_view, std::size_t> places;
  for (const auto& topic : message.topics) {
    const auto [place, is_new] = places.try_emplace(topic.name, additions.size());
    if (!is_new) {
      refuse(additions[place->second].row, error_code::invalid_request, "the topic is named twice");
      continue;
    }
    auto& made = additions.emplace_back();
    made.asked = &topic;
    made.row.name = topic.name;
  }
  return additions;
}

std::optional<refusal> check(const protocol::create_partitions_topic& asked, std::int32_t now,
                             model::broker_id self) {
  if (asked.count <= now) {
    return refusal{error_code::invalid_partitions,
                   fmt::format("the topic has {} partition(s), and {} would be no more", now, asked.count)};
  }
  if (!asked.assignments) return std::nullopt;
  const auto more = static_cast<std::size_t>(asked.count - now);
  if (asked.assignments->size() != more) {
    return refusal{
        error_code::invalid_replica_assignment,
        fmt::format("{} partition(s) are added, but {} assigned", more, asked.assignments->size())};
  }
  for (const auto& assignment : *asked.assignments) {
    if (auto fault = assignment_fault(assignment.broker_ids, self)) {
      return refusal{error_code::invalid_replica_assignment, std::move(*fault)};
    }
  }
  return std::nullopt;
}

std::vector<metadata::record> plan_additions(const broker& owner, const metadata::image& before,
                                             std::vector<addition>& additions) {
  std::vector<metadata::record> records;
  std::int64_t room = most_partitions_of_a_request;
  for (auto& [asked, row] : additions) {
    if (row.error_code != error_code::none) continue;
    const auto topic = before.topic(asked->name);
    if (!topic) {
      refuse(row, error_code::unknown_topic_or_partition, fmt::format("there is no topic {}", asked->name));
      continue;
    }
    const auto now = static_cast<std::int32_t>(topic->partitions.size());
    if (auto refused = check(*asked, now, owner.settings.node_id)) {
      refuse(row, refused->code, std::move(refused->why));
      continue;
    }
    if (asked->count - now > room) {
      refuse(row, error_code::policy_violation,
             fmt::format("one request creates at most {} partitions", most_partitions_of_a_request));
      continue;
    }
    if (auto refused = refusal_for_want_of_room(owner)) {
      refuse(row, refused->code, std::move(refused->why));
      continue;
    }
    room -= asked->count - now;
    add_partition_records(owner, topic->id, now, asked->count, records);
  }
  return records;
}

void add_partitions(broker& owner, std::vector<addition>& additions) {
  const auto outcome = owner.change([&](const metadata::image& before) {
    return base::result<std::vector<metadata::record>>(plan_additions(owner, before, additions));
  });
  if (!outcome) base::say_error("creating partitions: {}", outcome.error().describe());
  for (auto& [asked, row] : additions) {
    if (row.error_code != error_code::none) continue;
    if (outcome) {
      base::say_info("topic {} now has {} partitions", asked->name, asked->count);
    } else {
      refuse(row, error_code_of(outcome.error()), outcome.error().describe());
    }
  }
}

void create_partitions(request of, protocol::create_partitions_request message) {
  auto additions = additions_of(message);
  if (message.validate_only) {
    plan_additions(of.owner(), *of.image(), additions);
  } else {
    add_partitions(of.owner(), additions);
  }
  protocol::create_partitions_response answer;
  for (auto& each : additions) answer.results.push_back(std::move(each.row));
  of.answer(answer);
}

}  // namespace

void handle_create_partitions(request of, protocol::create_partitions_request message) {
  on_worker(std::move(of), std::move(message), create_partitions);
}

}  // namespace tidelog::server
