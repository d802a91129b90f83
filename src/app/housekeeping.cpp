#include "housekeeping.hpp"

#include <algorithm>
#include <pthread.h>

namespace tidelog::app {
namespace {

/// Intervals that say "never" would overflow the clock.
constexpr std::chrono::milliseconds longest_interval = std::chrono::hours(24 * 365);

}  // namespace

housekeeping::~housekeeping() {
  stop();
}

void housekeeping::add(std::chrono::milliseconds interval, base::task work) {
  chores_.push_back({std::min(interval, longest_interval), {}, std::move(work)});
}

void housekeeping::start() {
  const auto now = std::chrono::steady_clock::now();
  for (auto& each : chores_) each.due = now + each.interval;
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
        std::min_element(chores_.begin(), chores_.end(),
                         [](const chore& left, const chore& right) { return left.due < right.due; });
    if (wake_.wait_until(lock, next->due, [this] { return stopping_; })) return;
    lock.unlock();
    next->work();
    next->due = std::chrono::steady_clock::now() + next->interval;
    lock.lock();
  }
}

}  // namespace tidelog::app
