#include "committed_offsets.hpp"

#include "tidelog/coordinator/group_error.hpp"

#include <algorithm>
#include <limits>
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

bool may_be_of(const model::topic_id& topic, const model::topic_id& sought) {
  return topic.is_zero() || sought.is_zero() || topic == sought;
}

template <class Entries>
auto place_of(Entries& entries, std::int32_t index) {
  return std::lower_bound(entries.begin(), entries.end(), index,
                          [](const auto& entry, std::int32_t sought) { return entry.index < sought; });
}

}  // namespace

bool names_member(const commit_request& request) {
  return request.generation_or_epoch >= 0 || !request.member_id.empty() || request.instance_id;
}

committed_offsets::committed_offsets(std::string group_id) : group_id_(std::move(group_id)) {}

std::vector<group_record> committed_offsets::records_of(group_step& step, const commit_request& request,
                                                        commit_answer& answer) const {
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
  return records;
}

void committed_offsets::commit(group_step& step, const commit_request& request, reply<commit_answer> to) {
  commit_answer answer;
  const auto records = records_of(step, request, answer);
  if (!records.empty()) {
    if (const auto failure = step.write(records))
      return step.answer_at_once(std::move(to), commit_answer{failure, {}});
    for (const auto& record : records) replay(std::get<offset_commit_record>(record), model::no_producer_id);
  }
  step.answer(std::move(to), std::move(answer));
}

