// Groups as clients see them: from the request's bytes to __consumer_offsets. What groups do in every state is told in
// tests/coordinator; here it is the protocol's versions, words and codes.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/consumer_group_describe.hpp"
#include "tidelog/protocol/consumer_group_heartbeat.hpp"
#include "tidelog/protocol/delete_groups.hpp"
#include "tidelog/protocol/describe_groups.hpp"
#include "tidelog/protocol/find_coordinator.hpp"
#include "tidelog/protocol/heartbeat.hpp"
#include "tidelog/protocol/join_group.hpp"
#include "tidelog/protocol/leave_group.hpp"
#include "tidelog/protocol/list_groups.hpp"
#include "tidelog/protocol/offset_commit.hpp"
#include "tidelog/protocol/offset_delete.hpp"
#include "tidelog/protocol/offset_fetch.hpp"
#include "tidelog/protocol/sync_group.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using protocol::coordinator_type;
using protocol::error_code;

class groups : public testing::Test {
 protected:
  groups() {
    broker.make_topic("t", 3);
    find("g");
    // The partitions of the topic that has just been made are read on workers.
    while (fetch_all("g", 8).error_code == error_code::coordinator_load_in_progress)
      std::this_thread::yield();
  }

  protocol::find_coordinator_response find(const std::string& key,
                                           coordinator_type type = coordinator_type::group,
                                           std::int16_t version = 6) {
    protocol::find_coordinator_request wanted;
    wanted.coordinator_key = key;
    wanted.coordinator_keys = {key};
    wanted.key_type = type;
    return broker.ask<protocol::find_coordinator_response>(wanted, version);
  }

  protocol::join_group_response join(const std::string& group, const std::string& member,
                                     std::int16_t version) {
    protocol::join_group_request wanted;
    wanted.group_id = group;
    wanted.member_id = member;
    wanted.session_timeout_ms = 10'000;
    wanted.rebalance_timeout_ms = 10'000;
    wanted.protocol_type = "consumer";
    wanted.protocols = {{"range", {std::byte{7}}}};
    return broker.ask<protocol::join_group_response>(wanted, version);
  }

  protocol::sync_group_response sync(const std::string& group, const protocol::join_group_response& joined,
                                     std::int16_t version) {
    protocol::sync_group_request wanted;
    wanted.group_id = group;
    wanted.generation_id = joined.generation_id;
    wanted.member_id = joined.member_id;
    wanted.protocol_type = "consumer";
    wanted.protocol_name = "range";
    wanted.assignments = {{joined.member_id, {std::byte{1}, std::byte{2}}}};
    return broker.ask<protocol::sync_group_response>(wanted, version);
  }

  error_code commit(const std::string& group, std::int32_t partition, std::int64_t offset,
                    std::int16_t version, std::int32_t generation = -1, const std::string& member = "") {
    protocol::offset_commit_request wanted;
    wanted.group_id = group;
    wanted.generation_id_or_member_epoch = generation;
    wanted.member_id = member;
    wanted.topics.push_back({"t", topic_id(), {{partition, offset, 5, "note"}}});
    const auto answer = broker.ask<protocol::offset_commit_response>(wanted, version);
    return answer.topics.at(0).partitions.at(0).error_code;
  }

  /// As one group of version 8 and later has it.
  protocol::offset_fetch_response_group fetch_all(const std::string& group, std::int16_t version) {
    protocol::offset_fetch_request wanted;
    wanted.group_id = group;
    wanted.groups.push_back({group, std::nullopt, -1, std::nullopt});
    auto answer = broker.ask<protocol::offset_fetch_response>(wanted, version);
    if (version >= 8) return std::move(answer.groups.at(0));
    return {group, std::move(answer.topics), answer.error_code};
  }

  base::uuid topic_id() { return broker.cluster().current()->topic("t")->id; }

  test_broker broker{{.configuration_file = {{"group.initial.rebalance.delay.ms", "0"}}}};
};

