#pragma once
// A mutex for what is held for microseconds and wanted by several threads all the time.

#include <pthread.h>

namespace tidelog::base {

/// Who finds it taken looks again for some hundred cycles before it goes to sleep: with short sections that is much
/// cheaper than two switches of a task. For std::lock_guard and std::unique_lock; std::condition_variable needs a
/// std::mutex.
class adaptive_mutex {
 public:
  adaptive_mutex() = default;
  adaptive_mutex(const adaptive_mutex&) = delete;
  adaptive_mutex& operator=(const adaptive_mutex&) = delete;
  ~adaptive_mutex() { ::pthread_mutex_destroy(&handle_); }

  // The calls below fail only for mutexes of other kinds.
  void lock() noexcept { ::pthread_mutex_lock(&handle_); }
  [[nodiscard]] bool try_lock() noexcept { return ::pthread_mutex_trylock(&handle_) == 0; }
  void unlock() noexcept { ::pthread_mutex_unlock(&handle_); }

 private:
  pthread_mutex_t handle_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

}  // namespace tidelog::base
