#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/delete_topics.hpp"

#include <map>
#include <set>

namespace tidelog::server {
namespace {

using protocol::error_code;
using result_row = protocol::deletable_topic_result;

constexpr std::int16_t first_version_with_topics = 6;
constexpr std::int16_t first_version_with_deletion_disabled = 3;

void refuse(result_row& row, error_code code, std::string why) {
  row.error_code = code;
  row.error_message = std::move(why);
}

/// The versions with a plain list of names ask for the same as the later ones.
std::vector<protocol::delete_topic_state> topics_of(const request& of,
                                                    protocol::delete_topics_request& message) {
  if (of.version() >= first_version_with_topics) return std::move(message.topics);
  std::vector<protocol::delete_topic_state> topics;
  for (auto& name : message.topic_names) topics.push_back({std::move(name), {}});
  return topics;
}

/// One row for each topic that is asked for; what is wrong with the request by itself is found here.
std::vector<result_row> rows_of(const std::vector<protocol::delete_topic_state>& topics) {
  std::vector<result_row> rows;
  std::map<std::pair<std::optional<std::string>, base::uuid>, std::size_t> places;
  for (const auto& topic : topics) {
    const auto [place, is_new] = places.try_emplace({topic.name, topic.topic_id}, rows.size());
    if (!is_new) {
      auto& row = rows[place->second];
      if (row.error_code == error_code::none)
        refuse(row, error_code::invalid_request, "the topic is named twice");
      continue;
    }
    auto& row = rows.emplace_back();
    row.name = topic.name;
    row.topic_id = topic.topic_id;
    if (topic.name && !topic.topic_id.is_zero()) {
      refuse(row, error_code::invalid_request, "a topic is given by its name or by its id, not by both");
    } else if (!topic.name && topic.topic_id.is_zero()) {
      refuse(row, error_code::invalid_request, "neither a name nor an id is given");
    }
  }
  return rows;
}

/// Completes name and id of the rows whose topics exist, and returns the records that remove these.
std::vector<metadata::record> plan_deletion(const metadata::image& before, std::vector<result_row>& rows) {
  std::vector<metadata::record> records;
  std::set<model::topic_id> removed;
  for (auto& row : rows) {
    if (row.error_code != error_code::none) continue;
    const auto topic = row.name ? before.topic(*row.name) : before.topic(row.topic_id);
    if (!topic) {
      const auto code = row.name ? error_code::unknown_topic_or_partition : error_code::unknown_topic_id;
      refuse(row, code, std::string(protocol::error_message(code)));
    } else if (!removed.insert(topic->id).second) {
      refuse(row, error_code::invalid_request, "the topic is named twice");
    } else {
      row.name = topic->name;
      row.topic_id = topic->id;
      records.emplace_back(metadata::remove_topic_record{topic->id});
    }
  }
  return records;
}

void finish(const base::result<metadata::image_ptr>& outcome, std::vector<result_row>& rows) {
  for (auto& row : rows) {
    if (row.error_code != error_code::none) continue;
    if (outcome) {
      base::say_info("topic {} ({}) is deleted", *row.name, row.topic_id.text());
    } else {
      refuse(row, error_code_of(outcome.error()), outcome.error().describe());
    }
  }
}

void delete_topics(request of, protocol::delete_topics_request message) {
  protocol::delete_topics_response answer;
  auto rows = rows_of(topics_of(of, message));
  if (!of.owner().config()->delete_topic_enable) {
    const auto code = of.version() < first_version_with_deletion_disabled
                          ? error_code::invalid_request
                          : error_code::topic_deletion_disabled;
    for (auto& row : rows) refuse(row, code, "delete.topic.enable is false");
  } else {
    const auto outcome = of.owner().change([&](const metadata::image& before) {
      return base::result<std::vector<metadata::record>>(plan_deletion(before, rows));
    });
    if (!outcome) base::say_error("deleting topics: {}", outcome.error().describe());
    finish(outcome, rows);
  }
  answer.responses = std::move(rows);
  of.answer(answer);
}

}  // namespace

void handle_delete_topics(request of, protocol::delete_topics_request message) {
  on_worker(std::move(of), std::move(message), delete_topics);
}

}  // namespace tidelog::server
