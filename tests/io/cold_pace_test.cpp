#include "cold_pace.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tidelog::io {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(cold_pace_test, nobody_is_at_work_before_something_was_written) {
  cold_pace pace;
  EXPECT_FALSE(pace.others_work());
}

TEST(cold_pace_test, who_wrote_or_synced_is_at_work_for_a_while) {
  cold_pace pace({.patience = milliseconds(1), .memory = hours(1)});
  pace.wrote();
  EXPECT_TRUE(pace.others_work());
  EXPECT_TRUE(pace.others_work());

  cold_pace forgetful({.patience = milliseconds(1), .memory = milliseconds(0)});
  forgetful.wrote();
  static_cast<void>(forgetful.others_work());
  EXPECT_FALSE(forgetful.others_work());
}

TEST(cold_pace_test, a_sync_under_way_is_work) {
  cold_pace pace({.patience = milliseconds(1), .memory = hours(1)});
  const sync_under_way sync(pace);
  EXPECT_TRUE(pace.others_work());
}

TEST(cold_pace_test, a_read_waits_for_the_end_of_a_sync) {
  cold_pace pace({.patience = hours(1), .memory = hours(1)});
  // Written by one after the other, which is what is tested; the thread sanitizer would see it if not.
  std::vector<std::string> order;
  pace.sync_begins();
  std::thread reader([&] {
    const cold_pace::turn mine(pace);
    order.emplace_back("read");
  });
  order.emplace_back("synced");
  pace.sync_ends();
  reader.join();
  EXPECT_EQ(order, (std::vector<std::string>{"synced", "read"}));
}

TEST(cold_pace_test, a_sync_that_does_not_end_is_not_waited_for_beyond_the_patience) {
  cold_pace pace({.patience = milliseconds(1), .memory = hours(1)});
  const sync_under_way endless(pace);
  const cold_pace::turn mine(pace);
}

TEST(cold_pace_test, a_turn_leaves_as_much_time_as_the_reading_took) {
  cold_pace pace;
  cold_pace::clock::time_point begun;
  cold_pace::clock::time_point read;
  {
    const cold_pace::turn mine(pace);
    begun = cold_pace::clock::now();
    while (cold_pace::clock::now() - begun < milliseconds(2)) std::this_thread::yield();
    read = cold_pace::clock::now();
  }
  EXPECT_GE(cold_pace::clock::now() - read, read - begun);
}

TEST(cold_pace_test, one_reads_at_a_time) {
  cold_pace pace;
  int reading = 0;
  const auto read = [&] {
    for (int i = 0; i < 100; ++i) {
      const cold_pace::turn mine(pace);
      EXPECT_EQ(++reading, 1);
      --reading;
    }
  };
  std::thread other(read);
  read();
  other.join();
}

}  // namespace
}  // namespace tidelog::io
