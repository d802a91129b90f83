#include <gtest/gtest.h>

#include "tidelog/base/small_shared_mutex.hpp"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidelog::base {
namespace {

TEST(small_shared_mutex_test, whoever_has_it_alone_shares_it_with_nobody) {
  constexpr int readers = 6;
  constexpr int writers = 3;
  constexpr int rounds = 5'000;
  small_shared_mutex mutex;
  // Not atomic: what is torn here is the mutex's fault, and the thread sanitizer sees it even if nothing is.
  std::string written(3, 'a');
  int turns = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < writers; ++i) {
    all.emplace_back([&, who = static_cast<char>('a' + i)] {
      for (int round = 0; round < rounds; ++round) {
        const std::unique_lock alone(mutex);
        written.assign(3, who);
        ++turns;
        if (round % 64 == 0) std::this_thread::yield();
        EXPECT_EQ(written, std::string(3, who));
      }
    });
  }
  for (int i = 0; i < readers; ++i) {
    all.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        const std::shared_lock shared(mutex);
        EXPECT_EQ(written, std::string(3, written.front()));
        if (round % 64 == 0) std::this_thread::yield();
      }
    });
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(turns, writers * rounds);
}

TEST(small_shared_mutex_test, it_is_shared_at_the_same_time) {
  small_shared_mutex mutex;
  const std::shared_lock first(mutex);
  // Ends only if nobody waits for the first.
  std::thread([&] { const std::shared_lock second(mutex); }).join();
}

TEST(small_shared_mutex_test, who_shares_it_may_ask_again_while_others_want_it_alone) {
  small_shared_mutex mutex;
  std::atomic<bool> had_alone = false;
  std::thread waiting;
  {
    const std::shared_lock shared(mutex);
    waiting = std::thread([&] {
      const std::unique_lock alone(mutex);
      had_alone = true;
    });
    // Whether the other waits already or not, this may not.
    for (int i = 0; i < 1000; ++i) {
      const std::shared_lock again(mutex);
      EXPECT_FALSE(had_alone);
      std::this_thread::yield();
    }
  }
  waiting.join();
  EXPECT_TRUE(had_alone);
}

/// Many who wait for one that has it alone, or for the last that shares it: all are woken in the end, or this does not end.
TEST(small_shared_mutex_test, everybody_who_waits_is_woken) {
  constexpr int threads = 8;
  for (int round = 0; round < 50; ++round) {
    small_shared_mutex mutex;
    std::atomic<int> had_it = 0;
    std::vector<std::thread> all;
    const auto wait_in_many = [&] {
      for (int i = 0; i < threads; ++i) {
        all.emplace_back([&, wants_alone = i % 2 == 0] {
          if (wants_alone) {
            const std::unique_lock alone(mutex);
            ++had_it;
          } else {
            const std::shared_lock shared(mutex);
            ++had_it;
          }
        });
      }
      std::this_thread::yield();
    };
    {
      const std::unique_lock alone(mutex);
      wait_in_many();
    }
    {
      const std::shared_lock shared(mutex);
      wait_in_many();
    }
    for (auto& each : all) each.join();
    EXPECT_EQ(had_it, 2 * threads);
  }
}

}  // namespace
}  // namespace tidelog::base
