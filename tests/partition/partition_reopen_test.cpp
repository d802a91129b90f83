// A partition loses its log to an input or output error, and gets it back.

#include "broker_world.hpp"

#include <gtest/gtest.h>

#include "tidelog/partition/partition_error.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <future>
#include <thread>

namespace tidelog::partition {
namespace {

using test::append;
using test::append_committed;
using test::consume;
using test::make_batch;
using test::operation;
using values = std::vector<std::string>;

class partition_reopen : public testing::Test {
 protected:
  void fail(operation what, const std::string& where, int error_number = EIO) {
    files.inject(
        {.what = what, .error_number = error_number, .path_contains = where, .times = test::for_ever});
  }
  /// A sync of it fails.
  void break_log_of(partition& of, int error_number = EIO) {
    fail(operation::sync, of.name().text(), error_number);
    const auto end = append(of, {.value = "lost"}).end_offset();
    ASSERT_FALSE(test::wait_committed(of, end));
    files.clear_faults();
  }
  base::status reopen(const partition_ptr& of) {
    std::promise<base::status> done;
    run.manager().reopen(of, [&](base::status outcome) { done.set_value(std::move(outcome)); });
    return done.get_future().get();
  }
  static std::error_code state_of(const partition& of) {
    const auto available = of.check_available();
    return available ? std::error_code() : available.error().code;
  }

  test::fault_file_system files;
  test::broker_run run{files};
};

TEST_F(partition_reopen, a_failed_sync_takes_the_partition_offline_and_says_why) {
  const auto target = run.create("t");
  append_committed(*target, {.value = "a"});
  test::test_waiter waiter(1 << 20);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(1)));
  break_log_of(*target);
  const auto available = target->check_available();
  ASSERT_FALSE(available);
  EXPECT_EQ(available.error().code, make_error_code(errc::offline));
  EXPECT_NE(available.error().context.find("t-0"), std::string::npos);
  EXPECT_NE(available.error().context.find("Input/output error"), std::string::npos)
      << available.error().context;
  EXPECT_TRUE(waiter.fires());
  EXPECT_EQ(target->reach().error().code, make_error_code(errc::offline));
  auto batch = make_batch({});
  EXPECT_EQ(target->append(batch, storage::append_origin::client).error().code,
            make_error_code(errc::offline));
}

TEST_F(partition_reopen, an_offline_partition_comes_back_with_what_it_had_and_goes_on) {
  const auto target = run.create("t");
  append_committed(*target, {.value = "a"});
  break_log_of(*target);
  const auto openings = target->openings();
  const auto reopened = reopen(target);
  ASSERT_TRUE(reopened) << reopened.error().describe();
  EXPECT_EQ(target->openings(), openings + 1);
  append_committed(*target, {.value = "b"});
  // What was not acknowledged may be there; it is on disk now, and between what was.
  EXPECT_EQ(consume(*target), (values{"a", "lost", "b"}));
}

TEST_F(partition_reopen, markers_of_the_log_before_count_no_more) {
  const auto target = run.create("t");
  const auto verified = target->markers_taken();
  break_log_of(*target);
  ASSERT_TRUE(reopen(target));
  auto batch = make_batch({.producer_id = 7, .attributes = model::batch_attribute::transactional});
  const auto append_verified = [&](std::uint64_t at_marker) {
    return target->append(batch, storage::append_origin::client, io::patience::waits_for_disk, at_marker);
  };
  EXPECT_EQ(append_verified(verified).error().code,
            make_error_code(storage::errc::transaction_may_have_ended));
  EXPECT_TRUE(append_verified(target->markers_taken()));
}

TEST_F(partition_reopen, a_partition_that_is_online_is_left_as_it_is) {
  const auto target = run.create("t");
  const auto openings = target->openings();
  EXPECT_TRUE(reopen(target));
  EXPECT_EQ(target->openings(), openings);
}

TEST_F(partition_reopen, a_partition_that_fails_again_is_offline_for_the_new_reason) {
  const auto target = run.create("t");
  break_log_of(*target);
  fail(operation::list, "t-0");
  EXPECT_EQ(reopen(target).error().code, make_error_code(errc::offline));
  EXPECT_EQ(state_of(*target), make_error_code(errc::offline));
  files.clear_faults();
  EXPECT_TRUE(reopen(target));
  append_committed(*target);
}

