// Partitions that are offline: what is told of them, and how they come back. And the moving of partitions, which one broker
// has nowhere to do.

#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/alter_partition_reassignments.hpp"
#include "tidelog/protocol/create_topics.hpp"
#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_topic_partitions.hpp"
#include "tidelog/protocol/elect_leaders.hpp"
#include "tidelog/protocol/list_partition_reassignments.hpp"
#include "tidelog/protocol/metadata.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using protocol::election_type;
using protocol::error_code;

class elections : public testing::Test {
 protected:
  using asked_topics = std::vector<protocol::elect_leaders_topic>;

  protocol::elect_leaders_response elect(std::optional<asked_topics> which,
                                         election_type type = election_type::preferred,
                                         std::int16_t version = 2) {
    protocol::elect_leaders_request wanted;
    wanted.election_type = type;
    wanted.topic_partitions = std::move(which);
    return broker.ask<protocol::elect_leaders_response>(wanted, version);
  }
  protocol::elect_leaders_partition_result elect_one(const std::string& topic, std::int32_t partition = 0) {
    return elect(asked_topics{{topic, {partition}}}).replica_election_results.at(0).partition_result.at(0);
  }
  void fail_syncs_of(const std::string& partition) {
    broker.files().inject(
        {.what = operation::sync, .error_number = EIO, .path_contains = partition, .times = for_ever});
  }
  /// A sync of the partition fails.
  void take_offline(const std::string& topic, std::int32_t partition = 0) {
    const auto target = broker.partitions().find(topic)->find(model::partition_index(partition));
    fail_syncs_of(target->name().text());
    model::record_batch_builder builder;
    builder.add(model::timestamp(1), {}, base::as_bytes("lost"));
    auto batch = builder.build();
    ASSERT_TRUE(target->append(batch, storage::append_origin::client));
    std::promise<base::status> committed;
    target->when_committed(target->log_end_offset(),
                           [&](base::status outcome) { committed.set_value(std::move(outcome)); });
    ASSERT_FALSE(committed.get_future().get());
    broker.files().clear_faults();
  }
  protocol::metadata_response_partition metadata_of(const std::string& topic, std::size_t partition = 0) {
    protocol::metadata_request wanted;
    wanted.topics.emplace().push_back({{}, topic});
    return broker.ask<protocol::metadata_response>(wanted, 12).topics.at(0).partitions.at(partition);
  }
  protocol::describe_producers_partition_response producers_of(const std::string& topic) {
    protocol::describe_producers_request wanted;
    wanted.topics.push_back({topic, {0}});
    return broker.ask<protocol::describe_producers_response>(wanted).topics.at(0).partitions.at(0);
  }

  test_broker broker;
};

TEST_F(elections, are_not_needed_where_partitions_are_online) {
  broker.make_topic("t", 2);
  for (std::int16_t version = 0; version <= 2; ++version) {
    for (const auto type : {election_type::preferred, election_type::unclean}) {
      const auto answer = elect(asked_topics{{"t", {1, 0, 1}}}, type, version);
      EXPECT_EQ(answer.error_code, error_code::none);
      const auto& rows = answer.replica_election_results.at(0).partition_result;
      ASSERT_EQ(rows.size(), 3U);
      for (const auto& row : rows) EXPECT_EQ(row.error_code, error_code::election_not_needed);
      EXPECT_EQ(rows[1].partition_id, 0);
    }
  }
}

TEST_F(elections, of_what_does_not_exist_are_refused) {
  broker.make_topic("t");
  const auto answer = elect(asked_topics{{"t", {7, -1}}, {"nothing", {0}}, {"t", {}}});
  EXPECT_EQ(answer.error_code, error_code::none);
  ASSERT_EQ(answer.replica_election_results.size(), 3U);
  for (const auto& row : answer.replica_election_results[0].partition_result)
    EXPECT_EQ(row.error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(answer.replica_election_results[1].partition_result.at(0).error_code,
            error_code::unknown_topic_or_partition);
  EXPECT_TRUE(answer.replica_election_results[2].partition_result.empty());
}

TEST_F(elections, of_a_kind_that_is_not_known_are_refused) {
  broker.make_topic("t");
  const auto answer = elect(asked_topics{{"t", {0}}}, static_cast<election_type>(2));
  EXPECT_EQ(answer.error_code, error_code::invalid_request);
  EXPECT_EQ(answer.replica_election_results.at(0).partition_result.at(0).error_code,
            error_code::invalid_request);
}

TEST_F(elections, an_offline_partition_tells_its_reason_and_has_no_leader) {
  broker.make_topic("t", 2);
  take_offline("t");
  const auto told = metadata_of("t");
  EXPECT_EQ(told.error_code, error_code::leader_not_available);
  EXPECT_EQ(told.leader_id, -1);
  EXPECT_EQ(told.offline_replicas, std::vector<std::int32_t>{1});
  EXPECT_EQ(metadata_of("t", 1).error_code, error_code::none);
  const auto why = producers_of("t");
  EXPECT_EQ(why.error_code, error_code::kafka_storage_error);
  EXPECT_NE(why.error_message.value_or("").find("t-0"), std::string::npos) << *why.error_message;
  EXPECT_NE(why.error_message.value_or("").find("Input/output error"), std::string::npos);
  // A stop would not be a clean one.
  EXPECT_EQ(elect_one("t").error_code, error_code::none);
}

TEST_F(elections, bring_offline_partitions_back_in_a_new_epoch) {
  broker.make_topic("t");
  broker.append("t", 0, 3);
  const auto epoch = metadata_of("t").leader_epoch;
  take_offline("t");
  const auto back = elect_one("t");
  EXPECT_EQ(back.error_code, error_code::none) << back.error_message.value_or("");
  EXPECT_FALSE(back.error_message);
  const auto told = metadata_of("t");
  EXPECT_EQ(told.error_code, error_code::none);
  EXPECT_EQ(told.leader_id, 1);
  EXPECT_EQ(told.leader_epoch, epoch + 1);
  broker.append("t", 0, 1);
  EXPECT_EQ(producers_of("t").error_code, error_code::none);
  EXPECT_EQ(elect_one("t").error_code, error_code::election_not_needed);
}

TEST_F(elections, of_everything_tell_only_of_what_was_offline) {
  broker.make_topic("a", 2);
  broker.make_topic("b");
  take_offline("a", 1);
  const auto answer = elect(std::nullopt);
  ASSERT_EQ(answer.replica_election_results.size(), 2U);
  EXPECT_EQ(answer.replica_election_results[0].topic, "a");
  const auto& rows = answer.replica_election_results[0].partition_result;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].partition_id, 1);
  EXPECT_EQ(rows[0].error_code, error_code::none);
  EXPECT_TRUE(answer.replica_election_results[1].partition_result.empty());
}

