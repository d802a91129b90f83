#include "memory_budget.hpp"

namespace tidelog::network {

void memory_budget::adjust(std::int64_t bytes) {
  used_bytes_.fetch_add(bytes);
  if (bytes < 0) wake_next();
}

void memory_budget::wait(base::task wake) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(wake));
    waiting_.store(queue_.size());
  }
  wake_next();
}

void memory_budget::wake_next() {
  if (waiting_.load() == 0 || !has_room()) return;
  base::task first;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return;
    first = std::move(queue_.front());
    queue_.pop_front();
    waiting_.store(queue_.size());
  }
  first();
}

void memory_budget::clear() {
  std::deque<base::task> forgotten;
  const std::lock_guard lock(mutex_);
  forgotten.swap(queue_);
  waiting_.store(0);
}

}  // namespace tidelog::network
