#include "tidelog/base/share_out.hpp"

#include <condition_variable>
#include <mutex>

namespace tidelog::base {

void share_out(worker_pool& pool, std::size_t count, const std::function<void(std::size_t)>& work,
               const std::function<void(std::size_t)>& done) {
  std::mutex mutex;
  std::condition_variable all_through;
  std::size_t through = 0;
  for (std::size_t i = 0; i < count; ++i) {
    pool.submit([&, i] {
      work(i);
      // Notified under the lock: the waiting thread takes all this away as soon as it sees the last one.
      const std::lock_guard guard(mutex);
      done(++through);
      if (through == count) all_through.notify_one();
    });
  }
  std::unique_lock guard(mutex);
  all_through.wait(guard, [&] { return through == count; });
}

}  // namespace tidelog::base
