#include "serial_tasks.hpp"

#include <utility>

namespace tidelog::coordinator {

void serial_tasks::submit(base::task work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (std::exchange(is_running_, true)) return;
  }
  workers_.submit([this] { run_one(); });
}

void serial_tasks::wait() {
  std::unique_lock lock(mutex_);
  is_idle_.wait(lock, [this] { return !is_running_; });
}

void serial_tasks::run_one() {
  {
    std::unique_lock lock(mutex_);
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
  }  // what the task held is released before anybody is told that it is over
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      is_running_ = false;
      // Under the lock: who waits may end this object.
      is_idle_.notify_all();
      return;
    }
  }
  workers_.submit([this] { run_one(); });
}

}  // namespace tidelog::coordinator
