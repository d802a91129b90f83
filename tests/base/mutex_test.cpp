#include <gtest/gtest.h>

#include "tidelog/base/small_mutex.hpp"

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidelog::base {
namespace {

TEST(small_mutex_test, one_at_a_time_holds_it) {
  constexpr int threads = 8;
  constexpr int rounds = 20'000;
  small_mutex mutex;
  // Not atomic: what is lost or torn here is the mutex's fault, and the thread sanitizer sees it even if nothing is.
  std::string held_by;
  int turns = 0;
  const auto take_turns = [&](char who) {
    for (int i = 0; i < rounds; ++i) {
      const std::lock_guard guard(mutex);
      held_by.assign(3, who);
      ++turns;
      if (i % 64 == 0) std::this_thread::yield();
      EXPECT_EQ(held_by, std::string(3, who));
    }
  };
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) all.emplace_back(take_turns, static_cast<char>('a' + i));
  for (auto& each : all) each.join();
  EXPECT_EQ(turns, threads * rounds);
}

TEST(small_mutex_test, what_is_held_is_not_given_to_who_tries) {
  small_mutex mutex;
  const std::unique_lock held(mutex);
  bool taken = true;
  std::thread([&] { taken = std::unique_lock(mutex, std::try_to_lock).owns_lock(); }).join();
  EXPECT_FALSE(taken);
}

TEST(small_mutex_test, what_was_let_go_of_can_be_had_at_once) {
  small_mutex mutex;
  { const std::lock_guard guard(mutex); }
  EXPECT_TRUE(std::unique_lock(mutex, std::try_to_lock).owns_lock());
}

/// Many who wait and one who holds it for long: each of them is woken in the end, or this does not end.
TEST(small_mutex_test, everybody_who_waits_is_woken) {
  constexpr int threads = 16;
  small_mutex mutex;
  int had_it = 0;
  std::vector<std::thread> all;
  {
    const std::lock_guard held(mutex);
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        const std::lock_guard guard(mutex);
        ++had_it;
      });
    }
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(had_it, threads);
}

}  // namespace
}  // namespace tidelog::base
