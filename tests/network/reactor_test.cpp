#include "event_loop.hpp"
#include "memory_budget.hpp"
#include "support/random_seed.hpp"
#include "timer_heap.hpp"

#include <gtest/gtest.h>

#include "tidelog/network/reactor_pool.hpp"

#include <future>
#include <map>

namespace tidelog::network {
namespace {

using namespace std::chrono_literals;

TEST(timer_heap_test, behaves_like_a_sorted_map) {
  std::mt19937_64 random(test::random_seed());
  timer_heap heap;
  std::multimap<int, std::pair<timer_heap::id, int>> model;
  std::vector<timer_heap::id> gone;
  const timer_heap::time_point start{};
  int ran = -1;
  for (int step = 0; step < 20'000; ++step) {
    const auto choice = random() % 4;
    if (choice < 2) {
      const int due = static_cast<int>(random() % 1000);
      model.emplace(
          due,
          std::pair(heap.start(start + std::chrono::milliseconds(due), [&ran, step] { ran = step; }), step));
    } else if (choice == 2 && !model.empty()) {
      auto target = model.begin();
      std::advance(target, static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)));
      heap.cancel(target->second.first);
      gone.push_back(target->second.first);
      model.erase(target);
    } else if (choice == 3 && !model.empty()) {
      const int earliest = model.begin()->first;
      ASSERT_EQ(heap.earliest(), start + std::chrono::milliseconds(earliest));
      ASSERT_FALSE(heap.take_due(start + std::chrono::milliseconds(earliest - 1)));
      auto work = heap.take_due(start + std::chrono::milliseconds(earliest));
      ASSERT_TRUE(work);
      work();
      const auto [from, to] = model.equal_range(earliest);
      const auto target =
          std::find_if(from, to, [&](const auto& entry) { return entry.second.second == ran; });
      ASSERT_NE(target, to);
      gone.push_back(target->second.first);
      model.erase(target);
    }
    if (!gone.empty()) heap.cancel(gone[random() % gone.size()]);
    ASSERT_EQ(heap.size(), model.size());
  }
}

TEST(reactor_pool_test, posts_of_one_thread_run_in_order_on_the_reactors_thread) {
  reactor_pool pool(2);
  std::vector<int> seen;
  std::promise<void> done;
  for (int i = 0; i < 1000; ++i) {
    pool.at(1).post([&seen, &pool, i] {
      EXPECT_TRUE(pool.loops()[1]->is_here());
      seen.push_back(i);
    });
  }
  pool.at(1).post([&done] { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(seen.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(reactor_pool_test, timers_run_in_the_order_they_are_due_and_cancelled_ones_never) {
  reactor_pool pool(1);
  std::promise<std::vector<int>> done;
  std::vector<int> seen;
  pool.at(0).post([&] {
    auto& reactor = pool.at(0);
    reactor.start_timer(30ms, [&] { seen.push_back(30); });
    const auto cancelled = reactor.start_timer(10ms, [&] { seen.push_back(10); });
    reactor.start_timer(20ms, [&] { seen.push_back(20); });
    reactor.start_timer(0ms, [&reactor, &seen, cancelled] {
      seen.push_back(0);
      reactor.cancel_timer(cancelled);
    });
    reactor.start_timer(40ms, [&] { done.set_value(seen); });
  });
  EXPECT_EQ(done.get_future().get(), (std::vector<int>{0, 20, 30}));
}

TEST(reactor_pool_test, a_timer_may_start_timers_and_cancel_itself) {
  reactor_pool pool(1);
  std::promise<void> done;
  int left = 100;
  base::unique_function<void()> again;
  protocol::reactor::timer_id running = 0;
  again = [&] {
    pool.at(0).cancel_timer(running);
    if (--left == 0) return done.set_value();
    running = pool.at(0).start_timer(0ms, [&] { again(); });
  };
  pool.at(0).post([&] { again(); });
  done.get_future().wait();
}

TEST(reactor_pool_test, stopping_runs_what_was_posted_and_drops_what_comes_later) {
  auto token = std::make_shared<int>();
  reactor_pool pool(1);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 100; ++i) pool.at(0).post([&ran] { ++ran; });
  pool.at(0).post([&pool, token] { pool.at(0).start_timer(1h, [token] {}); });
  pool.stop();
  EXPECT_EQ(ran, 100);
  pool.at(0).post([&ran, token] { ++ran; });
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(token.use_count(), 1);
}

struct counting_listener final : turn_end_listener {
  void turn_ended() override { ++ended; }
  int ended = 0;
};

TEST(event_loop_test, the_end_of_a_turn_comes_once_after_all_of_the_turn) {
  reactor_pool pool(1);
  auto& loop = *pool.loops()[0];
  const auto listener = std::make_shared<counting_listener>();
  std::promise<void> done;
  loop.post([&] {
    const event_loop::turn outer(loop);
    {
      const event_loop::turn inner(loop);
      loop.at_turn_end(listener);
    }
    EXPECT_EQ(listener->ended, 0);
  });
  loop.post([&] { loop.start_timer(0ms, [&] { done.set_value(); }); });
  done.get_future().wait();
  EXPECT_EQ(listener->ended, 1);
}

TEST(memory_budget_test, those_who_wait_are_woken_in_order_and_newcomers_stand_behind_them) {
  std::atomic<std::int64_t> limit = 100;
  memory_budget budget(limit);
  EXPECT_TRUE(budget.admits());
  budget.adjust(100);
  EXPECT_FALSE(budget.admits());
  std::vector<int> woken;
  for (int i = 0; i < 3; ++i) budget.wait([&woken, i] { woken.push_back(i); });
  EXPECT_TRUE(woken.empty());
  budget.adjust(-1);
  EXPECT_EQ(woken, (std::vector<int>{0}));
  EXPECT_FALSE(budget.admits());
  budget.wake_next();
  budget.wake_next();
  EXPECT_EQ(woken, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(budget.admits());
}

TEST(memory_budget_test, who_asks_when_there_is_room_already_is_woken_at_once) {
  std::atomic<std::int64_t> limit = -1;
  memory_budget budget(limit);
  budget.adjust(1'000'000);
  bool woken = false;
  budget.wait([&woken] { woken = true; });
  EXPECT_TRUE(woken);
}

}  // namespace
}  // namespace tidelog::network
