// After a stop that was not clean: partitions serve as soon as they are recovered themselves.

#include "broker_world.hpp"

#include <gtest/gtest.h>

#include "tidelog/partition/partition_error.hpp"

#include <future>
#include <thread>

namespace tidelog::partition {
namespace {

using test::append_committed;
using test::consume;
using values = std::vector<std::string>;

class partition_recovery : public testing::Test {
 protected:
  void SetUp() override {
    test::broker_run run(files);
    append_committed(*run.create("slow"), {.value = "a"});
    append_committed(*run.create("quick"), {.value = "b"});
  }
  static std::error_code state_of(const partition& of) {
    const auto available = of.check_available();
    return available ? std::error_code() : available.error().code;
  }
  test::fault_file_system files;
};

TEST_F(partition_recovery, partitions_serve_while_others_recover) {
  files.restart(test::unsynced::kept);
  test::broker_run run(files, {}, test::recovery::in_background);
  const auto slow = run.find("slow");
  const auto quick = run.find("quick");
  EXPECT_EQ(state_of(*slow), make_error_code(errc::recovering));
  EXPECT_EQ(state_of(*quick), make_error_code(errc::recovering));
  files.hold_back("slow-0");
  std::vector<partition_ptr> told;
  std::mutex told_mutex;
  run.manager().set_online_listener([&](const partition_ptr& which) {
    const std::lock_guard lock(told_mutex);
    told.push_back(which);
  });
  std::promise<void> one_is_done;
  std::promise<void> all_are_done;
  EXPECT_EQ(run.manager().recover([&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, 2U);
    (done == total ? all_are_done : one_is_done).set_value();
  }),
            2U);
  one_is_done.get_future().wait();
  append_committed(*quick, {.value = "c"});
  EXPECT_EQ(consume(*quick), (values{"b", "c"}));
  EXPECT_EQ(state_of(*slow), make_error_code(errc::recovering));
  // Housekeeping and checkpoints pass over what is not open, and topics come and go.
  run.manager().delete_old_segments();
  ASSERT_TRUE(run.directory().write_checkpoints());
  append_committed(*run.create("new"));
  files.let_through();
  all_are_done.get_future().wait();
  EXPECT_EQ(consume(*slow), values{"a"});
  append_committed(*slow, {.value = "d"});
  const std::lock_guard lock(told_mutex);
  EXPECT_EQ(told, (std::vector<partition_ptr>{quick, slow}));
}

TEST_F(partition_recovery, logs_with_little_to_read_do_not_wait_for_those_with_much) {
  {
    test::broker_run run(files);
    for (const auto* name : {"large-1", "large-2", "large-3"}) {
      const auto large = run.create(name, test::page_cache());
      for (int i = 0; i < 30; ++i) test::append(*large, {.value = "x"});
    }
    ASSERT_TRUE(run.directory().write_checkpoints());
  }
  files.restart(test::unsynced::kept);
  test::broker_run run(files, {}, test::recovery::in_background);
  // More of them than threads.
  files.hold_back("large-");
  std::promise<void> quick_is_online;
  run.manager().set_online_listener([&](const partition_ptr& which) {
    if (which->name().topic == "quick") quick_is_online.set_value();
  });
  std::promise<void> over;
  run.manager().recover([&](std::size_t done, std::size_t total) {
    if (done == total) over.set_value();
  });
  EXPECT_EQ(quick_is_online.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  files.let_through();
  over.get_future().wait();
  EXPECT_EQ(consume(*run.find("large-3")).size(), 30U);
}

TEST_F(partition_recovery, what_a_disk_does_not_give_stays_offline_until_it_does) {
  files.restart(test::unsynced::kept);
  files.inject({.what = test::operation::read,
                .error_number = EIO,
                .path_contains = "slow-0/00000000000000000000.log",
                .times = test::for_ever});
  test::broker_run run(files);
  const auto slow = run.find("slow");
  EXPECT_EQ(state_of(*slow), make_error_code(errc::offline));
  EXPECT_NE(slow->check_available().error().describe().find("Input/output error"), std::string::npos);
  EXPECT_EQ(consume(*run.find("quick")), values{"b"});
  EXPECT_TRUE(run.manager().out_of_room_and_due().empty());
  files.clear_faults();
  std::promise<base::status> done;
  run.manager().reopen(slow, [&](base::status outcome) { done.set_value(std::move(outcome)); });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(consume(*slow), values{"a"});
}

TEST_F(partition_recovery, after_a_clean_stop_there_is_nothing_left_to_recover) {
  { test::broker_run(files).stop_cleanly(); }
  files.restart(test::unsynced::kept);
  test::broker_run run(files, {}, test::recovery::in_background);
  EXPECT_EQ(run.manager().recover({}), 0U);
  EXPECT_EQ(consume(*run.find("slow")), values{"a"});
}

TEST_F(partition_recovery, what_a_stop_leaves_unrecovered_is_recovered_by_the_next_start) {
  files.restart(test::unsynced::kept);
  {
    test::broker_run run(files, {}, test::recovery::in_background);
    files.hold_back("slow-0");
    run.manager().recover({});
    files.await_held_back();
    std::thread stopping([&] { run.manager().stop(); });
    while (state_of(*run.find("slow")) != make_error_code(errc::unknown_partition)) std::this_thread::yield();
    files.let_through();
    stopping.join();
    run.stop_cleanly();
  }
  files.restart(test::unsynced::kept);
  test::broker_run run(files);
  EXPECT_EQ(run.directory().start(), storage::start_kind::unclean);
  EXPECT_EQ(consume(*run.find("slow")), values{"a"});
  EXPECT_EQ(consume(*run.find("quick")), values{"b"});
}

TEST_F(partition_recovery, a_topic_that_waits_for_its_recovery_can_be_deleted_and_made_again) {
  files.restart(test::unsynced::kept);
  test::broker_run run(files, {}, test::recovery::in_background);
  run.remove("slow");
  const auto again = run.create("slow");
  test::recover_and_wait(run.manager());
  EXPECT_TRUE(consume(*again).empty());
  append_committed(*again, {.value = "new"});
  EXPECT_EQ(consume(*again), values{"new"});
}

}  // namespace
}  // namespace tidelog::partition