TEST_F(partition_reopen, a_directory_that_is_gone_is_not_taken_for_an_empty_log) {
  const auto target = run.create("t");
  append_committed(*target, {.value = "a"});
  break_log_of(*target);
  ASSERT_TRUE(files.rename("/data/t-0", "/elsewhere"));
  EXPECT_FALSE(reopen(target));
  EXPECT_FALSE(reopen(target));
  ASSERT_TRUE(files.rename("/elsewhere", "/data/t-0"));
  EXPECT_TRUE(reopen(target));
  EXPECT_EQ(consume(*target), (values{"a", "lost"}));
}

TEST_F(partition_reopen, a_partition_that_could_not_be_made_is_made) {
  fail(operation::make_directory, "t-0");
  const auto target = run.create("t");
  EXPECT_EQ(state_of(*target), make_error_code(errc::offline));
  files.clear_faults();
  EXPECT_TRUE(reopen(target));
  append_committed(*target, {.value = "a"});
  files.restart(test::unsynced::lost);
  test::broker_run next(files);
  EXPECT_EQ(consume(*next.find("t")), values{"a"});
}

TEST_F(partition_reopen, configuration_and_epoch_that_came_while_it_was_offline_hold_afterwards) {
  const auto target = run.create("t");
  append_committed(*target);
  break_log_of(*target);
  run.set_config(metadata::resource_type::topic, "t", "retention.ms", "12345");
  metadata::partition_change_record led;
  led.partition_id = 0;
  led.topic_id = target->topic_id();
  led.leader = 1;
  run.record({led});
  run.apply();
  const auto epoch = run.image()->topic("t")->partitions.front().epoch;
  EXPECT_EQ(target->leader_epoch(), epoch);
  ASSERT_TRUE(reopen(target));
  target->with_log([](storage::log& log) { EXPECT_EQ(log.config().retention_ms, 12345); });
  const auto at = append(*target).base_offset;
  EXPECT_EQ(target->epoch_at(at), epoch);
}

TEST_F(partition_reopen, a_partition_that_is_being_opened_is_recovering_and_the_others_serve) {
  const auto target = run.create("t");
  const auto other = run.create("other");
  append_committed(*target, {.value = "a"});
  break_log_of(*target);
  files.hold_back("t-0");
  std::promise<base::status> done;
  run.manager().reopen(target, [&](base::status outcome) { done.set_value(std::move(outcome)); });
  files.await_held_back();
  EXPECT_EQ(state_of(*target), make_error_code(errc::recovering));
  EXPECT_EQ(reopen(target).error().code, make_error_code(errc::recovering));
  append_committed(*other);
  files.let_through();
  EXPECT_TRUE(done.get_future().get());
  EXPECT_EQ(consume(*target), (values{"a", "lost"}));
}

TEST_F(partition_reopen, a_topic_that_is_deleted_meanwhile_goes_with_its_directory) {
  const auto target = run.create("t");
  append_committed(*target);
  break_log_of(*target);
  files.hold_back("t-0");
  std::promise<base::status> done;
  run.manager().reopen(target, [&](base::status outcome) { done.set_value(std::move(outcome)); });
  files.await_held_back();
  run.record_deletion("t");
  std::thread deleting([&] { run.apply(); });
  while (state_of(*target) != make_error_code(errc::unknown_partition)) std::this_thread::yield();
  files.let_through();
  deleting.join();
  EXPECT_EQ(done.get_future().get().error().code, make_error_code(errc::unknown_partition));
  EXPECT_FALSE(*files.exists("/data/t-0"));
  // The name is free again.
  append_committed(*run.create("t"));
}

TEST_F(partition_reopen, a_stop_does_not_wait_for_a_recovery) {
  const auto target = run.create("t");
  append_committed(*target);
  break_log_of(*target);
  files.hold_back("t-0");
  std::promise<base::status> done;
  run.manager().reopen(target, [&](base::status outcome) { done.set_value(std::move(outcome)); });
  files.await_held_back();
  std::thread stopping([&] { run.manager().stop(); });
  while (state_of(*target) != make_error_code(errc::unknown_partition)) std::this_thread::yield();
  files.let_through();
  stopping.join();
  EXPECT_FALSE(done.get_future().get());
}

