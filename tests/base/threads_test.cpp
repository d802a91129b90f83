// Move-only functions, the worker pool, messages to the operator: what runs on threads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tidelog/base/log_message.hpp"
#include "tidelog/base/small_mutex.hpp"
#include "tidelog/base/unique_function.hpp"
#include "tidelog/base/worker_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

namespace tidelog::base {
namespace {

using ::testing::ElementsAre;

TEST(unique_function_test, owns_what_cannot_be_copied) {
  unique_function<int(int)> add = [held = std::make_unique<int>(5)](int more) { return *held + more; };
  EXPECT_EQ(add(3), 8);
  auto moved = std::move(add);
  EXPECT_EQ(moved(4), 9);
  static_assert(!std::is_copy_constructible_v<unique_function<int(int)>>);
}

TEST(small_mutex_test, lets_one_in_at_a_time_and_wakes_all_who_wait) {
  small_mutex mutex;
  constexpr int threads = 8;
  constexpr int rounds = 20'000;
  int counted = 0;
  {
    std::vector<std::jthread> counting;
    for (int i = 0; i < threads; ++i) {
      counting.emplace_back([&] {
        for (int round = 0; round < rounds; ++round) {
          const std::lock_guard guard(mutex);
          ++counted;
        }
      });
    }
  }
  EXPECT_EQ(counted, threads * rounds);
}

TEST(small_mutex_test, who_is_asleep_is_woken_though_others_sleep_too) {
  small_mutex mutex;
  std::unique_lock held(mutex);
  std::atomic<int> through{0};
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([&] {
      const std::lock_guard guard(mutex);
      ++through;
    });
  }
  EXPECT_EQ(through, 0);
  held.unlock();
  waiting.clear();
  EXPECT_EQ(through, 4);
}

TEST(small_mutex_test, is_not_waited_for_where_it_is_only_tried) {
  small_mutex mutex;
  const std::unique_lock held(mutex);
  EXPECT_FALSE(mutex.try_lock());
}

TEST(unique_function_test, is_false_when_empty) {
  task nothing;
  EXPECT_FALSE(nothing);
  nothing = [] {};
  EXPECT_TRUE(nothing);
  nothing = {};
  EXPECT_FALSE(nothing);
}

TEST(unique_function_test, passes_references_and_move_only_arguments) {
  unique_function<void(int&, std::unique_ptr<int>)> set = [](int& to, std::unique_ptr<int> from) {
    to = *from;
  };
  int target = 0;
  set(target, std::make_unique<int>(7));
  EXPECT_EQ(target, 7);
}

TEST(unique_function_test, releases_its_target_once) {
  const auto held = std::make_shared<int>(1);
  {
    task first = [held] {};
    EXPECT_EQ(held.use_count(), 2);
    const task second = std::move(first);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(unique_function_death_test, calling_an_empty_one_is_a_broken_promise) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(task{}(), "target_ != nullptr");
}

TEST(worker_pool_test, one_thread_runs_tasks_in_order) {
  std::vector<int> order;
  {
    worker_pool pool("test", 1);
    for (int i = 0; i < 100; ++i) pool.submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(worker_pool_test, threads_run_side_by_side) {
  worker_pool pool("test", 3);
  EXPECT_EQ(pool.threads(), 3U);
  // Each task waits for the other two, so this ends only when all three run at once.
  std::latch all_here(3);
  std::atomic<int> done{0};
  for (int i = 0; i < 3; ++i) {
    pool.submit([&] {
      all_here.arrive_and_wait();
      ++done;
    });
  }
  pool.stop();
  EXPECT_EQ(done, 3);
}

TEST(worker_pool_test, stop_runs_what_was_submitted_before) {
  std::atomic<int> done{0};
  std::promise<void> go;
  worker_pool pool("test", 1);
  pool.submit([&, ready = go.get_future().share()] { ready.wait(); });
  for (int i = 0; i < 50; ++i) pool.submit([&] { ++done; });
  EXPECT_GE(pool.backlog(), 50U);
  std::thread stopper([&] { pool.stop(); });
  go.set_value();
  stopper.join();
  EXPECT_EQ(done, 50);
  EXPECT_EQ(pool.backlog(), 0U);
  pool.stop();
}

TEST(worker_pool_test, task_submitted_after_stop_is_run_by_the_caller) {
  worker_pool pool("test", 2);
  pool.stop();
  std::thread::id ran_on;
  pool.submit([&] { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(worker_pool_test, task_may_submit_tasks_also_while_the_pool_stops) {
  std::atomic<int> done{0};
  {
    worker_pool pool("test", 2);
    for (int i = 0; i < 20; ++i) {
      pool.submit([&] { pool.submit([&] { ++done; }); });
    }
  }
  EXPECT_EQ(done, 20);
}

TEST(worker_pool_test, what_a_task_held_is_released_when_it_has_run) {
  worker_pool pool("test", 1);
  auto held = std::make_shared<int>(1);
  std::promise<void> next;
  pool.submit([held] {});
  pool.submit([&] { next.set_value(); });
  next.get_future().wait();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(worker_pool_test, threads_are_named) {
  worker_pool pool("disk", 1);
  std::promise<std::string> told;
  pool.submit([&] {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    told.set_value(name.data());
  });
  EXPECT_EQ(told.get_future().get(), "disk-0");
}

std::mutex heard_mutex;
std::vector<std::string> heard;

void listen(severity level, std::string_view message) {
  const std::lock_guard guard(heard_mutex);
  heard.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(message));
}

class log_message_test : public ::testing::Test {
 protected:
  log_message_test() {
    heard.clear();
    set_message_sink(listen, severity::info);
  }
  // The sink of a program is set once and never taken back; the tests that come after may speak at will.
  ~log_message_test() override { set_lowest_severity(severity::warning); }
};

TEST_F(log_message_test, sink_hears_what_is_at_or_above_the_level) {
  say_debug("too low {}", 1);
  say_info("topic {} made", "a");
  say_warning("slow");
  say_error("failed: {}", 3);
  EXPECT_THAT(heard, ElementsAre("1 topic a made", "2 slow", "3 failed: 3"));
}

TEST_F(log_message_test, level_can_be_changed_while_running) {
  set_lowest_severity(severity::error);
  EXPECT_FALSE(message_wanted(severity::warning));
  say_warning("unheard");
  say(severity::warning, "unheard too");
  set_lowest_severity(severity::debug);
  say_debug("heard");
  EXPECT_THAT(heard, ElementsAre("0 heard"));
}

TEST_F(log_message_test, threads_may_speak_at_once) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) say_info("{}", j);
    });
  }
  for (int i = 0; i < 100; ++i) set_lowest_severity(i % 2 == 0 ? severity::debug : severity::info);
  for (auto& each : threads) each.join();
  EXPECT_EQ(heard.size(), 400U);
}

}  // namespace
}  // namespace tidelog::base
