#include "cold_pace.hpp"

#include <thread>

namespace tidelog::io {

void cold_pace::sync_begins() {
  wrote();
  const std::lock_guard guard(mutex_);
  ++syncs_;
}

void cold_pace::sync_ends() {
  {
    const std::lock_guard guard(mutex_);
    --syncs_;
  }
  syncs_have_ended_.notify_all();
}

bool cold_pace::others_work() {
  const auto now = clock::now();
  const auto works = works_.load(std::memory_order_relaxed);
  const std::lock_guard guard(mutex_);
  if (works != works_seen_ || syncs_ > 0) {
    works_seen_ = works;
    at_work_until_ = now + settings_.memory;
  }
  return now < at_work_until_;
}

cold_pace::turn::turn(cold_pace& pace) : alone_(pace.turn_mutex_) {
  std::unique_lock lock(pace.mutex_);
  pace.syncs_have_ended_.wait_for(lock, pace.settings_.patience, [&] { return pace.syncs_ == 0; });
  begun_ = clock::now();
}

cold_pace::turn::~turn() {
  std::this_thread::sleep_for(clock::now() - begun_);
}

}  // namespace tidelog::io
