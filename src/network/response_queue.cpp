#include "response_queue.hpp"

#include "tidelog/base/assert.hpp"

#include <algorithm>

namespace tidelog::network {

std::uint64_t response_queue::push(std::size_t request_bytes) {
  if (size() == ring_.size()) grow();
  auto& added = slot_of(next_);
  added.settled = false;
  added.request_bytes = request_bytes;
  ++unsettled_;
  request_bytes_ += request_bytes;
  return next_++;
}

bool response_queue::settle(std::uint64_t number, settlement outcome) {
  if (number < first_ || number >= next_) return false;
  auto& settled = slot_of(number);
  if (settled.settled) return false;
  settled.settled = true;
  settled.outcome = std::move(outcome);
  if (const auto* answer = std::get_if<codec::encoded>(&settled.outcome))
    queued_bytes_ += answer->memory.size();
  --unsettled_;
  request_bytes_ -= settled.request_bytes;
  return true;
}

const settlement* response_queue::at(std::size_t place) const {
  if (place >= size()) return nullptr;
  const auto& found = slot_of(first_ + place);
  return found.settled ? &found.outcome : nullptr;
}

void response_queue::pop() {
  TIDELOG_ASSERT(!empty());
  auto& oldest = slot_of(first_);
  TIDELOG_ASSERT(oldest.settled);
  if (const auto* answer = std::get_if<codec::encoded>(&oldest.outcome))
    queued_bytes_ -= answer->memory.size();
  oldest.outcome = no_answer{};
  ++first_;
  if (empty() && ring_.size() > kept_ring) std::vector<slot>().swap(ring_);
}

void response_queue::clear() {
  std::vector<slot>().swap(ring_);
  first_ = next_;
  unsettled_ = 0;
  request_bytes_ = 0;
  queued_bytes_ = 0;
}

void response_queue::grow() {
  std::vector<slot> larger(std::max(smallest_ring, ring_.size() * 2));
  for (auto number = first_; number != next_; ++number) {
    larger[number & (larger.size() - 1)] = std::move(slot_of(number));
  }
  ring_.swap(larger);
}

}  // namespace tidelog::network
