#include "tidelog/network/receive_buffer.hpp"

#include <algorithm>

namespace tidelog::network {

bool is_sole_owner(const receive_buffer_ptr& buffer) {
  if (buffer.use_count() > 1) return false;
  // use_count() orders nothing. Copying changes the count, and that reads what the last other owner wrote when it
  // let go, so its use of the bytes is over before ours begins.
  receive_buffer_ptr ordered = buffer;
  ordered.reset();
  return true;
}

receive_buffer_ptr buffer_pool::take(std::size_t capacity) {
  capacity = std::max(capacity, standard_bytes);
  auto best = spare_.end();
  // From the end, where the one used last is, which the processor's caches still know.
  for (auto it = spare_.end(); it != spare_.begin();) {
    --it;
    const auto size = (*it)->capacity;
    if (size < capacity || size > capacity * 2) continue;
    if (best == spare_.end() || size < (*best)->capacity) best = it;
    if (size == capacity) break;
  }
  if (best == spare_.end()) return std::make_shared<receive_buffer>(capacity);
  auto taken = std::move(*best);
  spare_.erase(best);
  kept_bytes_ -= taken->capacity;
  return taken;
}

void buffer_pool::give_back(receive_buffer_ptr buffer) {
  if (buffer == nullptr || kept_bytes_ + buffer->capacity > most_bytes_kept_ || !is_sole_owner(buffer))
    return;
  kept_bytes_ += buffer->capacity;
  spare_.push_back(std::move(buffer));
}

}  // namespace tidelog::network
