#include "tidelog/partition/partition.hpp"

#include "broker_world.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch.hpp"

#include <thread>

namespace tidelog::partition {
namespace {

using storage::append_origin;
using test::append;
using test::append_committed;
using test::make_batch;
using test::test_waiter;

model::offset at(std::int64_t offset) {
  return model::offset(offset);
}

class partition_test : public testing::Test {
 protected:
  test::fault_file_system files;
  test::broker_run run{files};
};

/// Both kinds of durability wake whoever waits, each in its own time.
class waiting_fetch : public testing::TestWithParam<const char*> {
 protected:
  test::fault_file_system files;
  test::broker_run run{files};
  partition_ptr target = run.create("t", {{"flush.messages", GetParam()}});
};

TEST_P(waiting_fetch, is_woken_by_an_append) {
  test_waiter waiter(1);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(0)));
  EXPECT_FALSE(waiter.fired());
  append_committed(*target);
  EXPECT_TRUE(waiter.fires());
}

TEST_P(waiting_fetch, is_not_woken_before_its_bytes_are_there) {
  const auto size = make_batch({}).size();
  test_waiter waiter(3 * size);
  test_waiter every_byte(1);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(0)));
  for (std::int64_t batch = 0; batch < 2; ++batch) {
    test_waiter next(1);
    ASSERT_TRUE(target->watch(next.get(), test::up_to(batch)));
    append_committed(*target);
    ASSERT_TRUE(next.fires());
    target->unwatch(next.get());
    EXPECT_FALSE(waiter.fired());
  }
  append_committed(*target);
  EXPECT_TRUE(waiter.fires());
}

TEST_P(waiting_fetch, adds_up_what_comes_in_all_its_partitions) {
  const auto other = run.create("other", {{"flush.messages", GetParam()}});
  test_waiter waiter(2 * make_batch({}).size());
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(0)));
  ASSERT_TRUE(other->watch(waiter.get(), test::up_to(0)));
  append_committed(*target);
  append_committed(*other);
  EXPECT_TRUE(waiter.fires());
}

TEST_P(waiting_fetch, does_not_wait_where_something_came_since_it_looked) {
  append_committed(*target);
  test_waiter waiter(1 << 20);
  EXPECT_FALSE(target->watch(waiter.get(), test::up_to(0)));
  EXPECT_TRUE(target->watch(waiter.get(), test::up_to(1)));
}

/// The append may fall anywhere between the look and the watch; none may be slept through.
TEST_P(waiting_fetch, never_misses_an_append_between_its_look_and_its_watch) {
  constexpr std::int64_t appends = 300;
  std::thread producer([&] {
    for (std::int64_t i = 0; i < appends; ++i) {
      auto batch = make_batch({});
      ASSERT_TRUE(target->append(batch, append_origin::client));
    }
  });
  std::vector<std::thread> consumers;
  for (int i = 0; i < 2; ++i) {
    consumers.emplace_back([&] {
      for (auto seen = target->high_watermark(); seen < at(appends); seen = target->high_watermark()) {
        test_waiter waiter(1);
        if (!target->watch(waiter.get(), test::up_to(seen.value()))) continue;
        ASSERT_TRUE(waiter.fires()) << "at " << seen.value();
        target->unwatch(waiter.get());
      }
    });
  }
  producer.join();
  for (auto& each : consumers) each.join();
}

INSTANTIATE_TEST_SUITE_P(durability, waiting_fetch, testing::Values("1", "9223372036854775807"),
                         [](const auto& of) {
                           return std::string(of.param) == "1" ? "durable" : "page_cache";
                         });

TEST_F(partition_test, a_waiter_that_was_taken_away_is_not_woken) {
  const auto target = run.create("t", test::page_cache());
  test_waiter waiter(1);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(0)));
  target->unwatch(waiter.get());
  target->unwatch(waiter.get());
  append(*target);
  EXPECT_FALSE(waiter.fired());
}

TEST_F(partition_test, a_waiter_fires_once) {
  const auto target = run.create("t", test::page_cache());
  int calls = 0;
  const auto waiter = std::make_shared<fetch_waiter>(1, [&] { ++calls; });
  ASSERT_TRUE(target->watch(waiter, test::up_to(0)));
  append(*target);
  append(*target);
  EXPECT_FALSE(waiter->fire());
  EXPECT_EQ(calls, 1);
}

