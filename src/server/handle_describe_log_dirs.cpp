#include "errors.hpp"
#include "handlers.hpp"

#include "tidelog/base/log_message.hpp"
#include "tidelog/protocol/describe_log_dirs.hpp"

#include <algorithm>
#include <set>

namespace tidelog::server {
namespace {

void add_partition(partition::partition& target, protocol::describe_log_dirs_topic& rows) {
  // One that is offline or just being deleted has no size that could be told.
  if (const auto size = target.size_bytes()) {
    rows.partitions.push_back({target.name().partition.value(), static_cast<std::int64_t>(*size), 0, false});
  }
}

void add_all(const partition::partition_manager& partitions, protocol::describe_log_dirs_result& answer) {
  auto topics = partitions.topics();
  std::sort(topics.begin(), topics.end(),
            [](const auto& left, const auto& right) { return left->state->name < right->state->name; });
  answer.topics.reserve(topics.size());
  for (const auto& topic : topics) {
    auto& rows = answer.topics.emplace_back();
    rows.name = topic->state->name;
    for (const auto& each : topic->partitions) add_partition(*each, rows);
  }
}

void add_named(const partition::partition_manager& partitions,
               const protocol::describable_log_dir_topic& asked, protocol::describe_log_dirs_result& answer) {
  const auto hosted = partitions.find(asked.topic);
  if (!hosted) return;
  protocol::describe_log_dirs_topic rows;
  rows.name = asked.topic;
  for (const auto index : std::set<std::int32_t>(asked.partitions.begin(), asked.partitions.end())) {
    if (const auto target = hosted->find(model::partition_index(index))) add_partition(*target, rows);
  }
  if (!rows.partitions.empty()) answer.topics.push_back(std::move(rows));
}

void describe_log_dirs(request of, protocol::describe_log_dirs_request message) {
  protocol::describe_log_dirs_response answer;
  auto& directory = answer.results.emplace_back();
  directory.log_dir = of.owner().settings.data_directory;
  if (const auto space = of.environment().files.space(directory.log_dir)) {
    directory.total_bytes = static_cast<std::int64_t>(space->capacity_bytes);
    directory.usable_bytes = static_cast<std::int64_t>(space->available_bytes);
  } else {
    base::say_warning("the space in the data directory is not known: {}", space.error().describe());
  }
  if (!message.topics) {
    add_all(of.environment().partitions, directory);
  } else {
    for (const auto& asked : *message.topics) add_named(of.environment().partitions, asked, directory);
  }
  of.answer(answer);
}

}  // namespace

void handle_describe_log_dirs(request of, protocol::describe_log_dirs_request message) {
  on_worker(std::move(of), std::move(message), describe_log_dirs);
}

}  // namespace tidelog::server
