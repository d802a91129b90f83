#include "tidelog/base/share_out.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace tidelog::base {

void share_out(worker_pool& pool, std::size_t count, const std::function<void(std::size_t)>& work,
               const std::function<void(std::size_t)>& done) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::condition_variable all_have_ended;
  std::size_t through = 0;
  std::size_t ended = 0;
  // One task for each thread, which takes what is next: a task for each piece would cost more than a small piece.
  const std::size_t tasks = std::min(count, pool.threads());
  for (std::size_t made = 0; made < tasks; ++made) {
    pool.submit([&] {
      for (std::size_t at = next++; at < count; at = next++) {
        work(at);
        const std::lock_guard guard(mutex);
        done(++through);
      }
      // Notified under the lock: the waiting thread takes all this away as soon as it sees the last one.
      const std::lock_guard guard(mutex);
      if (++ended == tasks) all_have_ended.notify_one();
    });
  }
  std::unique_lock guard(mutex);
  all_have_ended.wait(guard, [&] { return ended == tasks; });
}

}  // namespace tidelog::base