TEST_F(elections, name_a_partition_twice_and_get_the_same_answer_twice) {
  broker.make_topic("t");
  take_offline("t");
  const auto answer = elect(asked_topics{{"t", {0, 0}}});
  for (const auto& row : answer.replica_election_results.at(0).partition_result)
    EXPECT_EQ(row.error_code, error_code::none);
}

TEST_F(elections, that_fail_say_why) {
  broker.make_topic("t");
  take_offline("t");
  broker.files().inject(
      {.what = operation::list, .error_number = EIO, .path_contains = "t-0", .times = for_ever});
  const auto failed = elect_one("t");
  EXPECT_EQ(failed.error_code, error_code::kafka_storage_error);
  EXPECT_NE(failed.error_message.value_or("").find("Input/output error"), std::string::npos);
  broker.files().clear_faults();
  EXPECT_EQ(elect_one("t").error_code, error_code::none);
}

TEST_F(elections, wait_no_longer_than_the_client_and_go_on_without_it) {
  broker.make_topic("t");
  take_offline("t");
  broker.files().hold_back("t-0");
  protocol::elect_leaders_request wanted;
  wanted.topic_partitions.emplace().push_back({"t", {0}});
  wanted.timeout_ms = 1;
  const auto late = broker.ask<protocol::elect_leaders_response>(wanted);
  EXPECT_EQ(late.replica_election_results.at(0).partition_result.at(0).error_code,
            error_code::request_timed_out);
  broker.files().await_held_back();
  // Its replica is not lost, only not there yet.
  EXPECT_EQ(metadata_of("t").error_code, error_code::leader_not_available);
  EXPECT_TRUE(metadata_of("t").offline_replicas.empty());
  EXPECT_EQ(elect_one("t").error_code, error_code::preferred_leader_not_available);
  EXPECT_EQ(producers_of("t").error_code, error_code::not_leader_or_follower);
  broker.files().let_through();
  while (metadata_of("t").error_code != error_code::none) std::this_thread::yield();
  broker.append("t", 0, 1);
}

TEST_F(elections, bring_back_what_could_not_be_made_when_its_topic_was) {
  broker.files().inject(
      {.what = operation::make_directory, .error_number = EIO, .path_contains = "t-1", .times = for_ever});
  broker.make_topic("t", 2);
  broker.files().clear_faults();
  EXPECT_EQ(metadata_of("t", 0).error_code, error_code::none);
  EXPECT_EQ(metadata_of("t", 1).error_code, error_code::leader_not_available);
  EXPECT_EQ(elect_one("t", 1).error_code, error_code::none);
  broker.append("t", 1, 1);
}

TEST(reassignments, there_are_none) {
  test_broker broker;
  broker.make_topic("t");
  protocol::list_partition_reassignments_request wanted;
  EXPECT_TRUE(broker.ask<protocol::list_partition_reassignments_response>(wanted).topics.empty());
  wanted.topics.emplace().push_back({"nothing", {0}});
  const auto answer = broker.ask<protocol::list_partition_reassignments_response>(wanted);
  EXPECT_EQ(answer.error_code, error_code::none);
  EXPECT_TRUE(answer.topics.empty());
}

TEST(reassignments, to_where_partitions_are_change_nothing_and_others_are_refused) {
  test_broker broker;
  broker.make_topic("t", 6);
  protocol::alter_partition_reassignments_request wanted;
  using replicas = std::vector<std::int32_t>;
  wanted.topics.push_back({"t",
                           {{0, replicas{1}},
                            {1, replicas{2}},
                            {2, replicas{1, 2}},
                            {3, replicas{1, 1}},
                            {4, replicas{}},
                            {5, std::nullopt},
                            {6, replicas{1}}}});
  wanted.topics.push_back({"nothing", {{0, replicas{1}}}});
  const auto answer = broker.ask<protocol::alter_partition_reassignments_response>(wanted);
  EXPECT_EQ(answer.error_code, error_code::none);
  std::vector<error_code> codes;
  for (const auto& row : answer.responses.at(0).partitions) codes.push_back(row.error_code);
  const auto invalid = error_code::invalid_replica_assignment;
  EXPECT_EQ(codes,
            (std::vector{error_code::none, invalid, invalid, invalid, invalid,
                         error_code::no_reassignment_in_progress, error_code::unknown_topic_or_partition}));
  EXPECT_EQ(answer.responses.at(1).partitions.at(0).error_code, error_code::unknown_topic_or_partition);
}

}  // namespace
}  // namespace tidelog::test