TEST_F(partition_test, a_failed_sync_takes_it_offline_and_wakes_who_waits) {
  const auto target = run.create("bad");
  const auto healthy = run.create("good");
  test_waiter waiter(1 << 20);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(0)));
  files.inject({.what = test::operation::sync, .error_number = EIO, .path_contains = "bad-0"});
  const auto stored = append(*target);
  EXPECT_FALSE(test::wait_committed(*target, stored.end_offset()));
  EXPECT_TRUE(waiter.fires());
  test_waiter late(1);
  EXPECT_FALSE(target->watch(late.get(), test::up_to(0)));
  auto batch = make_batch({});
  EXPECT_EQ(target->append(batch, append_origin::client).error().code, make_error_code(errc::offline));
  EXPECT_EQ(target->high_watermark(), at(0));
  append_committed(*healthy);
}

TEST_F(partition_test, a_full_disk_refuses_the_append_and_nothing_else) {
  const auto target = run.create("t");
  append_committed(*target, {.value = "before"});
  files.inject(
      {.what = test::operation::write, .error_number = ENOSPC, .path_contains = "t-0", .bytes_written = 20});
  auto batch = make_batch({});
  EXPECT_EQ(target->append(batch, append_origin::client).error().code, std::errc::no_space_on_device);
  append_committed(*target, {.value = "after"});
  EXPECT_EQ(test::consume(*target), (std::vector<std::string>{"before", "after"}));
}

/// Of a partition with a transaction that is open since offset 0.
class reader_of_what_is_committed : public partition_test {
 protected:
  reader_of_what_is_committed() { write_in_transaction(7, 0); }

  void write_in_transaction(std::int64_t producer, std::int32_t sequence) {
    append_committed(
        *target,
        {.producer_id = producer, .sequence = sequence, .attributes = model::batch_attribute::transactional});
  }
  void end_transaction(std::int64_t producer) {
    const auto ended = target->append_transaction_end(
        {model::producer_id(producer), model::producer_epoch(0), model::transaction_outcome::committed, 1},
        model::timestamp(test::test_now_ms));
    ASSERT_TRUE(ended) << ended.error().describe();
    ASSERT_TRUE(test::wait_committed(*target, ended->end_offset()));
  }
  [[nodiscard]] bool watches(const test_waiter& waiter) {
    return target->watch(waiter.get(), *target->reach(), read_level::committed_only);
  }

  const partition_ptr target = run.create("t", test::page_cache());
};

TEST_F(reader_of_what_is_committed, is_woken_by_the_marker_and_not_by_records_before_it) {
  EXPECT_EQ(target->reach()->last_stable, at(0));
  test_waiter one_byte(1);
  test_waiter many(1 << 20);
  ASSERT_TRUE(watches(one_byte));
  ASSERT_TRUE(watches(many));
  write_in_transaction(7, 1);
  EXPECT_FALSE(one_byte.fired());
  end_transaction(7);
  EXPECT_EQ(target->reach()->last_stable, at(3));
  EXPECT_TRUE(one_byte.fired());
  // How many bytes there are now only a look can tell.
  EXPECT_TRUE(many.fired());
}

TEST_F(reader_of_what_is_committed, is_woken_by_the_marker_of_records_that_came_while_it_waited) {
  end_transaction(7);
  test_waiter waiter(1000);
  ASSERT_TRUE(watches(waiter));
  write_in_transaction(7, 1);
  EXPECT_FALSE(waiter.fired());
  end_transaction(7);
  EXPECT_TRUE(waiter.fired());
}

TEST_F(reader_of_what_is_committed, counts_bytes_while_there_are_no_transactions) {
  end_transaction(7);
  const auto size = make_batch({}).size();
  test_waiter waiter(2 * size);
  ASSERT_TRUE(watches(waiter));
  append_committed(*target);
  EXPECT_FALSE(waiter.fired());
  append_committed(*target);
  EXPECT_TRUE(waiter.fired());
}

