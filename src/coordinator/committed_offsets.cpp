#include "committed_offsets.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <utility>

namespace tidelog::coordinator {
namespace {

/// Kafka counts the metadata of a commit in UTF-16 code units: two for what takes four bytes of UTF-8, else one.
std::size_t utf16_length(const std::string& text) {
  std::size_t units = 0;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool continues = (byte & 0xc0) == 0x80;
    if (!continues) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

template <class Entries>
auto place_of(Entries& entries, std::int32_t index) {
  return std::lower_bound(entries.begin(), entries.end(), index,
                          [](const auto& entry, std::int32_t sought) { return entry.index < sought; });
}

}  // namespace

committed_offsets::committed_offsets(std::string group_id) : group_id_(std::move(group_id)) {}

void committed_offsets::commit(group_step& step, const commit_request& request, reply<commit_answer> to) {
  commit_answer answer;
  std::vector<group_record> records;
  const auto now = step.unix_now_ms();
  const auto longest = static_cast<std::size_t>(std::max(step.settings().offset_metadata_max_bytes, 0));
  for (const auto& topic : request.topics) {
    auto& told = answer.topics.emplace_back(topic_outcome{topic.name, {}});
    told.partitions.reserve(topic.partitions.size());
    for (const auto& partition : topic.partitions) {
      if (utf16_length(partition.value.metadata) > longest) {
        told.partitions.push_back({partition.index, make_error_code(errc::metadata_too_large)});
        continue;
      }
      told.partitions.push_back({partition.index, {}});
      offset_commit_value value;
      value.offset = partition.value.offset.value();
      value.leader_epoch = partition.value.leader_epoch.value();
      value.metadata = partition.value.metadata;
      value.commit_timestamp = now;
      value.expire_timestamp = request.retention_ms < 0 ? -1 : now + request.retention_ms;
      value.topic_id = topic.topic_id;
      records.emplace_back(offset_commit_record{{group_id_, topic.name, partition.index}, std::move(value)});
    }
  }
  if (!records.empty()) {
    if (const auto failure = step.write(records))
      return step.answer_at_once(std::move(to), commit_answer{failure, {}});
    for (const auto& record : records) replay(std::get<offset_commit_record>(record));
  }
  step.answer(std::move(to), std::move(answer));
}

fetch_offsets_answer::partition committed_offsets::answer_of(const kept_offset& from) {
  fetch_offsets_answer::partition told{from.index, {}, {}};
  told.value.offset = model::offset(from.offset);
  told.value.leader_epoch = model::leader_epoch(from.leader_epoch);
  if (from.rare) told.value.metadata = from.rare->metadata;
  return told;
}

fetch_offsets_answer committed_offsets::fetch(const fetch_offsets_request& request) const {
  fetch_offsets_answer answer;
  if (!request.topics) {
    for (const auto& [name, topic] : topics_) {
      auto& told = answer.topics.emplace_back(fetch_offsets_answer::topic{name, {}});
      for (const auto& entry : topic.entries) told.partitions.push_back(answer_of(entry));
    }
    return answer;
  }
  for (const auto& topic : *request.topics) {
    auto& told = answer.topics.emplace_back(fetch_offsets_answer::topic{topic.name, {}});
    for (const auto index : topic.partitions) {
      const auto* committed = find(topic.name, index);
      if (committed != nullptr) {
        told.partitions.push_back(answer_of(*committed));
      } else {
        told.partitions.push_back({index, {model::no_offset, model::no_leader_epoch, {}}, {}});
      }
    }
  }
  return answer;
}

void committed_offsets::remove(group_step& step, const delete_offsets_request& request,
                               const std::function<bool(const std::string& topic)>& is_subscribed,
                               reply<delete_offsets_answer> to) {
  delete_offsets_answer answer;
  std::vector<position> places;
  for (const auto& topic : request.topics) {
    auto& told = answer.topics.emplace_back(topic_outcome{topic.name, {}});
    const auto error = is_subscribed && is_subscribed(topic.name) ? make_error_code(errc::subscribed_to_topic)
                                                                  : std::error_code();
    for (const auto index : topic.partitions) {
      told.partitions.push_back({index, error});
      if (!error && find(topic.name, index) != nullptr) places.push_back({topic.name, index});
    }
  }
  if (const auto failure = remove_places(step, places))
    return step.answer_at_once(std::move(to), delete_offsets_answer{failure, {}});
  step.answer(std::move(to), std::move(answer));
}

std::error_code committed_offsets::remove_topic(group_step& step, const std::string& topic,
                                                const model::topic_id& id) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return {};
  const bool is_of_another = !id.is_zero() && !found->second.id.is_zero() && found->second.id != id;
  if (is_of_another) return {};
  std::vector<position> places;
  for (const auto& entry : found->second.entries) places.push_back({topic, entry.index});
  return remove_in_parts(step, std::move(places)).failure;
}

std::error_code committed_offsets::remove_all(group_step& step) {
  std::vector<position> places;
  for (const auto& [name, topic] : topics_) {
    for (const auto& entry : topic.entries) places.push_back({name, entry.index});
  }
  return remove_in_parts(step, std::move(places)).failure;
}

bool committed_offsets::is_expired(const kept_offset& of, const offset_expiry& expiry,
                                   std::int64_t unix_now_ms, std::int64_t retention_ms) {
  if (of.rare && of.rare->expire_unix_ms >= 0) return unix_now_ms >= of.rare->expire_unix_ms;
  return unix_now_ms - expiry.since_unix_ms.value_or(of.committed_unix_ms) >= retention_ms;
}

base::result<std::size_t> committed_offsets::expire(group_step& step, const offset_expiry& expiry) {
  const auto now = step.unix_now_ms();
  const auto retention = step.settings().offsets_retention_ms;
  std::vector<position> places;
  for (const auto& [name, topic] : topics_) {
    if (expiry.is_subscribed && expiry.is_subscribed(name)) continue;
    for (const auto& entry : topic.entries) {
      if (is_expired(entry, expiry, now, retention)) places.push_back({name, entry.index});
    }
  }
  const auto removed = remove_in_parts(step, std::move(places));
  if (removed.failure) return base::fail(removed.failure, "expired offsets of group {}", group_id_);
  return removed.count;
}

committed_offsets::removal committed_offsets::remove_in_parts(group_step& step,
                                                              std::vector<position> places) {
  removal done;
  // From the back, so that what is left of a topic need not move up each time.
  while (!places.empty()) {
    const auto part = std::min(records_per_removal, places.size());
    const auto from = places.end() - static_cast<std::ptrdiff_t>(part);
    done.failure = remove_places(step, {from, places.end()});
    if (done.failure) break;
    places.erase(from, places.end());
    done.count += part;
  }
  return done;
}

std::error_code committed_offsets::remove_places(group_step& step, const std::vector<position>& places) {
  if (places.empty()) return {};
  std::vector<group_record> records;
  records.reserve(places.size());
  for (const auto& place : places) {
    records.emplace_back(offset_commit_record{{group_id_, place.topic, place.index}, std::nullopt});
  }
  if (const auto failure = step.write(records)) return failure;
  for (auto place = places.rbegin(); place != places.rend(); ++place) erase(place->topic, place->index);
  return {};
}

void committed_offsets::list(std::vector<group_progress>& into, progress_room& room) const {
  if (!room.take(topics_.size(), count_)) return;
  for (const auto& [name, topic] : topics_) {
    auto& told = into.emplace_back(group_progress{group_id_, name, {}});
    told.positions.reserve(topic.entries.size());
    for (const auto& entry : topic.entries) told.positions.push_back({entry.index, entry.offset});
  }
}

void committed_offsets::replay(const offset_commit_record& record) {
  if (record.value) {
    put(record.key, *record.value);
  } else {
    erase(record.key.topic, record.key.partition);
  }
}

const committed_offsets::kept_offset* committed_offsets::find(const std::string& topic,
                                                              std::int32_t index) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return nullptr;
  const auto place = place_of(found->second.entries, index);
  return place == found->second.entries.end() || place->index != index ? nullptr : &*place;
}

void committed_offsets::put(const offset_commit_key& key, const offset_commit_value& value) {
  auto& topic = topics_[key.topic];
  if (!value.topic_id.is_zero()) topic.id = value.topic_id;
  auto place = place_of(topic.entries, key.partition);
  if (place == topic.entries.end() || place->index != key.partition) {
    place = topic.entries.emplace(place);
    place->index = key.partition;
    ++count_;
  }
  place->offset = value.offset;
  place->leader_epoch = value.leader_epoch;
  place->committed_unix_ms = value.commit_timestamp;
  place->rare.reset();
  if (!value.metadata.empty() || value.expire_timestamp >= 0)
    place->rare = std::make_unique<rare_parts>(rare_parts{value.metadata, value.expire_timestamp});
}

void committed_offsets::erase(const std::string& topic, std::int32_t index) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  auto& entries = found->second.entries;
  const auto place = place_of(entries, index);
  if (place == entries.end() || place->index != index) return;
  entries.erase(place);
  --count_;
  if (entries.empty()) topics_.erase(found);
}

}  // namespace tidelog::coordinator
