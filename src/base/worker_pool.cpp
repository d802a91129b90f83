#include "tidelog/base/worker_pool.hpp"

#include <fmt/core.h>

#include <pthread.h>

namespace tidelog::base {

worker_pool::worker_pool(std::string name, std::size_t threads)
    : name_(std::move(name)), thread_count_(threads) {
  TIDELOG_ASSERT(threads > 0);
  TIDELOG_ASSERT(name_.size() <= 12, "name={}", name_);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

worker_pool::~worker_pool() {
  stop();
}

void worker_pool::submit(task work) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      tasks_.push_back(std::move(work));
      wake_.notify_one();
      return;
    }
  }
  work();
}

void worker_pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::size_t worker_pool::threads() const {
  return thread_count_;
}

std::size_t worker_pool::backlog() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

void worker_pool::run(std::size_t index) {
  pthread_setname_np(pthread_self(), fmt::format("{}-{}", name_, index).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    {
      task work = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      work();
    }  // what the task held is released before the lock is taken again
    lock.lock();
  }
}

}  // namespace tidelog::base
