// Deleting records, and what is told of partitions, producers, the disk and the cluster.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/delete_records.hpp"
#include "tidelog/protocol/describe_cluster.hpp"
#include "tidelog/protocol/describe_log_dirs.hpp"
#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_quorum.hpp"
#include "tidelog/protocol/describe_topic_partitions.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/offset_for_leader_epoch.hpp"

#include <set>

namespace tidelog::test {
namespace {

using protocol::error_code;

protocol::delete_records_partition_result delete_records(test_broker& broker, const std::string& topic,
                                                         std::int32_t partition, std::int64_t offset) {
  protocol::delete_records_request wanted;
  wanted.topics.push_back({topic, {{partition, offset}}});
  const auto answer = broker.ask<protocol::delete_records_response>(wanted);
  return answer.topics.at(0).partitions.at(0);
}

TEST(delete_records, moves_the_log_start_and_answers_it) {
  test_broker broker;
  broker.make_topic("t");
  broker.append("t", 0, 10);
  const auto some = delete_records(broker, "t", 0, 4);
  EXPECT_EQ(some.error_code, error_code::none);
  EXPECT_EQ(some.low_watermark, 4);
  EXPECT_EQ(delete_records(broker, "t", 0, 2).low_watermark, 4);
  const auto all = delete_records(broker, "t", 0, -1);
  EXPECT_EQ(all.low_watermark, 10);
  EXPECT_EQ(broker.partitions().find("t")->partitions.front()->log_start_offset(), model::offset(10));
}

TEST(delete_records, refuses_what_cannot_be) {
  test_broker broker;
  broker.make_topic("t");
  broker.make_topic("compacted", 1, {{"cleanup.policy", "compact"}});
  broker.make_topic("both", 1, {{"cleanup.policy", "compact,delete"}});
  broker.append("t", 0, 3);
  EXPECT_EQ(delete_records(broker, "t", 0, 4).error_code, error_code::offset_out_of_range);
  EXPECT_EQ(delete_records(broker, "t", 0, -2).error_code, error_code::offset_out_of_range);
  EXPECT_EQ(delete_records(broker, "t", 9, 0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(delete_records(broker, "t", -1, 0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(delete_records(broker, "unknown", 0, 0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(delete_records(broker, "compacted", 0, 0).error_code, error_code::policy_violation);
  EXPECT_EQ(delete_records(broker, "compacted", 0, 0).low_watermark, -1);
  EXPECT_EQ(delete_records(broker, "both", 0, 0).error_code, error_code::none);
}

TEST(offset_for_leader_epoch, answers_ends_fences_and_what_is_not_known) {
  test_broker broker;
  broker.make_topic("t", 2);
  broker.append("t", 0, 7);
  protocol::offset_for_leader_epoch_request wanted;
  wanted.replica_id = -1;
  wanted.topics = {{"t", {{0, -1, 0}, {1, 5, 0}, {9, -1, 0}, {0, -1, 7}, {0, -1, -1}}},
                   {"unknown", {{0, -1, 0}}}};
  const auto answer = broker.ask<protocol::offset_for_leader_epoch_response>(wanted);
  const auto& rows = answer.topics.at(0).partitions;
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].end_offset, 7);
  EXPECT_EQ(rows[0].leader_epoch, 0);
  EXPECT_EQ(rows[1].error_code, error_code::unknown_leader_epoch);
  EXPECT_EQ(rows[2].error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(rows[3].error_code, error_code::none);
  EXPECT_EQ(rows[3].end_offset, -1);
  EXPECT_EQ(rows[3].leader_epoch, -1);
  EXPECT_EQ(rows[4].end_offset, -1);
  EXPECT_EQ(answer.topics.at(1).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
}

TEST(offset_for_leader_epoch, tells_where_an_earlier_epoch_ended_after_a_restart) {
  fault_file_system files;
  {
    test_broker broker(test_broker_options{.files = &files});
    broker.make_topic("t");
    broker.append("t", 0, 3);
  }
  test_broker broker(test_broker_options{.files = &files});
  broker.append("t", 0, 2);
  protocol::offset_for_leader_epoch_request wanted;
  wanted.topics = {{"t", {{0, -1, 0}, {0, 0, 0}, {0, 1, 1}}}};
  const auto rows = broker.ask<protocol::offset_for_leader_epoch_response>(wanted).topics.at(0).partitions;
  EXPECT_EQ(rows.at(0).leader_epoch, 0);
  EXPECT_EQ(rows.at(0).end_offset, 3);
  EXPECT_EQ(rows.at(1).error_code, error_code::fenced_leader_epoch);
  EXPECT_EQ(rows.at(2).leader_epoch, 1);
  EXPECT_EQ(rows.at(2).end_offset, 5);
}

TEST(fetch, who_is_behind_by_an_epoch_is_told_the_leader_and_its_address) {
  fault_file_system files;
  { test_broker(test_broker_options{.files = &files}).make_topic("t"); }
  test_broker broker(test_broker_options{.configuration_file = {{"broker.rack", "r"}}, .files = &files});
  protocol::fetch_request wanted;
  wanted.session_epoch = -1;
  auto& topic = wanted.topics.emplace_back();
  topic.topic = "t";
  topic.topic_id = broker.partitions().find("t")->state->id;
  auto& partition = topic.partitions.emplace_back();
  partition.current_leader_epoch = 0;
  for (std::int16_t version = 9; version <= protocol::fetch_request::versions.max; ++version) {
    const auto answer = broker.ask<protocol::fetch_response>(wanted, version);
    const auto& told = answer.responses.at(0).partitions.at(0);
    EXPECT_EQ(told.error_code, error_code::fenced_leader_epoch) << version;
    const bool names_leader = version >= 16;
    EXPECT_EQ(told.current_leader.leader_epoch, names_leader ? 1 : -1) << version;
    ASSERT_EQ(answer.node_endpoints.size(), names_leader ? 1U : 0U) << version;
    if (names_leader) {
      EXPECT_EQ(answer.node_endpoints[0],
                (protocol::fetch_node_endpoint{test_broker::node_id, std::string(test_broker::host),
                                               test_broker::port, "r"}));
    }
  }
}

TEST(init_producer_id, gives_every_producer_an_id_of_its_own_in_every_version) {
  test_broker broker;
  std::set<std::int64_t> ids;
  for (std::int16_t version = 0; version <= protocol::init_producer_id_request::versions.max; ++version) {
    const auto answer =
        broker.ask<protocol::init_producer_id_response>(protocol::init_producer_id_request{}, version);
    EXPECT_EQ(answer.error_code, error_code::none);
    EXPECT_EQ(answer.producer_epoch, 0);
    EXPECT_TRUE(ids.insert(answer.producer_id).second);
  }
  protocol::init_producer_id_request again;
  again.producer_id = *ids.begin();
  again.producer_epoch = 3;
  const auto answer = broker.ask<protocol::init_producer_id_response>(again);
  EXPECT_EQ(answer.error_code, error_code::none);
  EXPECT_TRUE(ids.insert(answer.producer_id).second);
}

TEST(init_producer_id, never_gives_an_id_twice_over_a_crash) {
  fault_file_system files;
  std::int64_t before = 0;
  {
    test_broker broker(test_broker_options{.files = &files});
    before =
        broker.ask<protocol::init_producer_id_response>(protocol::init_producer_id_request{}).producer_id;
    files.cut_power();
  }
  files.restart(unsynced::lost);
  test_broker broker(test_broker_options{.files = &files});
  EXPECT_GT(broker.ask<protocol::init_producer_id_response>(protocol::init_producer_id_request{}).producer_id,
            before);
}

TEST(init_producer_id, refuses_halves_of_an_identity_and_transactions_before_their_topic_is_there) {
  test_broker broker;
  const auto code_of = [&](const protocol::init_producer_id_request& wanted) {
    return broker.ask<protocol::init_producer_id_response>(wanted).error_code;
  };
  protocol::init_producer_id_request wanted;
  wanted.transactional_id = "tx";
  EXPECT_EQ(code_of(wanted), error_code::coordinator_not_available);
  wanted.transactional_id.reset();
  wanted.producer_id = 5;
  EXPECT_EQ(code_of(wanted), error_code::invalid_request);
  wanted.producer_id = -1;
  wanted.producer_epoch = 5;
  EXPECT_EQ(code_of(wanted), error_code::invalid_request);
}

TEST(describe_log_dirs, tells_sizes_of_all_or_of_those_asked_for) {
  test_broker broker;
  broker.make_topic("b", 2);
  broker.make_topic("a");
  broker.append("b", 1, 5);
  const auto all = broker.ask<protocol::describe_log_dirs_response>(protocol::describe_log_dirs_request{});
  ASSERT_EQ(all.results.size(), 1U);
  const auto& directory = all.results.front();
  EXPECT_EQ(directory.log_dir, "/data");
  EXPECT_GT(directory.total_bytes, 0);
  EXPECT_GT(directory.usable_bytes, 0);
  ASSERT_EQ(directory.topics.size(), 2U);
  EXPECT_EQ(directory.topics[0].name, "a");
  ASSERT_EQ(directory.topics[1].partitions.size(), 2U);
  EXPECT_EQ(directory.topics[1].partitions[0].partition_size, 0);
  EXPECT_GT(directory.topics[1].partitions[1].partition_size, 61);

  protocol::describe_log_dirs_request some;
  some.topics.emplace();
  EXPECT_TRUE(broker.ask<protocol::describe_log_dirs_response>(some).results.front().topics.empty());
  some.topics->push_back({"b", {1, 9, 1}});
  some.topics->push_back({"unknown", {0}});
  const auto told = broker.ask<protocol::describe_log_dirs_response>(some).results.front().topics;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().partitions.size(), 1U);
}

TEST(describe_producers, tells_of_partitions_and_of_those_that_are_not_there) {
  test_broker broker;
  broker.make_topic("t");
  protocol::describe_producers_request wanted;
  wanted.topics = {{"t", {0, 9}}, {"unknown", {0}}, {"a b", {0}}};
  const auto answer = broker.ask<protocol::describe_producers_response>(wanted);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, error_code::none);
  EXPECT_TRUE(answer.topics.at(0).partitions.at(0).active_producers.empty());
  EXPECT_EQ(answer.topics.at(0).partitions.at(1).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(answer.topics.at(1).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(answer.topics.at(2).partitions.at(0).error_code, error_code::invalid_topic_exception);
}

TEST(describe_cluster, is_a_brokers_face_only) {
  test_broker broker;
  protocol::describe_cluster_request wanted;
  wanted.include_cluster_authorized_operations = true;
  const auto answer = broker.ask<protocol::describe_cluster_response>(wanted);
  EXPECT_EQ(answer.error_code, error_code::none);
  EXPECT_EQ(answer.controller_id, test_broker::node_id);
  EXPECT_EQ(answer.cluster_authorized_operations, 8096);
  ASSERT_EQ(answer.brokers.size(), 1U);
  EXPECT_EQ(answer.brokers.front().host, test_broker::host);
  EXPECT_EQ(answer.brokers.front().port, test_broker::port);
  EXPECT_FALSE(answer.brokers.front().is_fenced);
  wanted.endpoint_type = protocol::endpoint_type::controllers;
  EXPECT_EQ(broker.ask<protocol::describe_cluster_response>(wanted).error_code,
            error_code::mismatched_endpoint_type);
  wanted.endpoint_type = static_cast<protocol::endpoint_type>(7);
  EXPECT_EQ(broker.ask<protocol::describe_cluster_response>(wanted).error_code,
            error_code::unsupported_endpoint_type);
}

TEST(describe_quorum, is_told_for_the_metadata_alone) {
  test_broker broker;
  protocol::describe_quorum_request wanted;
  wanted.topics = {{"__cluster_metadata", {{0}}}};
  const auto answer = broker.ask<protocol::describe_quorum_response>(wanted);
  const auto& quorum = answer.topics.at(0).partitions.at(0);
  EXPECT_EQ(quorum.error_code, error_code::none);
  EXPECT_EQ(quorum.leader_id, test_broker::node_id);
  EXPECT_GT(quorum.leader_epoch, 0);
  EXPECT_GT(quorum.high_watermark, 0);
  ASSERT_EQ(quorum.current_voters.size(), 1U);
  EXPECT_TRUE(quorum.observers.empty());
  ASSERT_EQ(answer.nodes.size(), 1U);
  ASSERT_EQ(answer.nodes.front().listeners.size(), 1U);
  EXPECT_EQ(answer.nodes.front().listeners.front().host, test_broker::host);
  wanted.topics.push_back({"other", {{0}}});
  const auto refused = broker.ask<protocol::describe_quorum_response>(wanted);
  ASSERT_EQ(refused.topics.size(), 2U);
  EXPECT_EQ(refused.error_code, error_code::none);
  EXPECT_EQ(refused.topics.at(0).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
}

class topic_pages : public testing::Test {
 protected:
  topic_pages() {
    broker.make_topic("b", 3);
    broker.make_topic("a", 2);
  }
  using cursor = protocol::describe_topic_partitions_cursor;
  protocol::describe_topic_partitions_response page(std::vector<std::string> names, std::int32_t limit,
                                                    std::optional<cursor> from = {}) {
    protocol::describe_topic_partitions_request wanted;
    for (auto& name : names) wanted.topics.push_back({std::move(name)});
    wanted.response_partition_limit = limit;
    wanted.cursor = std::move(from);
    return broker.ask<protocol::describe_topic_partitions_response>(wanted);
  }
  test_broker broker;
};

TEST_F(topic_pages, follow_each_other_through_all_partitions_whatever_the_limit) {
  for (const std::int32_t limit : {-1, 0, 1, 2, 3, 5, 100}) {
    std::vector<std::string> seen;
    std::optional<cursor> at;
    do {
      const auto told = page({}, limit, at);
      for (const auto& topic : told.topics) {
        for (const auto& each : topic.partitions)
          seen.push_back(*topic.name + std::to_string(each.partition_index));
      }
      at = told.next_cursor;
    } while (at);
    EXPECT_EQ(seen, (std::vector<std::string>{"a0", "a1", "b0", "b1", "b2"})) << limit;
  }
}

TEST_F(topic_pages, are_in_the_order_of_names_and_name_what_is_unknown) {
  const auto told = page({"unknown", "b", "a", "a", "a b"}, 100);
  ASSERT_EQ(told.topics.size(), 4U);
  EXPECT_EQ(told.topics[0].name, "a");
  EXPECT_EQ(told.topics[0].topic_authorized_operations, 3576);
  EXPECT_EQ(told.topics[1].error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(told.topics[2].partitions.size(), 3U);
  EXPECT_EQ(told.topics[3].error_code, error_code::unknown_topic_or_partition);
  EXPECT_FALSE(told.next_cursor);
}

TEST_F(topic_pages, that_end_with_a_topic_go_on_with_the_next) {
  const auto told = page({"a", "b"}, 2);
  ASSERT_EQ(told.topics.size(), 1U);
  EXPECT_EQ(told.next_cursor, (cursor{"b", 0}));
}

TEST_F(topic_pages, refuse_cursors_that_point_nowhere) {
  EXPECT_EQ(page({"a", "b"}, 3, cursor{"a", -1}).topics.at(1).error_code, error_code::invalid_request);
  EXPECT_EQ(page({"a", "b"}, 3, cursor{"c", 0}).topics.at(0).error_code, error_code::invalid_request);
  const auto beyond = page({"a", "b"}, 3, cursor{"b", 7});
  ASSERT_EQ(beyond.topics.size(), 1U);
  EXPECT_TRUE(beyond.topics.front().partitions.empty());
  EXPECT_EQ(page({}, 3, cursor{"aa", 5}).topics.at(0).partitions.size(), 3U);
}

}  // namespace
}  // namespace tidelog::test
