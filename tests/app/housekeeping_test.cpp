#include "housekeeping.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace tidelog::app {
namespace {

TEST(housekeeping_test, a_chore_on_demand_runs_when_it_is_wanted_and_not_before) {
  std::atomic<int> runs{0};
  std::promise<void> first;
  std::promise<void> second;
  housekeeping chores;
  const auto wanted = chores.add_on_demand([&] {
    if (++runs == 1) first.set_value();
    if (runs == 2) second.set_value();
  });
  std::promise<void> ticked_often;
  int ticks = 0;
  chores.add(std::chrono::milliseconds(1), [&] {
    if (++ticks == 3) ticked_often.set_value();
  });
  chores.start();
  ticked_often.get_future().wait();
  EXPECT_EQ(runs, 0);
  chores.wake(wanted);
  first.get_future().wait();
  chores.wake(wanted);
  second.get_future().wait();
  chores.stop();
  EXPECT_EQ(runs, 2);
}

TEST(housekeeping_test, first_run_may_come_sooner_than_the_next) {
  std::promise<void> ran;
  housekeeping chores;
  chores.add(
      std::chrono::hours(1), [&] { ran.set_value(); }, std::chrono::milliseconds(1));
  chores.start();
  ran.get_future().wait();
}

TEST(housekeeping_test, stops_while_nothing_is_due) {
  housekeeping chores;
  chores.add_on_demand([] {});
  chores.start();
  chores.stop();
}

}  // namespace
}  // namespace tidelog::app
