#include "pending_offsets.hpp"

#include <algorithm>

namespace tidelog::coordinator {
namespace {

auto of_producer(std::vector<pending_offsets::held_offset>& holders, model::producer_id producer) {
  return std::find_if(holders.begin(), holders.end(),
                      [producer](const auto& held) { return held.producer == producer; });
}

}  // namespace

void pending_offsets::hold(model::producer_id producer, const offset_place& place,
                           const offset_commit_value& value) {
  auto& holders = places_[place];
  if (const auto earlier = of_producer(holders, producer); earlier != holders.end()) holders.erase(earlier);
  holders.push_back({producer, value});
  held_by_[producer].insert(place);
}

void pending_offsets::outdate(const offset_place& place) {
  const auto found = places_.find(place);
  if (found == places_.end()) return;
  for (auto& held : found->second) held.is_outdated = true;
}

void pending_offsets::erase(const offset_place& place) {
  const auto found = places_.find(place);
  if (found == places_.end()) return;
  for (const auto& held : found->second) {
    const auto of = held_by_.find(held.producer);
    of->second.erase(place);
    if (of->second.empty()) held_by_.erase(of);
  }
  places_.erase(found);
}

void pending_offsets::end(
    model::producer_id producer, model::transaction_outcome outcome,
    const std::function<void(const offset_place&, const offset_commit_value&)>& commit) {
  const auto ended = held_by_.extract(producer);
  if (ended.empty()) return;
  for (const auto& place : ended.mapped()) {
    const auto found = places_.find(place);
    auto& holders = found->second;
    const auto own = of_producer(holders, producer);
    if (outcome == model::transaction_outcome::committed && !own->is_outdated) {
      commit(place, own->value);
      for (auto earlier = holders.begin(); earlier != own; ++earlier) earlier->is_outdated = true;
    }
    holders.erase(own);
    if (holders.empty()) places_.erase(found);
  }
}

}  // namespace tidelog::coordinator