void committed_offsets::commit_in_transaction(group_step& step, const transactional_commit_request& request,
                                              reply<commit_answer> to) {
  commit_answer answer;
  const auto records = records_of(step, request, answer);
  if (!records.empty()) {
    if (const auto failure = step.write_in_transaction(
            {request.producer_id, request.producer_epoch, request.verified_at_marker}, records))
      return step.answer_at_once(std::move(to), commit_answer{failure, {}});
    for (const auto& record : records) replay(std::get<offset_commit_record>(record), request.producer_id);
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
  const bool wants_stable = request.transactional == fetch_offsets_request::pending::refused;
  const fetch_offsets_answer::partition nothing{0, {model::no_offset, model::no_leader_epoch, {}}, {}};
  fetch_offsets_answer answer;
  const auto tell = [&](const std::string& topic, std::int32_t index, const kept_offset* committed) {
    auto& told = answer.topics.back().partitions.emplace_back(nothing);
    if (wants_stable && is_pending({topic, index})) {
      told.error = make_error_code(errc::unstable_offset);
    } else if (committed != nullptr) {
      told = answer_of(*committed);
    }
    told.index = index;
  };
  if (!request.topics) {
    for (const auto& [name, topic] : topics_) {
      answer.topics.push_back({name, {}});
      for (const auto& entry : topic.entries) tell(name, entry.index, &entry);
    }
    return answer;
  }
  for (const auto& topic : *request.topics) {
    answer.topics.push_back({topic.name, {}});
    for (const auto index : topic.partitions) tell(topic.name, index, find(topic.name, index));
  }
  return answer;
}

void committed_offsets::remove(group_step& step, const delete_offsets_request& request,
                               const std::function<bool(const std::string& topic)>& is_subscribed,
                               reply<delete_offsets_answer> to) {
  delete_offsets_answer answer;
  std::vector<offset_place> places;
  for (const auto& topic : request.topics) {
    auto& told = answer.topics.emplace_back(topic_outcome{topic.name, {}});
    const auto error = is_subscribed && is_subscribed(topic.name) ? make_error_code(errc::subscribed_to_topic)
                                                                  : std::error_code();
    for (const auto index : topic.partitions) {
      told.partitions.push_back({index, error});
      const offset_place place{topic.name, index};
      const bool is_there = find(topic.name, index) != nullptr || is_pending(place);
      if (!error && is_there) places.push_back(place);
    }
  }
  if (const auto failure = remove_places(step, places))
    return step.answer_at_once(std::move(to), delete_offsets_answer{failure, {}});
  step.answer(std::move(to), std::move(answer));
}

std::error_code committed_offsets::remove_topic(group_step& step, const std::string& topic,
                                                const model::topic_id& id) {
  std::vector<offset_place> places;
  const auto found = topics_.find(topic);
  if (found != topics_.end() && may_be_of(found->second.id, id)) {
    for (const auto& entry : found->second.entries) places.push_back({topic, entry.index});
  }
  const auto& held = pending().places();
  for (auto at = held.lower_bound({topic, std::numeric_limits<std::int32_t>::min()});
       at != held.end() && at->first.topic == topic; ++at) {
    const bool is_of_topic = may_be_of(at->second.back().value.topic_id, id);
    if (is_of_topic && find(topic, at->first.index) == nullptr) places.push_back(at->first);
  }
  return remove_in_parts(step, std::move(places)).failure;
}

std::error_code committed_offsets::remove_all(group_step& step) {
  std::vector<offset_place> places;
  for (const auto& [name, topic] : topics_) {
    for (const auto& entry : topic.entries) places.push_back({name, entry.index});
  }
  for (const auto& [place, holders] : pending().places()) {
    if (find(place.topic, place.index) == nullptr) places.push_back(place);
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
  std::vector<offset_place> places;
  for (const auto& [name, topic] : topics_) {
    if (expiry.is_subscribed && expiry.is_subscribed(name)) continue;
    for (const auto& entry : topic.entries) {
      if (!is_expired(entry, expiry, now, retention)) continue;
      // What a transaction is about to change is in use.
      if (offset_place place{name, entry.index}; !is_pending(place)) places.push_back(std::move(place));
    }
  }
  const auto removed = remove_in_parts(step, std::move(places));
  if (removed.failure) return base::fail(removed.failure, "expired offsets of group {}", group_id_);
  return removed.count;
}

committed_offsets::removal committed_offsets::remove_in_parts(group_step& step,
                                                              std::vector<offset_place> places) {
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

std::error_code committed_offsets::remove_places(group_step& step, const std::vector<offset_place>& places) {
  if (places.empty()) return {};
  std::vector<group_record> records;
  records.reserve(places.size());
  for (const auto& place : places) {
    records.emplace_back(offset_commit_record{{group_id_, place.topic, place.index}, std::nullopt});
  }
  if (const auto failure = step.write(records)) return failure;
  for (auto place = places.rbegin(); place != places.rend(); ++place) erase(*place);
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

void committed_offsets::replay(const offset_commit_record& record, model::producer_id in_transaction_of) {
  const offset_place place{record.key.topic, record.key.partition};
  if (!record.value) return erase(place);
  if (in_transaction_of != model::no_producer_id) {
    if (!pending_) pending_ = std::make_unique<pending_offsets>();
    pending_->hold(in_transaction_of, place, *record.value);
  } else {
    if (pending_) pending_->outdate(place);
    put(place, *record.value);
  }
}

void committed_offsets::end_transaction(model::producer_id producer, model::transaction_outcome outcome) {
  if (!pending_) return;
  pending_->end(producer, outcome,
                [this](const offset_place& place, const offset_commit_value& value) { put(place, value); });
  if (pending_->empty()) pending_.reset();
}

const pending_offsets& committed_offsets::pending() const {
  static const pending_offsets none;
  return pending_ ? *pending_ : none;
}

bool committed_offsets::is_pending(const offset_place& place) const {
  return pending_ && pending_->contains(place);
}

const committed_offsets::kept_offset* committed_offsets::find(const std::string& topic,
                                                              std::int32_t index) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return nullptr;
  const auto place = place_of(found->second.entries, index);
  return place == found->second.entries.end() || place->index != index ? nullptr : &*place;
}

void committed_offsets::put(const offset_place& place, const offset_commit_value& value) {
  auto& topic = topics_[place.topic];
  if (!value.topic_id.is_zero()) topic.id = value.topic_id;
  auto entry = place_of(topic.entries, place.index);
  if (entry == topic.entries.end() || entry->index != place.index) {
    entry = topic.entries.emplace(entry);
    entry->index = place.index;
    ++count_;
  }
  entry->offset = value.offset;
  entry->leader_epoch = value.leader_epoch;
  entry->committed_unix_ms = value.commit_timestamp;
  entry->rare.reset();
  if (!value.metadata.empty() || value.expire_timestamp >= 0)
    entry->rare = std::make_unique<rare_parts>(rare_parts{value.metadata, value.expire_timestamp});
}

void committed_offsets::erase(const offset_place& place) {
  if (pending_) {
    pending_->erase(place);
    if (pending_->empty()) pending_.reset();
  }
  const auto found = topics_.find(place.topic);
  if (found == topics_.end()) return;
  auto& entries = found->second.entries;
  const auto entry = place_of(entries, place.index);
  if (entry == entries.end() || entry->index != place.index) return;
  entries.erase(entry);
  --count_;
  if (entries.empty()) topics_.erase(found);
}

}  // namespace tidelog::coordinator
