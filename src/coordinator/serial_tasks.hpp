#pragma once
// Work that comes in numbers that others decide on, and may never have more than one thread of the pool.

#include "tidelog/base/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace tidelog::coordinator {

/// Runs tasks one after the other, first in, first out; between two of them the pool's other work has its turn. Thread
/// safe.
class serial_tasks {
 public:
  /// The pool outlives this.
  explicit serial_tasks(base::worker_pool& workers) : workers_(workers) {}
  serial_tasks(const serial_tasks&) = delete;
  serial_tasks& operator=(const serial_tasks&) = delete;
  /// As wait().
  ~serial_tasks() { wait(); }

  void submit(base::task work);
  /// Until everything that was submitted has run. Never called from a task of the pool.
  void wait();

 private:
  void run_one();

  base::worker_pool& workers_;
  std::mutex mutex_;
  std::condition_variable is_idle_;
  std::deque<base::task> waiting_;
  bool is_running_ = false;
};

}  // namespace tidelog::coordinator
