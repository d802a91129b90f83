#pragma once
// A map for what mostly has one entry, in very many places: the first takes no memory of its own. Besides being less, that
// is memory whose place nothing else decides: entries that are made one by one between pieces that live for a moment would
// later hold a page each.

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace tidelog::base {

/// Not thread safe. References to values stay good until their entry goes or the map is moved; one that has been moved from
/// may only be assigned to or destroyed.
template <class Key, class Value>
class first_inline_map {
 public:
  [[nodiscard]] std::size_t size() const {
    return (first_ ? 1U : 0U) + (others_ == nullptr ? 0U : others_->size());
  }
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Null when there is none.
  [[nodiscard]] const Value* find(const Key& key) const {
    if (first_ && first_->first == key) return &first_->second;
    if (others_ == nullptr) return nullptr;
    const auto found = others_->find(key);
    return found == others_->end() ? nullptr : &found->second;
  }
  [[nodiscard]] Value* find(const Key& key) {
    return const_cast<Value*>(
        std::as_const(*this).find(key));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  }
  /// Made from nothing when there is none.
  Value& operator[](const Key& key) {
    if (auto* found = find(key)) return *found;
    if (!first_) return first_.emplace(key, Value{}).second;
    if (others_ == nullptr) others_ = std::make_unique<std::unordered_map<Key, Value>>();
    return (*others_)[key];
  }

  /// `visit(key, value)` for each, in no order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (first_) visit(first_->first, first_->second);
    if (others_ == nullptr) return;
    for (const auto& [key, value] : *others_) visit(key, value);
  }
  template <class Visit>
  void for_each(Visit&& visit) {
    if (first_) visit(std::as_const(first_->first), first_->second);
    if (others_ == nullptr) return;
    for (auto& [key, value] : *others_) visit(key, value);
  }

  /// Those that `is_over(key, value)` says so of; returns how many.
  template <class IsOver>
  std::size_t erase_if(IsOver&& is_over) {
    std::size_t erased = 0;
    if (first_ && is_over(std::as_const(first_->first), std::as_const(first_->second))) {
      first_.reset();
      ++erased;
    }
    if (others_ == nullptr) return erased;
    erased += std::erase_if(*others_, [&](const auto& each) { return is_over(each.first, each.second); });
    if (others_->empty()) others_ = nullptr;
    return erased;
  }
  void clear() {
    first_.reset();
    others_ = nullptr;
  }
  /// Keeps no more memory than its entries take.
  void shrink() {
    if (others_ != nullptr) others_->rehash(0);
  }

 private:
  std::optional<std::pair<Key, Value>> first_;
  std::unique_ptr<std::unordered_map<Key, Value>> others_;  ///< null when there are none
};

}  // namespace tidelog::base
