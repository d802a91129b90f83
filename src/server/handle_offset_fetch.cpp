#include "errors.hpp"
#include "gathering.hpp"
#include "handlers.hpp"

#include "tidelog/coordinator/group_coordinator.hpp"
#include "tidelog/protocol/offset_fetch.hpp"

#include <algorithm>

namespace tidelog::server {
namespace {

using protocol::error_code;

/// From here on a request may ask for several groups.
constexpr std::int16_t many_groups_since = 8;
/// From here on topics are named by id.
constexpr std::int16_t topic_ids_since = 10;
/// From here on an answer has room for an error of the whole group.
constexpr std::int16_t group_error_since = 2;

protocol::offset_fetch_response_partition nothing_committed(std::int32_t index, error_code code) {
  return {index, model::no_offset.value(), model::no_leader_epoch.value(), "", code};
}

/// What one group is asked for, and what of it is known without asking.
struct group_question {
  coordinator::fetch_offsets_request question;
  /// Topics by id that do not exist.
  std::vector<protocol::offset_fetch_response_topic> unknown;
};

group_question in_own_terms(const request& of, protocol::offset_fetch_request_group&& group,
                            bool require_stable) {
  using pending = coordinator::fetch_offsets_request::pending;
  group_question made;
  made.question.group_id = std::move(group.group_id);
  made.question.member_id = std::move(group.member_id);
  made.question.member_epoch = group.member_epoch;
  made.question.transactional = require_stable ? pending::refused : pending::ignored;
  if (!group.topics) return made;
  made.question.topics.emplace();
  const auto image = of.image();
  for (auto& topic : *group.topics) {
    if (of.version() < topic_ids_since) {
      made.question.topics->push_back({std::move(topic.name), std::move(topic.partition_indexes)});
    } else if (const auto known = image->topic(topic.topic_id)) {
      made.question.topics->push_back({known->name, std::move(topic.partition_indexes)});
    } else {
      auto& rows = made.unknown.emplace_back();
      rows.topic_id = topic.topic_id;
      for (const auto index : topic.partition_indexes)
        rows.partitions.push_back(nothing_committed(index, error_code::unknown_topic_id));
    }
  }
  return made;
}

/// The rows of one group. Topics that are asked for by id and are not there any more are left out.
std::vector<protocol::offset_fetch_response_topic> rows_of(const request& of,
                                                           coordinator::fetch_offsets_answer&& found) {
  std::vector<protocol::offset_fetch_response_topic> rows;
  const auto image = of.image();
  for (auto& topic : found.topics) {
    protocol::offset_fetch_response_topic made;
    if (of.version() >= topic_ids_since) {
      const auto known = image->topic(topic.name);
      if (!known) continue;
      made.topic_id = known->id;
    }
    made.name = std::move(topic.name);
    for (auto& each : topic.partitions) {
      made.partitions.push_back({each.index, each.value.offset.value(), each.value.leader_epoch.value(),
                                 std::move(each.value.metadata), error_code_of(each.error)});
    }
    rows.push_back(std::move(made));
  }
  return rows;
}

/// Version 1 says an error of the group with each partition.
std::vector<protocol::offset_fetch_response_topic> refused_rows(
    const coordinator::fetch_offsets_request& asked, error_code code) {
  std::vector<protocol::offset_fetch_response_topic> rows;
  if (!asked.topics) return rows;
  for (const auto& topic : *asked.topics) {
    auto& made = rows.emplace_back();
    made.name = topic.name;
    for (const auto index : topic.partitions) made.partitions.push_back(nothing_committed(index, code));
  }
  return rows;
}

void finish(request of, std::vector<group_question> asked,
            std::vector<coordinator::fetch_offsets_answer> found) {
  protocol::offset_fetch_response response;
  for (std::size_t i = 0; i < found.size(); ++i) {
    protocol::offset_fetch_response_group group;
    group.group_id = asked[i].question.group_id;
    group.error_code = error_code_of(found[i].error);
    if (group.error_code == error_code::none) {
      group.topics = rows_of(of, std::move(found[i]));
      std::move(asked[i].unknown.begin(), asked[i].unknown.end(), std::back_inserter(group.topics));
    } else if (of.version() < group_error_since) {
      group.topics = refused_rows(asked[i].question, group.error_code);
    }
    response.groups.push_back(std::move(group));
  }
  if (of.version() < many_groups_since && !response.groups.empty()) {
    response.error_code = response.groups.front().error_code;
    response.topics = std::move(response.groups.front().topics);
  }
  of.answer(response);
}

}  // namespace

void handle_offset_fetch(request of, protocol::offset_fetch_request message) {
  of.release_frame();
  if (of.version() < many_groups_since) {
    auto& only = message.groups.emplace_back();
    only.group_id = std::move(message.group_id);
    only.topics = std::move(message.topics);
  }
  std::vector<group_question> asked;
  for (auto& group : message.groups) {
    asked.push_back(in_own_terms(of, std::move(group), message.require_stable));
  }
  auto& groups = of.environment().groups;
  std::vector<coordinator::fetch_offsets_request> questions;
  questions.reserve(asked.size());
  for (const auto& each : asked) questions.push_back(each.question);
  const gathering<coordinator::fetch_offsets_answer> answers(
      questions.size(), [of = std::move(of), asked = std::move(asked)](auto found) mutable {
        finish(std::move(of), std::move(asked), std::move(found));
      });
  for (std::size_t i = 0; i < questions.size(); ++i)
    groups.fetch_offsets(std::move(questions[i]), answers.taker(i));
}

}  // namespace tidelog::server
