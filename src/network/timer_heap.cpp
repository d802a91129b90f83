#include "timer_heap.hpp"

namespace tidelog::network {

timer_heap::id timer_heap::start(time_point due, base::task work) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  entries_[index].due = due;
  entries_[index].work = std::move(work);
  heap_.push_back(index);
  put(heap_.size() - 1, index);
  rise(heap_.size() - 1);
  return (static_cast<id>(entries_[index].generation) << 32U) | index;
}

void timer_heap::cancel(id timer) {
  const auto index = static_cast<std::uint32_t>(timer);
  if (index >= entries_.size() || entries_[index].generation != timer >> 32U) return;
  // What the task held may start or cancel timers when it is released, so it outlives the change of the heap.
  const base::task released = remove(entries_[index].place);
}

std::optional<timer_heap::time_point> timer_heap::earliest() const {
  if (heap_.empty()) return std::nullopt;
  return entries_[heap_.front()].due;
}

base::task timer_heap::take_due(time_point now) {
  if (heap_.empty() || entries_[heap_.front()].due > now) return {};
  return remove(0);
}

void timer_heap::clear() {
  while (!heap_.empty()) const base::task released = remove(heap_.size() - 1);
}

void timer_heap::put(std::size_t place, std::uint32_t index) {
  heap_[place] = index;
  entries_[index].place = static_cast<std::uint32_t>(place);
}

void timer_heap::rise(std::size_t place) {
  const auto index = heap_[place];
  while (place > 0) {
    const auto parent = (place - 1) / 2;
    if (!before(index, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, index);
}

void timer_heap::sink(std::size_t place) {
  const auto index = heap_[place];
  while (true) {
    auto child = place * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], index)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, index);
}

base::task timer_heap::remove(std::size_t place) {
  const auto index = heap_[place];
  const auto last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    put(place, last);
    rise(place);
    sink(entries_[last].place);
  }
  auto& removed = entries_[index];
  if (++removed.generation == 0) removed.generation = 1;
  free_.push_back(index);
  return std::exchange(removed.work, {});
}

}  // namespace tidelog::network