TEST_F(groups, their_coordinator_is_this_broker_and_the_topic_they_are_kept_in_is_made_once) {
  for (std::int16_t version = 0; version <= 6; ++version) {
    const auto found = find("any", coordinator_type::group, version);
    if (version < 4) {
      EXPECT_EQ(found.error_code, error_code::none);
      EXPECT_EQ(found.node_id, test_broker::node_id);
      EXPECT_EQ(found.host, test_broker::host);
      EXPECT_EQ(found.port, test_broker::port);
    } else {
      ASSERT_EQ(found.coordinators.size(), 1U);
      EXPECT_EQ(found.coordinators[0].key, "any");
      EXPECT_EQ(found.coordinators[0].error_code, error_code::none);
      EXPECT_EQ(found.coordinators[0].host, test_broker::host);
    }
  }
  const auto topic = broker.partitions().find("__consumer_offsets");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->partitions.size(), 50U);
  EXPECT_TRUE(topic->partitions[0]->config()->cleanup_compact);
}

TEST_F(groups, coordinators_of_other_kinds_are_refused_for_good) {
  EXPECT_EQ(find("x", coordinator_type::share, 1).error_code, error_code::unsupported_version);
  EXPECT_EQ(find("x", coordinator_type::share).coordinators.at(0).error_code,
            error_code::unsupported_version);
  EXPECT_EQ(find("x", static_cast<coordinator_type>(9)).coordinators.at(0).error_code,
            error_code::invalid_request);
}

TEST_F(groups, a_classic_member_joins_syncs_beats_and_leaves_in_every_version) {
  for (std::int16_t version = 0; version <= 9; ++version) {
    SCOPED_TRACE(version);
    const auto group = "joined-" + std::to_string(version);
    auto joined = join(group, "", version);
    if (version >= 4) {
      EXPECT_EQ(joined.error_code, error_code::member_id_required);
      ASSERT_FALSE(joined.member_id.empty());
      joined = join(group, joined.member_id, version);
    }
    ASSERT_EQ(joined.error_code, error_code::none);
    EXPECT_EQ(joined.generation_id, 1);
    EXPECT_EQ(joined.leader, joined.member_id);
    EXPECT_EQ(joined.protocol_name, "range");
    EXPECT_EQ(joined.members.size(), 1U);
    const auto other_versions = static_cast<std::int16_t>(version * 5 / 9);
    const auto synced = sync(group, joined, other_versions);
    ASSERT_EQ(synced.error_code, error_code::none);
    EXPECT_EQ(synced.assignment.size(), 2U);
    protocol::heartbeat_request beat{group, 1, joined.member_id, std::nullopt};
    const auto beat_version = static_cast<std::int16_t>(version * 4 / 9);
    EXPECT_EQ(broker.ask<protocol::heartbeat_response>(beat, beat_version).error_code, error_code::none);
    beat.generation_id = 2;
    EXPECT_EQ(broker.ask<protocol::heartbeat_response>(beat).error_code, error_code::illegal_generation);
    protocol::leave_group_request leave;
    leave.group_id = group;
    leave.member_id = joined.member_id;
    leave.members.push_back({joined.member_id, std::nullopt, std::nullopt});
    EXPECT_EQ(broker.ask<protocol::leave_group_response>(leave, other_versions).error_code, error_code::none);
    const auto again = broker.ask<protocol::leave_group_response>(leave, other_versions);
    const auto its_error = other_versions < 3 ? again.error_code : again.members.at(0).error_code;
    EXPECT_EQ(its_error, error_code::unknown_member_id);
  }
}

TEST_F(groups, a_sync_that_does_not_name_the_protocol_is_refused) {
  protocol::sync_group_request wanted;
  wanted.group_id = "g";
  EXPECT_EQ(broker.ask<protocol::sync_group_response>(wanted, 5).error_code,
            error_code::inconsistent_group_protocol);
}

TEST_F(groups, committed_offsets_come_back_in_every_version) {
  for (std::int16_t version = 2; version <= 10; ++version) {
    EXPECT_EQ(commit("simple", 1, 100 + version, version), error_code::none) << version;
  }
  for (std::int16_t version = 2; version <= 10; ++version) {
    SCOPED_TRACE(version);
    const auto all = fetch_all("simple", version);
    ASSERT_EQ(all.topics.size(), 1U);
    EXPECT_TRUE(version < 10 ? all.topics[0].name == "t" : all.topics[0].topic_id == topic_id());
    ASSERT_EQ(all.topics[0].partitions.size(), 1U);
    const auto& row = all.topics[0].partitions[0];
    EXPECT_EQ(row.partition_index, 1);
    EXPECT_EQ(row.committed_offset, 110);
    EXPECT_EQ(row.metadata, "note");
    EXPECT_EQ(row.committed_leader_epoch, version >= 5 ? 5 : -1);
  }
}

