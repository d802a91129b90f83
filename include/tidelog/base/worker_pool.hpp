#pragma once
// A small pool of threads for what may wait for the disk or burn CPU for long; reactors never do either.

#include "tidelog/base/unique_function.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidelog::base {

/// Runs tasks on a fixed number of threads, first in, first out. Tasks must not throw. Thread safe.
class worker_pool {
 public:
  /// `name` (at most 12 characters) is seen in the threads' names, as name-0, name-1, …
  worker_pool(std::string name, std::size_t threads);
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;
  /// Runs what was submitted, then joins the threads.
  ~worker_pool();

  /// Tasks submitted once stop() has begun are run by the caller.
  void submit(task work);
  /// Runs what was submitted and joins the threads; may be called twice, never from a task.
  void stop();
  [[nodiscard]] std::size_t threads() const;
  /// Tasks waiting for a thread at this moment.
  [[nodiscard]] std::size_t backlog() const;

 private:
  void run(std::size_t index);

  std::string name_;
  std::size_t thread_count_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tidelog::base