TEST_F(reader_of_what_is_committed, is_not_woken_by_a_marker_behind_another_open_transaction) {
  test_waiter waiter(1);
  write_in_transaction(8, 0);
  ASSERT_TRUE(watches(waiter));
  end_transaction(8);
  EXPECT_FALSE(waiter.fired());
  end_transaction(7);
  EXPECT_TRUE(waiter.fired());
}

TEST_F(reader_of_what_is_committed, does_not_wait_where_a_transaction_has_ended_since_it_looked) {
  test_waiter waiter(1);
  write_in_transaction(7, 1);
  end_transaction(7);
  auto seen = *target->reach();
  EXPECT_TRUE(target->watch(waiter.get(), seen, read_level::committed_only));
  target->unwatch(waiter.get());
  seen.last_stable = at(0);
  EXPECT_FALSE(target->watch(waiter.get(), seen, read_level::committed_only));
  EXPECT_TRUE(target->watch(waiter.get(), seen)) << "who reads everything has seen everything";
}

TEST_F(partition_test, a_retired_one_refuses_everything_and_its_waiters_are_woken) {
  const auto target = run.create("t");
  append_committed(*target);
  test_waiter waiter(1 << 20);
  ASSERT_TRUE(target->watch(waiter.get(), test::up_to(1)));
  run.remove("t");
  EXPECT_TRUE(waiter.fired());
  test_waiter late(1);
  EXPECT_FALSE(target->watch(late.get(), test::up_to(1)));
  auto batch = make_batch({});
  const auto gone = make_error_code(errc::unknown_partition);
  EXPECT_EQ(target->append(batch, append_origin::client).error().code, gone);
  EXPECT_EQ(
      target->read(at(0), {.max_bytes = 100}, storage::read_bound::log_end(), io::patience::waits_for_disk)
          .error()
          .code,
      gone);
  EXPECT_EQ(target->delete_records_before(at(1)).error().code, gone);
  EXPECT_EQ(target->size_bytes().error().code, gone);
  EXPECT_EQ(target->offset_for_timestamp(model::timestamp(0)).error().code, gone);
  EXPECT_EQ(target->max_timestamp_offset().error().code, gone);
  EXPECT_EQ(target->end_offset_for(model::leader_epoch(0)).error().code, gone);
  EXPECT_EQ(test::wait_committed(*target, at(100)).error().code, gone);
  EXPECT_TRUE(target->producers().empty());
  target->with_log([](storage::log&) { ADD_FAILURE() << "a retired partition has no log to work with"; });
}

/// Whoever waits for a commit when the topic goes is told, and is not left waiting.
TEST_F(partition_test, commits_that_are_waited_for_are_answered_when_the_topic_goes) {
  const auto target = run.create("t");
  std::promise<base::status> answered;
  target->when_committed(at(1000), [&](base::status state) { answered.set_value(std::move(state)); });
  run.remove("t");
  auto outcome = answered.get_future();
  ASSERT_EQ(outcome.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_FALSE(outcome.get());
}

TEST_F(partition_test, a_topic_may_go_while_it_is_written_and_read) {
  for (int round = 0; round < 5; ++round) {
    const auto target = run.create("t", round % 2 == 0 ? metadata::config_map{} : test::page_cache());
    std::atomic<int> at_work{0};
    std::vector<std::thread> users;
    const auto use = [&](auto&& once) {
      users.emplace_back([&, once] {
        for (bool first = true;; first = false) {
          const base::status outcome = once();
          if (!outcome) {
            EXPECT_EQ(outcome.error().code, make_error_code(errc::unknown_partition))
                << outcome.error().describe();
            return;
          }
          if (first) ++at_work;
        }
      });
    };
    for (int i = 0; i < 2; ++i) {
      use([&]() -> base::status {
        auto batch = make_batch({});
        TIDELOG_DO(target->append(batch, append_origin::client));
        target->when_committed(target->log_end_offset(), [](const base::status&) {});
        return {};
      });
    }
    use([&]() -> base::status {
      const auto slice = target->read(target->log_start_offset(), {.max_bytes = 1000},
                                      storage::read_bound::high_watermark(), io::patience::waits_for_disk);
      // The log start may have moved on since it was asked for.
      if (!slice && slice.error().code != storage::errc::offset_out_of_range) {
        return tl::unexpected<base::error>(slice.error());
      }
      return {};
    });
    use([&]() -> base::status {
      TIDELOG_DO(target->offset_for_timestamp(model::timestamp(test::test_now_ms)));
      TIDELOG_DO(target->delete_records_before(model::no_offset));
      return {};
    });
    use([&]() -> base::status {
      const auto waiter = std::make_shared<fetch_waiter>(1, [] {});
      if (target->watch(waiter, test::up_to(target->high_watermark().value()))) target->unwatch(waiter);
      return target->check_available();
    });
    while (at_work < 5) std::this_thread::yield();
    run.remove("t");
    for (auto& each : users) each.join();
    EXPECT_EQ(run.find("t"), nullptr);
  }
}

/// What is appended and deleted after a lookup began must not look like damage to it.
TEST_F(partition_test, lookups_by_time_go_on_while_the_log_moves_on_under_them) {
  const auto target =
      run.create("t", {{"flush.messages", "9223372036854775807"}, {"index.interval.bytes", "0"}});
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      const auto found = target->offset_for_timestamp(model::timestamp(test::test_now_ms));
      EXPECT_TRUE(found) << found.error().describe();
      const auto newest = target->max_timestamp_offset();
      EXPECT_TRUE(newest) << newest.error().describe();
    }
  });
  for (int i = 0; i < 3000; ++i) {
    append(*target);
    EXPECT_TRUE(target->delete_records_before(model::no_offset));
  }
  done = true;
  reader.join();
}

