#pragma once
// Who has to be looked at next. A key stands in it once, at the earliest time it was put there with; a deadline that
// moves back is found out when the key comes up, so that heartbeats, which do nothing else, do not touch the queue.

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace tidelog::coordinator {

/// Keys are small, hashable and ordered (pointers). Not thread safe.
template <class Key>
class deadline_queue {
 public:
  /// Later than where the key stands: nothing changes.
  void put(Key key, std::int64_t deadline_ms) {
    const auto [known, is_new] = places_.emplace(key, deadline_ms);
    if (!is_new) {
      if (known->second <= deadline_ms) return;
      order_.erase({known->second, key});
      known->second = deadline_ms;
    }
    order_.emplace(deadline_ms, key);
  }
  void remove(Key key) {
    const auto known = places_.find(key);
    if (known == places_.end()) return;
    order_.erase({known->second, key});
    places_.erase(known);
  }
  /// Takes out a key that is due; those put in again with a time that is due come again.
  [[nodiscard]] std::optional<Key> take_due(std::int64_t now_ms) {
    if (order_.empty() || order_.begin()->first > now_ms) return std::nullopt;
    const auto key = order_.begin()->second;
    order_.erase(order_.begin());
    places_.erase(key);
    return key;
  }
  [[nodiscard]] std::optional<std::int64_t> next_ms() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }
  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  std::set<std::pair<std::int64_t, Key>> order_;
  std::unordered_map<Key, std::int64_t> places_;
};

}  // namespace tidelog::coordinator
