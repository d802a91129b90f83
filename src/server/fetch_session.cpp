#include "fetch_session.hpp"

#include "tidelog/protocol/fetch.hpp"

#include <algorithm>
#include <limits>

namespace tidelog::server {
namespace {

constexpr std::int32_t no_session = 0;
constexpr std::int32_t initial_epoch = 0;
constexpr std::int32_t final_epoch = -1;
constexpr std::chrono::minutes least_idle_before_eviction{2};

std::int32_t epoch_after(std::int32_t epoch) {
  return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

}  // namespace

void fetch_session::update(const protocol::fetch_request& message) {
  for (const auto& topic : message.topics) {
    for (const auto& wanted : topic.partitions) {
      const key name{topic.topic, topic.topic_id, wanted.partition};
      auto found = by_key_.find(name);
      if (found == by_key_.end()) {
        partitions_.emplace_back();
        const auto made = std::prev(partitions_.end());
        made->topic = topic.topic;
        made->topic_id = topic.topic_id;
        made->partition = wanted.partition;
        found = by_key_.emplace(name, made).first;
      }
      auto& partition = *found->second;
      partition.current_leader_epoch = wanted.current_leader_epoch;
      partition.fetch_offset = wanted.fetch_offset;
      partition.last_fetched_epoch = wanted.last_fetched_epoch;
      partition.max_bytes = wanted.partition_max_bytes;
    }
  }
  for (const auto& topic : message.forgotten_topics_data) {
    for (const auto index : topic.partitions) {
      const auto found = by_key_.find(key{topic.topic, topic.topic_id, index});
      if (found == by_key_.end()) continue;
      partitions_.erase(found->second);
      by_key_.erase(found);
    }
  }
}

fetch_context fetch_session_cache::open(const protocol::fetch_request& message, fetch_naming naming,
                                        std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (message.session_epoch == initial_epoch || message.session_epoch == final_epoch) {
    if (message.session_id != no_session) sessions_.erase(message.session_id);
    return message.session_epoch == final_epoch ? fetch_context{} : begin(message, naming, now);
  }
  return go_on(message, naming, now);
}

fetch_context fetch_session_cache::begin(const protocol::fetch_request& message, fetch_naming naming,
                                         std::chrono::steady_clock::time_point now) {
  fetch_context context;
  if (message.topics.empty() || !make_room(now)) return context;
  std::uniform_int_distribution<std::int32_t> any(1, std::numeric_limits<std::int32_t>::max());
  std::int32_t id = any(random_);
  while (sessions_.contains(id)) id = any(random_);
  context.is = fetch_context::kind::full;
  context.session = std::make_shared<fetch_session>(id, naming);
  context.session->update(message);
  sessions_.emplace(id, entry{context.session, now});
  return context;
}

fetch_context fetch_session_cache::go_on(const protocol::fetch_request& message, fetch_naming naming,
                                         std::chrono::steady_clock::time_point now) {
  fetch_context context;
  context.is = fetch_context::kind::refused;
  const auto found = sessions_.find(message.session_id);
  if (found == sessions_.end()) {
    context.error = protocol::error_code::fetch_session_id_not_found;
    return context;
  }
  const auto& session = found->second.session;
  const std::lock_guard lock(session->mutex());
  if (session->naming_ != naming) {
    context.error = protocol::error_code::fetch_session_topic_id_error;
    return context;
  }
  if (session->next_epoch_ != message.session_epoch) {
    context.error = protocol::error_code::invalid_fetch_session_epoch;
    return context;
  }
  session->next_epoch_ = epoch_after(session->next_epoch_);
  session->update(message);
  found->second.last_used = now;
  context.is = fetch_context::kind::incremental;
  context.session = session;
  return context;
}

bool fetch_session_cache::make_room(std::chrono::steady_clock::time_point now) {
  if (sessions_.size() < slots_) return true;
  const auto oldest = std::min_element(
      sessions_.begin(), sessions_.end(),
      [](const auto& left, const auto& right) { return left.second.last_used < right.second.last_used; });
  if (oldest == sessions_.end() || now - oldest->second.last_used < least_idle_before_eviction) return false;
  sessions_.erase(oldest);
  return true;
}

std::size_t fetch_session_cache::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace tidelog::server