TEST_F(partition_reopen, whoever_listens_is_told_of_partitions_that_came_back) {
  const auto target = run.create("t");
  std::vector<partition_ptr> told;
  run.manager().set_online_listener([&](const partition_ptr& which) { told.push_back(which); });
  break_log_of(*target);
  fail(operation::list, "t-0");
  EXPECT_FALSE(reopen(target));
  EXPECT_TRUE(told.empty());
  files.clear_faults();
  EXPECT_TRUE(reopen(target));
  EXPECT_EQ(told, std::vector<partition_ptr>{target});
}

using partitions = std::vector<partition_ptr>;

TEST_F(partition_reopen, who_goes_offline_for_want_of_room_is_told_of_and_what_it_had_comes_back) {
  std::vector<std::error_code> told;
  run.manager().set_out_of_room_listener([&](const base::error& why) { told.push_back(why.code); });
  const auto target = run.create("t");
  append_committed(*target, {.value = "a"});
  break_log_of(*target, ENOSPC);
  EXPECT_EQ(told, std::vector{std::error_code(ENOSPC, std::system_category())});
  EXPECT_TRUE(target->is_out_of_room());
  EXPECT_EQ(run.manager().out_of_room_and_due(), partitions{target});
  ASSERT_TRUE(reopen(target));
  EXPECT_FALSE(target->is_out_of_room());
  append_committed(*target, {.value = "b"});
  // The failed sync has lost its record, whatever the page cache shows.
  files.restart(test::unsynced::lost);
  test::broker_run next(files);
  EXPECT_EQ(consume(*next.find("t")), (values{"a", "lost", "b"}));
}

TEST_F(partition_reopen, other_errors_wait_for_a_person) {
  int told = 0;
  run.manager().set_out_of_room_listener([&](const base::error&) { ++told; });
  const auto target = run.create("t");
  break_log_of(*target);
  EXPECT_FALSE(target->is_out_of_room());
  EXPECT_EQ(run.manager().out_of_room_and_due(), partitions{});
  EXPECT_EQ(told, 0);
  // Also where want of room was what it began with.
  ASSERT_TRUE(reopen(target));
  break_log_of(*target, ENOSPC);
  fail(operation::list, "t-0");
  EXPECT_FALSE(reopen(target));
  EXPECT_EQ(run.manager().out_of_room_and_due(), partitions{});
}

TEST_F(partition_reopen, an_opening_that_finds_no_room_is_tried_again_less_and_less_often) {
  int told = 0;
  run.manager().set_out_of_room_listener([&](const base::error&) { ++told; });
  fail(operation::make_directory, "t-0", EDQUOT);
  const auto target = run.create("t");
  EXPECT_TRUE(target->is_out_of_room());
  EXPECT_EQ(told, 1);
  const auto due = [&] { return !run.manager().out_of_room_and_due().empty(); };
  EXPECT_TRUE(due());
  for (const auto pause : {1, 2, 4, 8, 16, 32, 64, 64}) {
    EXPECT_FALSE(reopen(target));
    run.clock.advance(std::chrono::seconds(pause) - std::chrono::milliseconds(1));
    EXPECT_FALSE(due()) << pause;
    run.clock.advance(std::chrono::milliseconds(1));
    EXPECT_TRUE(due()) << pause;
  }
  files.clear_faults();
  EXPECT_TRUE(reopen(target));
  run.clock.advance(std::chrono::hours(1));
  EXPECT_FALSE(due());
  // The next time is a new one.
  break_log_of(*target, ENOSPC);
  EXPECT_TRUE(due());
}

TEST_F(partition_reopen, one_that_is_deleted_while_it_has_no_room_is_forgotten) {
  fail(operation::make_directory, "t-0", ENOSPC);
  const auto target = run.create("t");
  files.clear_faults();
  run.remove("t");
  EXPECT_EQ(run.manager().out_of_room_and_due(), partitions{});
}

}  // namespace
}  // namespace tidelog::partition
