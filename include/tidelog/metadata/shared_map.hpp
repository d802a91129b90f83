#pragma once
// A hash map whose copies share what they have in common. A change copies one of 256 shards, so that publishing a new
// image costs little even with tens of thousands of topics.

#include <array>
#include <memory>
#include <unordered_map>

namespace tidelog::metadata {

/// Value semantics; a copy and its origin may be used from different threads, one object only from one at a time
/// while it changes.
template <class Key, class Value>
class shared_map {
 public:
  [[nodiscard]] const Value* find(const Key& key) const {
    const auto& shard = shards_[shard_of(key)];
    return shard ? find_in(*shard, key) : nullptr;
  }
  void set(const Key& key, Value value) {
    auto changed = copy_of_shard(key);
    if (changed->insert_or_assign(key, std::move(value)).second) ++size_;
    shards_[shard_of(key)] = std::move(changed);
  }
  void erase(const Key& key) {
    if (find(key) == nullptr) return;
    auto changed = copy_of_shard(key);
    size_ -= changed->erase(key);
    shards_[shard_of(key)] = std::move(changed);
  }
  /// In no particular order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& shard : shards_) {
      if (!shard) continue;
      for (const auto& [key, value] : *shard) visit(key, value);
    }
  }
  /// Calls visit(key, value before or null, value after or null) for each key whose value differs. What the two maps
  /// share is not looked at, so that it costs as much as there is of a difference.
  template <class Visit>
  static void for_each_difference(const shared_map& before, const shared_map& after, Visit&& visit) {
    for (std::size_t i = 0; i < shard_count; ++i) {
      const auto& left = before.shards_[i];
      const auto& right = after.shards_[i];
      if (left == right) continue;
      if (left) {
        for (const auto& [key, value] : *left) {
          const Value* const now = right ? find_in(*right, key) : nullptr;
          if (now == nullptr || !(*now == value)) visit(key, &value, now);
        }
      }
      if (right) {
        for (const auto& [key, value] : *right) {
          if (!left || find_in(*left, key) == nullptr) visit(key, static_cast<const Value*>(nullptr), &value);
        }
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  using shard_map = std::unordered_map<Key, Value>;
  static constexpr std::size_t shard_count = 256;

  static std::size_t shard_of(const Key& key) {
    // The upper bits of a multiplied hash, since the shard's own buckets use the lower ones.
    return (std::hash<Key>{}(key)*0x9e3779b97f4a7c15ULL) >> 56;
  }
  static const Value* find_in(const shard_map& shard, const Key& key) {
    const auto found = shard.find(key);
    return found == shard.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::shared_ptr<shard_map> copy_of_shard(const Key& key) const {
    const auto& shard = shards_[shard_of(key)];
    return shard ? std::make_shared<shard_map>(*shard) : std::make_shared<shard_map>();
  }

  std::array<std::shared_ptr<const shard_map>, shard_count> shards_{};
  std::size_t size_ = 0;
};

}  // namespace tidelog::metadata
