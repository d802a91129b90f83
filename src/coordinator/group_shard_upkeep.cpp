// What happens to a shard's groups without a request: loading, time, topics that go.

#include "group_shard.hpp"

#include "tidelog/base/log_message.hpp"

#include <utility>

namespace tidelog::coordinator {

group_counts& group_counts::operator+=(const group_counts& more) {
  for (std::size_t i = 0; i < states; ++i) {
    classic_groups[i] += more.classic_groups[i];
    consumer_groups[i] += more.consumer_groups[i];
  }
  classic_members += more.classic_members;
  consumer_members += more.consumer_members;
  offsets += more.offsets;
  return *this;
}

group_activity& group_activity::operator+=(const group_activity& more) {
  rebalances += more.rebalances;
  commits += more.commits;
  return *this;
}

group_counts group_shard::counts() const {
  group_counts counted;
  for (const auto& [group_id, it] : groups_) {
    if (it.consumer) {
      ++counted.consumer_groups[static_cast<std::size_t>(it.consumer->state())];
      counted.consumer_members += it.consumer->member_count();
    } else {
      const auto state = it.classic ? it.classic->state() : group_state::empty;
      ++counted.classic_groups[static_cast<std::size_t>(state)];
      if (it.classic) counted.classic_members += it.classic->member_count();
    }
    counted.offsets += it.offsets.size();
  }
  return counted;
}

void group_shard::list_progress(std::vector<group_progress>& into, progress_room& room) const {
  for (const auto& [group_id, it] : groups_) it.offsets.list(into, room);
}

void group_shard::advance(group_step& step) {
  // First all, then each once: what is due again at once waits for the next call.
  std::vector<entry*> all;
  while (auto* const due = deadlines_.take_due(step.now_ms()).value_or(nullptr)) {
    due->second.queued_ms = no_deadline;
    all.push_back(due);
  }
  for (auto* const due : all) {
    if (due->second.classic) due->second.classic->advance(step);
    if (due->second.consumer) due->second.consumer->advance(step);
    settle(step, *due);
  }
}

std::optional<offset_expiry> group_shard::expiry_of(const group& of) {
  if (of.classic) return of.classic->expiry();
  offset_expiry expiry;
  if (of.consumer) {
    expiry.is_subscribed = [consumer = of.consumer.get()](const std::string& topic) {
      return consumer->is_subscribed_to(topic);
    };
  }
  return expiry;
}

void group_shard::expire_offsets_of(group_step& step, entry& of) {
  auto& [group_id, it] = of;
  if (const auto expiry = expiry_of(it)) {
    const auto expired = it.offsets.expire(step, *expiry);
    if (!expired) {
      base::say_warning("group {}: offsets that have expired stay for now: {}", group_id,
                        expired.error().describe());
      return;
    }
    if (*expired > 0) base::say_info("group {}: {} offset(s) have expired", group_id, *expired);
  }
  if (!it.offsets.empty() || it.has_members()) return;
  if (const auto error = write_tombstones(step, it)) {
    base::say_warning("group {}: it is empty and stays for now: {}", group_id, error.message());
    return;
  }
  it.classic.reset();
  it.consumer.reset();
}

void group_shard::expire_offsets(group_step& step) {
  std::vector<entry*> all;
  all.reserve(groups_.size());
  for (auto& of : groups_) all.push_back(&of);
  for (auto* const of : all) {
    expire_offsets_of(step, *of);
    settle(step, *of);
  }
}

void group_shard::forget_topics(group_step& step, const std::vector<deleted_topic>& topics) {
  std::vector<entry*> all;
  all.reserve(groups_.size());
  for (auto& of : groups_) all.push_back(&of);
  for (auto* const of : all) {
    for (const auto& [name, id] : topics) {
      if (const auto error = of->second.offsets.remove_topic(step, name, id)) {
        base::say_warning("group {}: the offsets of the deleted topic {} stay: {}", of->first, name,
                          error.message());
      }
    }
    settle(step, *of);
  }
}

std::vector<group_shard::patterns_of_group> group_shard::outdated_patterns(
    std::int64_t topics_version) const {
  std::vector<patterns_of_group> all;
  for (const auto& [group_id, it] : groups_) {
    if (!it.consumer) continue;
    auto patterns = it.consumer->outdated_patterns(topics_version);
    if (!patterns.empty()) all.push_back({group_id, std::move(patterns)});
  }
  return all;
}

std::error_code group_shard::patterns_resolved(group_step& step, const std::string& group_id,
                                               const pattern_resolutions& resolved) {
  auto* const of = find(group_id);
  if (of == nullptr || !of->second.consumer) return {};
  const auto failure = of->second.consumer->patterns_resolved(step, resolved);
  settle(step, *of);
  return failure;
}

void group_shard::give_up(group_step& step, std::error_code error) {
  for (auto& [group_id, it] : groups_) {
    if (it.classic) it.classic->give_up(step, error);
  }
  deadlines_ = {};
  groups_.clear();
  open_transactions_.clear();
}

void group_shard::replay(const group_record& record, model::producer_id in_transaction_of) {
  std::visit(
      [this, &record, in_transaction_of](const auto& typed) {
        using kind = std::remove_cvref_t<decltype(typed)>;
        if constexpr (std::is_same_v<kind, offset_commit_record>) {
          if (!typed.value && find(typed.key.group) == nullptr) return;
          auto& [group_id, it] = find_or_make(typed.key.group);
          it.offsets.replay(typed, in_transaction_of);
          if (it.offsets.is_held_by(in_transaction_of))
            open_transactions_[in_transaction_of].insert(group_id);
        } else if constexpr (std::is_same_v<kind, group_metadata_record>) {
          auto* const known = find(typed.key.group);
          if (typed.value) {
            auto& it = known != nullptr ? known->second : find_or_make(typed.key.group).second;
            if (!it.classic) it.classic = std::make_unique<classic_group>(typed.key.group);
            it.classic->replay(*typed.value);
          } else if (known != nullptr) {
            known->second.classic.reset();
          }
        } else {
          auto* const known = find(typed.key.group_id);
          if (!typed.value && (known == nullptr || !known->second.consumer)) return;
          auto& it = known != nullptr ? known->second : find_or_make(typed.key.group_id).second;
          if (!it.consumer) it.consumer = std::make_unique<consumer_group>(typed.key.group_id);
          it.consumer->replay(record);
        }
      },
      record);
}

std::set<std::string> group_shard::replay_end(model::producer_id producer,
                                              model::transaction_outcome outcome) {
  auto ended = open_transactions_.extract(producer);
  if (ended.empty()) return {};
  for (const auto& group_id : ended.mapped()) {
    if (auto* const of = find(group_id)) of->second.offsets.end_transaction(producer, outcome);
  }
  return std::move(ended.mapped());
}

void group_shard::loaded(group_step& step) {
  std::vector<entry*> all;
  all.reserve(groups_.size());
  for (auto& of : groups_) all.push_back(&of);
  for (auto* const of : all) {
    auto& it = of->second;
    // A compacted log may still hold parts of a group of the new protocol whose other parts are gone.
    if (it.consumer && !it.consumer->is_there()) it.consumer.reset();
    if (it.consumer) {
      it.classic.reset();
      it.consumer->loaded(step);
    } else if (it.classic) {
      it.classic->on_loaded(step);
    }
    settle(step, *of);
  }
}

}  // namespace tidelog::coordinator
