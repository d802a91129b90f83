#include "tidelog/coordinator/group_coordinator.hpp"

#include "coordinator/support_groups_world.hpp"
#include "group_progress.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <limits>

namespace tidelog::coordinator {
namespace {

using test::awaited;

TEST(partition_of_group, is_that_of_java) {
  struct known {
    const char* group;
    std::int32_t of_50;
    std::int32_t of_7;
  };
  const known all[] = {{"", 0, 0},
                       {"a", 47, 6},
                       {"group", 47, 3},
                       {"classic-group", 34, 5},
                       {"k\xc3\xa4se", 11, 4},
                       {"\xd0\xb3\xd1\x80\xd1\x83\xd0\xbf\xd0\xbf\xd0\xb0", 8, 2},
                       {"\xe6\xb6\x88\xe8\xb2\xbb\xe8\x80\x85", 0, 3},
                       {"\xf0\x9f\xa6\x9c-group", 8, 2},
                       {"console-consumer-12345", 6, 6},
                       // Its hash is the least number, which has no absolute value.
                       {"polygenelubricants", 0, 0},
                       {"a\xf0\x9f\xa6\x9c\xc3\xa9z", 12, 4}};
  for (const auto& each : all) {
    EXPECT_EQ(partition_of_group(each.group, 50), each.of_50) << each.group;
    EXPECT_EQ(partition_of_group(each.group, 7), each.of_7) << each.group;
  }
}

TEST(partition_of_group, takes_any_bytes) {
  for (const auto& text :
       {std::string("\xff"), std::string("\xf0\x9f"), std::string("\xc3"), std::string("\x80x")}) {
    const auto partition = partition_of_group(text, 50);
    EXPECT_TRUE(partition >= 0 && partition < 50);
  }
}

class group_coordinator_test : public testing::Test {
 protected:
  struct world {
    /// Workers have no time before `idle` is ready, where there is such a thing.
    explicit world(test::fault_file_system& files, const std::shared_future<void>& idle = {},
                   test::recovery how = test::recovery::waited_for)
        : broker(files, {}, how) {
      for (int i = 0; idle.valid() && i < worker_count; ++i) workers.submit([idle] { idle.wait(); });
      broker.record_topic("t", 1);
      broker.apply();
      groups.apply(broker.image());
    }
    void make_offsets_topic() {
      broker.record_topic(offsets_topic, 5);
      broker.apply();
      groups.apply(broker.image());
    }
    std::error_code commit(const std::string& group, std::int64_t offset) {
      awaited<commit_answer> answer;
      groups.commit_offsets(test::commit_of(group, offset), answer.to());
      return answer.get().error;
    }
    std::error_code commit_in_transaction(const std::string& group, std::int64_t offset,
                                          std::int64_t producer) {
      awaited<commit_answer> answer;
      groups.commit_offsets_in_transaction(test::transactional_commit_of(producer, group, offset),
                                           answer.to());
      return answer.get().error;
    }
    std::error_code end_transaction(std::int32_t partition, std::int64_t producer) {
      awaited<transaction_end_answer> answer;
      groups.end_transaction(
          partition,
          {model::producer_id(producer), model::producer_epoch(0), model::transaction_outcome::committed, 0},
          answer.to());
      return answer.get().error;
    }
    std::int64_t committed(const std::string& group) {
      fetch_offsets_request request;
      request.group_id = group;
      request.topics.emplace().push_back({"t", {0}});
      awaited<fetch_offsets_answer> answer;
      groups.fetch_offsets(std::move(request), answer.to());
      const auto got = answer.get();
      return got.error ? -2 : got.topics.at(0).partitions.at(0).value.offset.value();
    }
    std::error_code heartbeat(const std::string& group) {
      awaited<heartbeat_answer> answer;
      groups.heartbeat({.group_id = group, .generation = 1, .member_id = "m", .instance_id = {}},
                       answer.to());
      return answer.get().error;
    }
    list_groups_answer list() {
      awaited<list_groups_answer> answer;
      groups.list_groups(answer.to());
      return answer.get();
    }
    void wait_loaded() {
      while (list().error == errc::load_in_progress) std::this_thread::yield();
    }

