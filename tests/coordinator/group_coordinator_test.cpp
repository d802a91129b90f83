#include "tidelog/coordinator/group_coordinator.hpp"

#include "coordinator/support_groups_world.hpp"

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

TEST_F(group_coordinator_test, a_scraper_sees_groups_members_and_commits) {
  world run(files);
  run.make_offsets_topic();
  ASSERT_FALSE(run.commit("a", 1));
  ASSERT_FALSE(run.commit("b", 1));
  const auto text = run.metrics.text(metrics::text_format::prometheus);
  EXPECT_NE(text.find("tidelog_groups{state=\"empty\",type=\"classic\"} 2"), std::string::npos) << text;
  EXPECT_NE(text.find("tidelog_group_commits_total 2"), std::string::npos) << text;
  EXPECT_NE(text.find("tidelog_group_offsets 2"), std::string::npos) << text;
}

}  // namespace
}  // namespace tidelog::coordinator
