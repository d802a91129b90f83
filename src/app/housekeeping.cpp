#include "housekeeping.hpp"

#include <algorithm>
#include <pthread.h>

namespace tidelog::app {
namespace {

/// An interval of nothing would be no rest.
constexpr std::chrono::milliseconds shortest_interval{10};
/// Intervals that say "never" would overflow the clock.
constexpr std::chrono::milliseconds longest_interval = std::chrono::hours(24 * 365);

}  // namespace

housekeeping::~housekeeping() {
  stop();
}

void housekeeping::add(std::chrono::milliseconds interval, base::task work,
                       std::optional<std::chrono::milliseconds> first) {
  interval = std::clamp(interval, shortest_interval, longest_interval);
  chores_.push_back({interval, std::min(first.value_or(interval), longest_interval), {}, std::move(work)});
}

std::size_t housekeeping::add_on_demand(base::task work) {
  add(longest_interval, std::move(work));
  return chores_.size() - 1;
}

void housekeeping::wake(std::size_t which) {
  {
    const std::lock_guard lock(mutex_);
    chores_[which].is_wanted = true;
    wanted_ = true;
  }
  wake_.notify_all();
}

void housekeeping::start() {
  const auto now = std::chrono::steady_clock::now();
  for (auto& each : chores_) each.due = now + each.first;
  thread_ = std::thread([this] { run(); });
}

void housekeeping::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void housekeeping::run() {
  pthread_setname_np(pthread_self(), "housekeeping");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next =
        std::min_element(chores_.begin(), chores_.end(), [](const chore& left, const chore& right) {
          return left.is_wanted != right.is_wanted ? left.is_wanted : left.due < right.due;
        });
    if (!next->is_wanted) {
      wanted_ = false;
      if (wake_.wait_until(lock, next->due, [this] { return stopping_ || wanted_; })) continue;
    }
    next->is_wanted = false;
    lock.unlock();
    next->work();
    next->due = std::chrono::steady_clock::now() + next->interval;
    lock.lock();
  }
}

}  // namespace tidelog::app
