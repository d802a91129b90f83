#include "group_timer.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace tidelog::coordinator {

group_timer::group_timer(std::string name, const base::clock& clock, work do_due)
    : name_(std::move(name)), clock_(clock), do_due_(std::move(do_due)), thread_([this] { run(); }) {}

group_timer::~group_timer() {
  stop();
}

void group_timer::wake_at(steady_ms deadline) {
  const std::lock_guard lock(mutex_);
  if (deadline >= wanted_) return;
  wanted_ = deadline;
  wake_.notify_one();
}

void group_timer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void group_timer::run() {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now_ms = steady_now_ms(clock_);
    if (wanted_ == no_deadline) {
      wake_.wait(lock);
    } else if (wanted_ > now_ms) {
      wake_.wait_for(lock, std::chrono::milliseconds(wanted_ - now_ms));
    } else {
      wanted_ = no_deadline;
      lock.unlock();
      const auto next = do_due_(now_ms);
      lock.lock();
      wanted_ = std::min(wanted_, next);
    }
  }
}

}  // namespace tidelog::coordinator
