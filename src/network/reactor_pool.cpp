#include "tidelog/network/reactor_pool.hpp"

#include "event_loop.hpp"

#include <algorithm>
#include <sched.h>

namespace tidelog::network {

namespace {

std::size_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return static_cast<std::size_t>(CPU_COUNT(&cores));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

reactor_pool::reactor_pool(std::size_t reactors) {
  if (reactors == 0) reactors = usable_cores();
  loops_.reserve(reactors);
  for (std::size_t i = 0; i < reactors; ++i) {
    loops_.push_back(std::make_shared<event_loop>());
    loops_.back()->start(i);
  }
}

reactor_pool::~reactor_pool() {
  stop();
}

protocol::reactor& reactor_pool::at(std::size_t index) const {
  TIDELOG_ASSERT(index < loops_.size(), "index={} size={}", index, loops_.size());
  return *loops_[index];
}

void reactor_pool::stop() {
  for (const auto& loop : loops_) loop->stop();
}

}  // namespace tidelog::network