TEST_F(groups, offsets_of_what_does_not_exist_are_refused_row_by_row) {
  EXPECT_EQ(commit("g", 9, 1, 9), error_code::unknown_topic_or_partition);
  EXPECT_EQ(commit("g", -1, 1, 10), error_code::unknown_topic_or_partition);
  protocol::offset_commit_request wanted;
  wanted.group_id = "g";
  wanted.topics.push_back({"unknown", base::random_uuid(), {{0, 1, -1, ""}, {1, 1, -1, ""}}});
  wanted.topics.push_back({"t", topic_id(), {{7, 1, -1, ""}, {2, 33, -1, ""}}});
  auto answer = broker.ask<protocol::offset_commit_response>(wanted, 10);
  EXPECT_EQ(answer.topics.at(0).partitions.at(1).error_code, error_code::unknown_topic_id);
  EXPECT_EQ(answer.topics.at(1).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(answer.topics.at(1).partitions.at(1).error_code, error_code::none);
  answer = broker.ask<protocol::offset_commit_response>(wanted, 9);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(fetch_all("g", 9).topics.at(0).partitions.at(0).committed_offset, 33);

  protocol::offset_fetch_request asked;
  asked.groups.push_back({"g", std::nullopt, -1, std::vector<protocol::offset_fetch_request_topic>{}});
  asked.groups[0].topics->push_back({"", base::random_uuid(), {0}});
  asked.groups[0].topics->push_back({"", topic_id(), {0, 2}});
  const auto found = broker.ask<protocol::offset_fetch_response>(asked, 10);
  ASSERT_EQ(found.groups.at(0).topics.size(), 2U);
  for (const auto& topic : found.groups[0].topics) {
    if (topic.topic_id == topic_id()) {
      EXPECT_EQ(topic.partitions.at(0).committed_offset, -1);
      EXPECT_EQ(topic.partitions.at(1).committed_offset, 33);
    } else {
      EXPECT_EQ(topic.partitions.at(0).error_code, error_code::unknown_topic_id);
    }
  }
}

TEST_F(groups, a_member_of_no_group_is_told_so_in_the_words_of_its_version) {
  EXPECT_EQ(commit("none", 0, 1, 8, 3, "m"), error_code::illegal_generation);
  EXPECT_EQ(commit("none", 0, 1, 9, 3, "m"), error_code::group_id_not_found);
}

TEST_F(groups, are_described_listed_and_deleted) {
  auto joined = join("live", "", 0);
  ASSERT_EQ(sync("live", joined, 0).error_code, error_code::none);
  ASSERT_EQ(commit("simple", 0, 1, 9), error_code::none);
  protocol::describe_groups_request wanted{{"live", "simple", "none"}, true};
  for (std::int16_t version = 3; version <= 6; ++version) {
    const auto told = broker.ask<protocol::describe_groups_response>(wanted, version).groups;
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told[0].group_state, "Stable");
    EXPECT_EQ(told[0].protocol_type, "consumer");
    EXPECT_EQ(told[0].protocol_data, "range");
    ASSERT_EQ(told[0].members.size(), 1U);
    EXPECT_EQ(told[0].members[0].client_id, "test");
    EXPECT_EQ(told[0].members[0].client_host.front(), '/');
    EXPECT_NE(told[0].authorized_operations, protocol::operations_not_asked_for);
    EXPECT_EQ(told[1].group_state, "Empty");
    EXPECT_EQ(told[2].group_state, "Dead");
    EXPECT_EQ(told[2].error_code, version < 6 ? error_code::none : error_code::group_id_not_found);
  }
  const auto listed = [&](std::vector<std::string> states, std::vector<std::string> types) {
    const protocol::list_groups_request filter{std::move(states), std::move(types)};
    return broker.ask<protocol::list_groups_response>(filter).groups.size();
  };
  EXPECT_EQ(listed({}, {}), 2U);
  EXPECT_EQ(listed({"stable"}, {}), 1U);
  EXPECT_EQ(listed({"Empty", "Stable"}, {"Classic"}), 2U);
  EXPECT_EQ(listed({}, {"consumer"}), 0U);
  EXPECT_EQ(listed({"Nonsense"}, {}), 0U);

  const protocol::delete_groups_request all{{"simple", "live", "none"}};
  const auto deleted = broker.ask<protocol::delete_groups_response>(all).results;
  EXPECT_EQ(deleted.at(0).error_code, error_code::none);
  EXPECT_EQ(deleted.at(1).error_code, error_code::non_empty_group);
  EXPECT_EQ(deleted.at(2).error_code, error_code::group_id_not_found);
  EXPECT_EQ(listed({}, {}), 1U);
}

