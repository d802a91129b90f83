// What clients are told whose wishes are too large, and that others do not feel it.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/offset_fetch.hpp"
#include "tidelog/protocol/sync_group.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using protocol::error_code;

class group_limits : public testing::Test {
 protected:
  group_limits() {
    broker.make_topic("t", 1);
    protocol::find_coordinator_request wanted;
    wanted.coordinator_keys = {"g"};
    static_cast<void>(broker.ask<protocol::find_coordinator_response>(wanted, 6));
    while (commit("loading", 1) == error_code::coordinator_load_in_progress) std::this_thread::yield();
  }

  /// The same partition, so often.
  error_code commit(const std::string& group, std::size_t rows, const std::string& metadata = "") {
    protocol::offset_commit_request wanted;
    wanted.group_id = group;
    auto& topic = wanted.topics.emplace_back();
    topic.name = "t";
    topic.partitions.assign(rows, {0, 7, -1, metadata});
    const auto answer = broker.ask<protocol::offset_commit_response>(wanted, 9);
    EXPECT_EQ(answer.topics.at(0).partitions.size(), rows);
    return answer.topics.at(0).partitions.back().error_code;
  }
  protocol::join_group_response join(const std::string& group, std::size_t metadata_bytes) {
    protocol::join_group_request wanted;
    wanted.group_id = group;
    wanted.session_timeout_ms = wanted.rebalance_timeout_ms = 10'000;
    wanted.protocol_type = "consumer";
    wanted.protocols = {{"range", std::vector<std::byte>(metadata_bytes)}};
    wanted.member_id = broker.ask<protocol::join_group_response>(wanted, 9).member_id;
    return broker.ask<protocol::join_group_response>(wanted, 9);
  }
  error_code sync(const std::string& group, const protocol::join_group_response& joined,
                  std::size_t assignment_bytes) {
    protocol::sync_group_request wanted;
    wanted.group_id = group;
    wanted.generation_id = joined.generation_id;
    wanted.member_id = joined.member_id;
    wanted.protocol_type = "consumer";
    wanted.protocol_name = "range";
    wanted.assignments = {{joined.member_id, std::vector<std::byte>(assignment_bytes)}};
    return broker.ask<protocol::sync_group_response>(wanted, 5).error_code;
  }

  test_broker broker{{.configuration_file = {{"group.initial.rebalance.delay.ms", "0"}}}};
};

TEST_F(group_limits, a_commit_that_makes_no_batch_is_refused_as_a_whole) {
  EXPECT_EQ(commit("g", 50'000), error_code::unknown_server_error);
  protocol::offset_fetch_request wanted;
  wanted.groups.push_back({"g", std::nullopt, -1, std::nullopt});
  const auto kept = broker.ask<protocol::offset_fetch_response>(wanted, 8);
  EXPECT_TRUE(kept.groups.at(0).topics.empty());
  EXPECT_EQ(commit("g", 1'000), error_code::none);
}

TEST_F(group_limits, metadata_of_a_commit_has_a_longest_size) {
  EXPECT_EQ(commit("g", 1, std::string(4'096, 'm')), error_code::none);
  EXPECT_EQ(commit("g", 1, std::string(4'097, 'm')), error_code::offset_metadata_too_large);
}

TEST_F(group_limits, a_group_that_makes_no_record_is_not_assigned_and_its_members_stay) {
  constexpr std::size_t too_large = 2'000'000;
  const auto joined = join("g", too_large);
  ASSERT_EQ(joined.error_code, error_code::none);
  EXPECT_EQ(sync("g", joined, 10), error_code::unknown_server_error);
  const auto small = join("h", 10);
  ASSERT_EQ(small.error_code, error_code::none);
  EXPECT_EQ(sync("h", small, too_large), error_code::unknown_server_error);
  // The leader may think again.
  EXPECT_EQ(sync("h", small, 10), error_code::none);
  protocol::heartbeat_request beat;
  beat.group_id = "h";
  beat.generation_id = small.generation_id;
  beat.member_id = small.member_id;
  EXPECT_EQ(broker.ask<protocol::heartbeat_response>(beat, 4).error_code, error_code::none);
}

}  // namespace
}  // namespace tidelog::test