TEST_F(partition_test, requests_of_another_epoch_are_told_so) {
  const auto target = run.create("t");
  const auto now = target->leader_epoch().value();
  EXPECT_TRUE(target->check_leader_epoch(model::no_leader_epoch));
  EXPECT_TRUE(target->check_leader_epoch(model::leader_epoch(now)));
  EXPECT_EQ(target->check_leader_epoch(model::leader_epoch(now + 1)).error().code,
            make_error_code(errc::unknown_leader_epoch));
  target->begin_epoch(model::leader_epoch(now + 3));
  EXPECT_EQ(target->check_leader_epoch(model::leader_epoch(now)).error().code,
            make_error_code(errc::fenced_leader_epoch));
  append_committed(*target);
  EXPECT_EQ(target->epoch_at(at(0)), model::leader_epoch(now + 3));
  const auto end = target->end_offset_for(model::leader_epoch(now + 3));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->end_offset, at(1));
}

TEST_F(partition_test, records_are_deleted_up_to_an_offset_or_the_high_watermark) {
  const auto target = run.create("t");
  for (int i = 0; i < 4; ++i) append_committed(*target, {.value = std::to_string(i)});
  EXPECT_EQ(target->delete_records_before(at(2)), at(2));
  EXPECT_EQ(test::consume(*target), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(target->delete_records_before(at(5)).error().code, storage::errc::offset_out_of_range);
  EXPECT_EQ(target->delete_records_before(model::no_offset), at(4));
  EXPECT_TRUE(test::consume(*target).empty());
}

TEST_F(partition_test, records_of_a_topic_that_is_compacted_only_are_not_deleted) {
  const auto compacted = run.create("c", {{"cleanup.policy", "compact"}});
  EXPECT_EQ(compacted->delete_records_before(at(0)).error().code,
            make_error_code(errc::deletion_not_allowed));
  const auto both = run.create("b", {{"cleanup.policy", "compact,delete"}});
  EXPECT_TRUE(both->delete_records_before(at(0)));
}

TEST_F(partition_test, a_batch_sent_again_is_answered_with_the_original_offsets) {
  const auto target = run.create("t");
  append_committed(*target, {.records = 3, .producer_id = 7});
  append_committed(*target, {.records = 2, .producer_id = 7, .sequence = 3});
  const auto again = append(*target, {.records = 3, .producer_id = 7});
  EXPECT_EQ(again.outcome, storage::append_outcome::duplicate);
  EXPECT_EQ(again.base_offset, at(0));
  EXPECT_EQ(target->log_end_offset(), at(5));
  auto gap = make_batch({.producer_id = 7, .sequence = 9});
  EXPECT_EQ(target->append(gap, append_origin::client).error().code, storage::errc::out_of_order_sequence);
}

}  // namespace
}  // namespace tidelog::partition