TEST_F(groups, offsets_are_deleted_row_by_row) {
  ASSERT_EQ(commit("simple", 0, 1, 9), error_code::none);
  protocol::offset_delete_request wanted{"simple", {{"t", {{3}, {0}, {1}, {-1}}}, {"unknown", {{0}}}}};
  const auto told = broker.ask<protocol::offset_delete_response>(wanted);
  EXPECT_EQ(told.error_code, error_code::none);
  const auto& rows = told.topics.at(0).partitions;
  EXPECT_EQ(rows.at(0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(rows.at(1).error_code, error_code::none);
  EXPECT_EQ(rows.at(2).error_code, error_code::none);
  EXPECT_EQ(rows.at(3).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(told.topics.at(1).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_TRUE(fetch_all("simple", 8).topics.empty());
  wanted.group_id = "none";
  EXPECT_EQ(broker.ask<protocol::offset_delete_response>(wanted).error_code, error_code::group_id_not_found);
  // Offsets may be committed for the group without a name, and only go as they came: in time.
  ASSERT_EQ(commit("", 0, 1, 9), error_code::none);
  wanted.group_id = "";
  EXPECT_EQ(broker.ask<protocol::offset_delete_response>(wanted).error_code, error_code::invalid_group_id);
}

TEST_F(groups, of_the_new_protocol_are_assigned_described_and_refused) {
  protocol::consumer_group_heartbeat_request beat;
  beat.group_id = "new";
  beat.member_id = "me";
  beat.rack_id = "a rack";
  beat.rebalance_timeout_ms = 10'000;
  beat.subscribed_topic_names = std::vector<std::string>{"t"};
  beat.topic_partitions.emplace();
  const auto joined = broker.ask<protocol::consumer_group_heartbeat_response>(beat, 1);
  ASSERT_EQ(joined.error_code, error_code::none) << joined.error_message.value_or("");
  EXPECT_EQ(joined.member_id, "me");
  ASSERT_TRUE(joined.assignment);
  ASSERT_EQ(joined.assignment->topic_partitions.size(), 1U);
  EXPECT_EQ(joined.assignment->topic_partitions[0].partitions.size(), 3U);
  EXPECT_EQ(joined.heartbeat_interval_ms, 5000);

  const protocol::consumer_group_describe_request wanted{{"new", "none", ""}, false};
  for (std::int16_t version = 0; version <= 1; ++version) {
    const auto told = broker.ask<protocol::consumer_group_describe_response>(wanted, version).groups;
    EXPECT_EQ(told.at(0).group_state, "Stable");
    EXPECT_EQ(told.at(0).assignor_name, "uniform");
    EXPECT_EQ(told.at(0).members.at(0).rack_id, "a rack");
    EXPECT_EQ(told.at(0).members.at(0).assignment.topic_partitions.at(0).topic_name, "t");
    EXPECT_EQ(told.at(1).error_code, error_code::group_id_not_found);
    EXPECT_EQ(told.at(2).error_code, error_code::invalid_group_id);
  }
  beat.member_epoch = joined.member_epoch + 7;
  EXPECT_EQ(broker.ask<protocol::consumer_group_heartbeat_response>(beat, 1).error_code,
            error_code::fenced_member_epoch);
  EXPECT_EQ(commit("new", 0, 1, 9, joined.member_epoch + 7, "me"), error_code::stale_member_epoch);
  EXPECT_EQ(commit("new", 0, 1, 8, joined.member_epoch + 7, "me"), error_code::unsupported_version);
  EXPECT_EQ(commit("new", 0, 1, 9, joined.member_epoch, "me"), error_code::none);
  protocol::consumer_group_heartbeat_request pattern;
  pattern.group_id = "pattern";
  pattern.member_id = "me";
  pattern.rebalance_timeout_ms = 10'000;
  pattern.subscribed_topic_regex = "a(";
  pattern.topic_partitions.emplace();
  EXPECT_EQ(broker.ask<protocol::consumer_group_heartbeat_response>(pattern, 1).error_code,
            error_code::invalid_regular_expression);
}

}  // namespace
}  // namespace tidelog::test