    test::broker_run broker;
    static constexpr int worker_count = 2;
    base::worker_pool workers{"worker", worker_count};
    metrics::registry metrics;
    group_coordinator groups{{broker.manager(), workers, base::system_clock(), metrics},
                             metadata::effective_broker_config({})};
  };
  test::fault_file_system files;
};

TEST_F(group_coordinator_test, without_its_topic_it_is_not_available_yet) {
  world run(files);
  EXPECT_EQ(run.commit("g", 1), errc::not_available);
  EXPECT_FALSE(run.list().error);
  run.make_offsets_topic();
  EXPECT_FALSE(run.commit("g", 1));
  EXPECT_EQ(run.committed("g"), 1);
}

TEST_F(group_coordinator_test, transactions_end_in_the_partition_that_is_named) {
  world run(files);
  EXPECT_EQ(run.end_transaction(0, 7), errc::not_available);
  run.make_offsets_topic();
  ASSERT_FALSE(run.commit_in_transaction("g", 1, 7));
  EXPECT_EQ(run.committed("g"), -1);
  const auto partition = partition_of_group("g", 5);
  EXPECT_FALSE(run.end_transaction((partition + 1) % 5, 7));
  EXPECT_EQ(run.committed("g"), -1);
  EXPECT_FALSE(run.end_transaction(partition, 7));
  EXPECT_EQ(run.committed("g"), 1);
  EXPECT_EQ(run.end_transaction(5, 7), errc::not_coordinator);
  EXPECT_EQ(run.end_transaction(-1, 7), errc::not_coordinator);
  run.groups.stop();
  EXPECT_EQ(run.end_transaction(partition, 7), errc::not_available);
  EXPECT_EQ(run.commit_in_transaction("g", 1, 7), errc::not_available);
}

TEST_F(group_coordinator_test, groups_are_spread_and_found_again_after_a_restart) {
  {
    world run(files);
    run.make_offsets_topic();
    for (int i = 0; i < 20; ++i) ASSERT_FALSE(run.commit("g" + std::to_string(i), i));
    EXPECT_EQ(run.list().groups.size(), 20U);
    std::size_t used = 0;
    for (int i = 0; i < 5; ++i) {
      if (run.broker.find(offsets_topic, i)->log_end_offset() > model::offset(0)) ++used;
    }
    EXPECT_EQ(used, 5U);
    run.groups.stop();
    run.broker.stop_cleanly();
  }
  world run(files);
  run.wait_loaded();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run.committed("g" + std::to_string(i)), i);
}

TEST_F(group_coordinator_test, heartbeats_are_good_while_it_is_not_known_yet_whose_they_are) {
  {
    world run(files);
    run.make_offsets_topic();
    ASSERT_FALSE(run.commit("g", 1));
    EXPECT_EQ(run.heartbeat("g"), errc::unknown_member);
    run.groups.stop();
    run.broker.stop_cleanly();
  }
  std::promise<void> idle;
  world run(files, idle.get_future().share());
  EXPECT_EQ(run.commit("g", 2), errc::load_in_progress);
  EXPECT_FALSE(run.heartbeat("g"));
  idle.set_value();
  run.wait_loaded();
  EXPECT_EQ(run.heartbeat("g"), errc::unknown_member);
  EXPECT_EQ(run.committed("g"), 1);
}

TEST_F(group_coordinator_test, groups_of_a_partition_that_comes_back_are_read_from_what_is_on_disk) {
  world run(files);
  run.make_offsets_topic();
  run.broker.manager().set_online_listener([&](const auto& which) { run.groups.log_was_opened(which); });
  ASSERT_FALSE(run.commit("g", 1));
  const auto partition = run.broker.find(offsets_topic, partition_of_group("g", 5));
  files.inject({.what = test::operation::sync,
                .error_number = EIO,
                .path_contains = partition->name().text(),
                .times = test::for_ever});
  EXPECT_EQ(run.commit("g", 2), errc::not_coordinator);
  EXPECT_EQ(run.committed("g"), -2);
  files.clear_faults();
  std::promise<base::status> reopened;
  run.broker.manager().reopen(partition,
                              [&](base::status outcome) { reopened.set_value(std::move(outcome)); });
  ASSERT_TRUE(reopened.get_future().get());
  run.wait_loaded();
  // The commit that failed may have come through.
  EXPECT_GE(run.committed("g"), 1);
  EXPECT_FALSE(run.commit("g", 3));
  EXPECT_EQ(run.committed("g"), 3);
}

TEST_F(group_coordinator_test, groups_of_a_partition_that_is_being_recovered_are_loading_until_it_is) {
  {
    world run(files);
    run.make_offsets_topic();
    ASSERT_FALSE(run.commit("g", 1));
    run.groups.stop();
  }
  files.restart(test::unsynced::kept);
  world run(files, {}, test::recovery::in_background);
  run.broker.manager().set_online_listener([&](const auto& which) { run.groups.log_was_opened(which); });
  EXPECT_EQ(run.commit("g", 2), errc::load_in_progress);
  EXPECT_EQ(run.committed("g"), -2);
  EXPECT_EQ(run.list().error, errc::load_in_progress);
  test::recover_and_wait(run.broker.manager());
  run.wait_loaded();
  EXPECT_EQ(run.committed("g"), 1);
  EXPECT_FALSE(run.commit("g", 2));
}

TEST_F(group_coordinator_test, a_deleted_topic_takes_its_offsets_along) {
  world run(files);
  run.make_offsets_topic();
  ASSERT_FALSE(run.commit("g", 1));
  run.broker.remove("t");
  run.groups.apply(run.broker.image());
  EXPECT_EQ(run.committed("g"), -1);
}

TEST_F(group_coordinator_test, the_timer_ends_a_rebalance_without_anybody_asking) {
  world run(files);
  run.make_offsets_topic();
  auto config = metadata::effective_broker_config({});
  config.groups.initial_rebalance_delay_ms = 20;
  run.groups.update_config(config);
  join_request request;
  request.group_id = "g";
  request.protocol_type = "consumer";
  request.protocols = {{"range", {}}};
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.without_member_id = first_join::counts;
  awaited<join_answer> joined;
  run.groups.join(std::move(request), joined.to());
  EXPECT_FALSE(joined.get().error);
}

TEST_F(group_coordinator_test, a_stop_answers_who_waits_and_refuses_who_comes) {
  world run(files);
  run.make_offsets_topic();
  join_request request;
  request.group_id = "g";
  request.protocol_type = "consumer";
  request.protocols = {{"range", {}}};
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.without_member_id = first_join::counts;
  awaited<join_answer> joined;
  run.groups.join(std::move(request), joined.to());
  run.groups.stop();
  EXPECT_EQ(joined.get().error, errc::not_available);
  EXPECT_EQ(run.commit("g", 1), errc::not_available);
}

consumer_heartbeat_request pattern_request(const std::string& group, const std::string& pattern) {
  consumer_heartbeat_request request;
  request.group_id = group;
  request.member_id = "m";
  request.rebalance_timeout_ms = 60'000;
  request.subscribed_topic_pattern = pattern;
  request.owned.emplace();
  return request;
}

TEST_F(group_coordinator_test, a_pattern_that_is_being_matched_holds_nobody_up) {
  std::promise<void> idle;
  world run(files, idle.get_future().share());
  run.make_offsets_topic();
  awaited<consumer_heartbeat_answer> joined;
  run.groups.consumer_heartbeat(pattern_request("g", "t.*"), joined.to());
  // Of the same group, and so under the same lock.
  EXPECT_FALSE(run.commit("g", 1));
  EXPECT_FALSE(joined.is_there());
  idle.set_value();
  const auto answer = joined.get();
  EXPECT_FALSE(answer.error) << answer.error_message;
  EXPECT_EQ(answer.assignment.value().size(), 1U);
}

TEST_F(group_coordinator_test, a_pattern_follows_the_topics_also_after_a_restart) {
  std::int32_t epoch = 0;
  const auto beat_until = [&](world& run, std::size_t topics) {
    auto request = pattern_request("g", "t.*");
    request.owned.reset();
    request.rebalance_timeout_ms = -1;
    request.subscribed_topic_pattern.reset();
    for (std::size_t assigned = 0; assigned != topics; std::this_thread::yield()) {
      request.member_epoch = epoch;
      awaited<consumer_heartbeat_answer> beaten;
      run.groups.consumer_heartbeat(request, beaten.to());
      const auto answer = beaten.get();
      if (answer.error == errc::load_in_progress) continue;
      ASSERT_FALSE(answer.error) << answer.error_message;
      epoch = answer.member_epoch;
      if (answer.assignment) assigned = answer.assignment->size();
    }
  };
  {
    world run(files);
    run.make_offsets_topic();
    awaited<consumer_heartbeat_answer> joined;
    run.groups.consumer_heartbeat(pattern_request("g", "t.*"), joined.to());
    epoch = joined.get().member_epoch;
    run.broker.record_topic("t2", 1);
    run.broker.apply();
    run.groups.apply(run.broker.image());
    beat_until(run, 2);
  }
  world run(files);
  run.wait_loaded();
  run.broker.record_topic("t3", 1);
  run.broker.apply();
  run.groups.apply(run.broker.image());
  beat_until(run, 3);
}

TEST_F(group_coordinator_test, a_pattern_that_waits_is_refused_by_a_stop) {
  std::promise<void> idle;
  world run(files, idle.get_future().share());
  run.make_offsets_topic();
  awaited<consumer_heartbeat_answer> joined;
  run.groups.consumer_heartbeat(pattern_request("g", "t.*"), joined.to());
  std::thread stopping([&] { run.groups.stop(); });
  while (run.list().error != errc::not_available) std::this_thread::yield();
  idle.set_value();
  EXPECT_EQ(joined.get().error, errc::not_available);
  stopping.join();
}

TEST_F(group_coordinator_test, a_scraper_sees_groups_members_and_commits) {
  world run(files);
  run.make_offsets_topic();
  ASSERT_FALSE(run.commit("a", 1));
  ASSERT_FALSE(run.commit("b", 1));
  const auto text = run.metrics.text(metrics::text_format::prometheus);
  EXPECT_NE(text.find("tidelog_groups{state=\"empty\",type=\"classic\"} 2"), std::string::npos) << text;
  EXPECT_NE(text.find("tidelog_group_commits_total 2"), std::string::npos) << text;
  EXPECT_NE(text.find("tidelog_group_offsets 2"), std::string::npos) << text;
  for (const auto* name : {"tidelog_group_members{", "tidelog_group_rebalances_total ",
                           "tidelog_group_load_seconds ", "tidelog_group_partitions_loading 0"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
}

TEST_F(group_coordinator_test, a_scraper_sees_how_far_groups_are_behind) {
  world run(files);
  run.make_offsets_topic();
  const auto t = run.broker.find("t");
  for (int i = 0; i < 3; ++i) test::append_committed(*t);
  const auto end = t->high_watermark().value();
  ASSERT_GE(end, 3);
  ASSERT_FALSE(run.commit("behind", 1));
  ASSERT_FALSE(run.commit("there", end));
  ASSERT_FALSE(run.commit("ahead", end + 5));
  auto elsewhere = test::commit_of("elsewhere", 1);
  elsewhere.topics[0].name = "unknown";
  awaited<commit_answer> committed;
  run.groups.commit_offsets(std::move(elsewhere), committed.to());
  ASSERT_FALSE(committed.get().error);

  const auto text = run.metrics.text(metrics::text_format::prometheus);
  for (const auto& line : {fmt::format("tidelog_group_lag{{group=\"behind\",topic=\"t\"}} {}\n", end - 1),
                           std::string("tidelog_group_lag{group=\"there\",topic=\"t\"} 0\n"),
                           std::string("tidelog_group_lag{group=\"ahead\",topic=\"t\"} 0\n"),
                           std::string("tidelog_group_lag_left_out 0\n")}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("elsewhere"), std::string::npos) << text;
}

TEST_F(group_coordinator_test, a_group_with_too_many_offsets_is_left_out_of_the_lag) {
  world run(files);
  run.make_offsets_topic();
  ASSERT_FALSE(run.commit("small", 0));
  const auto most = static_cast<std::int32_t>(lag_offsets_per_scrape);
  constexpr std::int32_t at_a_time = 5'000;
  for (std::int32_t from = 0; from < most; from += at_a_time) {
    auto request = test::commit_of("huge", 0);
    auto& partitions = request.topics[0].partitions;
    const auto value = partitions[0].value;
    partitions.clear();
    for (std::int32_t i = 0; i < at_a_time; ++i) partitions.push_back({from + i, value});
    awaited<commit_answer> answer;
    run.groups.commit_offsets(std::move(request), answer.to());
    ASSERT_FALSE(answer.get().error);
  }
  const auto text = run.metrics.text(metrics::text_format::prometheus);
  // Either of the two has room, but not both: what one has taken is not there for the other.
  EXPECT_NE(text.find("tidelog_group_lag_left_out 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace tidelog::coordinator
