// Making, growing and deleting topics.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/create_partitions.hpp"
#include "tidelog/protocol/create_topics.hpp"
#include "tidelog/protocol/delete_topics.hpp"

#include <algorithm>

namespace tidelog::test {
namespace {

using protocol::error_code;

class topics : public testing::Test {
 protected:
  protocol::creatable_topic_result create(const protocol::creatable_topic& topic, std::int16_t version = 7) {
    protocol::create_topics_request wanted;
    wanted.topics.push_back(topic);
    auto answer = broker.ask<protocol::create_topics_response>(wanted, version);
    EXPECT_EQ(answer.topics.size(), 1U);
    return answer.topics.empty() ? protocol::creatable_topic_result{} : answer.topics.front();
  }
  static protocol::creatable_topic topic_of(std::string name, std::int32_t partitions = 1,
                                            std::int16_t factor = 1) {
    protocol::creatable_topic topic;
    topic.name = std::move(name);
    topic.num_partitions = partitions;
    topic.replication_factor = factor;
    return topic;
  }
  static protocol::creatable_topic assigned(std::vector<protocol::creatable_replica_assignment> assignments) {
    auto topic = topic_of("assigned", -1, -1);
    topic.assignments = std::move(assignments);
    return topic;
  }
  error_code add_partitions(
      const std::string& name, std::int32_t count,
      std::optional<std::vector<protocol::create_partitions_assignment>> assignments = {}) {
    protocol::create_partitions_request wanted;
    wanted.topics.push_back({name, count, std::move(assignments)});
    const auto answer = broker.ask<protocol::create_partitions_response>(wanted);
    EXPECT_EQ(answer.results.size(), 1U);
    return answer.results.front().error_code;
  }
  std::vector<protocol::deletable_topic_result> remove(std::vector<protocol::delete_topic_state> which) {
    protocol::delete_topics_request wanted;
    wanted.topics = std::move(which);
    return broker.ask<protocol::delete_topics_response>(wanted).responses;
  }
  bool exists(const std::string& name) { return broker.partitions().find(name) != nullptr; }

  test_broker broker;
};

TEST_F(topics, a_new_topic_is_there_when_it_is_answered_and_answered_with_all_there_is_to_know) {
  auto wanted = topic_of("orders", 3, 3);
  wanted.configs.push_back({"retention.ms", "1000"});
  const auto made = create(wanted);
  EXPECT_EQ(made.error_code, error_code::none);
  EXPECT_EQ(made.num_partitions, 3);
  EXPECT_EQ(made.replication_factor, 1);
  EXPECT_FALSE(made.topic_id.is_zero());
  ASSERT_TRUE(made.configs);
  const auto retention = std::find_if(made.configs->begin(), made.configs->end(),
                                      [](const auto& config) { return config.name == "retention.ms"; });
  ASSERT_NE(retention, made.configs->end());
  EXPECT_EQ(retention->value, "1000");
  EXPECT_EQ(retention->config_source, protocol::config_source::topic);

  const auto hosted = broker.partitions().find("orders");
  ASSERT_TRUE(hosted);
  EXPECT_EQ(hosted->partitions.size(), 3U);
  EXPECT_EQ(hosted->state->id, made.topic_id);
  EXPECT_EQ(hosted->partitions.front()->config()->retention_ms, 1000);
  EXPECT_TRUE(hosted->partitions.front()->check_available());
}

TEST_F(topics, minus_one_takes_the_brokers_defaults) {
  const auto made = create(topic_of("defaults", -1, -1));
  EXPECT_EQ(made.error_code, error_code::none);
  EXPECT_EQ(made.num_partitions, 1);
}

TEST_F(topics, validate_only_makes_nothing) {
  protocol::create_topics_request wanted;
  wanted.topics.push_back(topic_of("wish", 2));
  wanted.validate_only = true;
  const auto answer = broker.ask<protocol::create_topics_response>(wanted);
  EXPECT_EQ(answer.topics.front().error_code, error_code::none);
  EXPECT_EQ(answer.topics.front().num_partitions, 2);
  EXPECT_FALSE(exists("wish"));
}

TEST_F(topics, impossible_topics_are_refused_each_for_its_reason) {
  broker.make_topic("there");
  broker.make_topic("with.dot_and");
  EXPECT_EQ(create(topic_of("there")).error_code, error_code::topic_already_exists);
  EXPECT_EQ(create(topic_of("with_dot.and")).error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(create(topic_of("with a blank")).error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(create(topic_of("")).error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(create(topic_of(std::string(250, 'x'))).error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(create(topic_of("__cluster_metadata")).error_code, error_code::invalid_request);
  EXPECT_EQ(create(topic_of("none", 0)).error_code, error_code::invalid_partitions);
  EXPECT_EQ(create(topic_of("none", -2)).error_code, error_code::invalid_partitions);
  EXPECT_EQ(create(topic_of("none", 1, 0)).error_code, error_code::invalid_replication_factor);
  EXPECT_EQ(create(topic_of("none", 1, -2)).error_code, error_code::invalid_replication_factor);
  EXPECT_EQ(create(topic_of("none", 10'001)).error_code, error_code::policy_violation);
  EXPECT_FALSE(exists("none"));
}

TEST_F(topics, names_that_collide_within_one_request_are_made_once) {
  protocol::create_topics_request wanted;
  wanted.topics = {topic_of("a.b"), topic_of("a_b"), topic_of("twice"), topic_of("twice"), topic_of("fine")};
  const auto answer = broker.ask<protocol::create_topics_response>(wanted);
  ASSERT_EQ(answer.topics.size(), 4U);
  EXPECT_EQ(answer.topics[0].error_code, error_code::none);
  EXPECT_EQ(answer.topics[1].error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(answer.topics[2].error_code, error_code::invalid_request);
  EXPECT_EQ(answer.topics[3].error_code, error_code::none);
  EXPECT_FALSE(exists("twice"));
  EXPECT_TRUE(exists("fine"));
}

TEST_F(topics, collisions_are_found_however_many_separators_a_name_has) {
  const std::string many(40, '.');
  broker.make_topic("x" + many);
  EXPECT_EQ(create(topic_of("x" + std::string(40, '_'))).error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(create(topic_of("x" + std::string(39, '_'))).error_code, error_code::none);
  EXPECT_EQ(create(topic_of("x._")).error_code, error_code::none);
  EXPECT_EQ(create(topic_of("x_.")).error_code, error_code::invalid_topic_exception);
}

TEST_F(topics, impossible_configs_are_refused_with_the_reason) {
  const auto refused = [&](std::string key, std::optional<std::string> value) {
    auto topic = topic_of("configured");
    topic.configs.push_back({std::move(key), std::move(value)});
    const auto answer = create(topic);
    EXPECT_EQ(answer.error_code, error_code::invalid_config);
    EXPECT_TRUE(answer.topic_id.is_zero());
    return answer.error_message.value_or("");
  };
  EXPECT_NE(refused("retention.mss", "1").find("retention.ms"), std::string::npos);
  EXPECT_NE(refused("retention.ms", "soon").find("retention.ms"), std::string::npos);
  EXPECT_NE(refused("retention.ms", std::nullopt), "");
  EXPECT_NE(refused("remote.storage.enable", "true"), "");
  EXPECT_FALSE(exists("configured"));
}

TEST_F(topics, assignments_name_this_broker_once_for_partitions_numbered_from_zero) {
  EXPECT_EQ(create(assigned({{0, {1}}, {2, {1}}})).error_code, error_code::invalid_replica_assignment);
  EXPECT_EQ(create(assigned({{0, {1}}, {0, {1}}})).error_code, error_code::invalid_replica_assignment);
  EXPECT_EQ(create(assigned({{0, {2}}})).error_code, error_code::invalid_replica_assignment);
  EXPECT_EQ(create(assigned({{0, {1, 2}}})).error_code, error_code::invalid_replica_assignment);
  EXPECT_EQ(create(assigned({{0, {1, 1}}})).error_code, error_code::invalid_replica_assignment);
  EXPECT_EQ(create(assigned({{0, {}}})).error_code, error_code::invalid_replica_assignment);
  auto with_count = assigned({{0, {1}}});
  with_count.num_partitions = 1;
  EXPECT_EQ(create(with_count).error_code, error_code::invalid_request);
  EXPECT_EQ(create(assigned({{1, {1}}, {0, {1}}})).error_code, error_code::none);
  EXPECT_EQ(broker.partitions().find("assigned")->partitions.size(), 2U);
}

TEST_F(topics, partitions_can_only_become_more) {
  broker.make_topic("growing", 2);
  EXPECT_EQ(add_partitions("growing", 2), error_code::invalid_partitions);
  EXPECT_EQ(add_partitions("growing", 1), error_code::invalid_partitions);
  EXPECT_EQ(add_partitions("growing", 0), error_code::invalid_partitions);
  EXPECT_EQ(add_partitions("unknown", 2), error_code::unknown_topic_or_partition);
  EXPECT_EQ(add_partitions("growing", 20'000), error_code::policy_violation);
  EXPECT_EQ(add_partitions("growing", 3), error_code::none);
  ASSERT_EQ(broker.partitions().find("growing")->partitions.size(), 3U);
  EXPECT_TRUE(broker.partitions().find("growing")->partitions.back()->check_available());
}

TEST_F(topics, assignments_of_new_partitions_are_checked) {
  broker.make_topic("growing", 1);
  using assignments = std::vector<protocol::create_partitions_assignment>;
  EXPECT_EQ(add_partitions("growing", 3, assignments{}), error_code::invalid_replica_assignment);
  EXPECT_EQ(add_partitions("growing", 3, assignments{{{1}}}), error_code::invalid_replica_assignment);
  EXPECT_EQ(add_partitions("growing", 2, assignments{{{2}}}), error_code::invalid_replica_assignment);
  EXPECT_EQ(add_partitions("growing", 2, assignments{{{}}}), error_code::invalid_replica_assignment);
  EXPECT_EQ(add_partitions("growing", 2, assignments{{{1}}}), error_code::none);
}

TEST_F(topics, a_topic_named_twice_does_not_grow_and_validation_adds_nothing) {
  broker.make_topic("growing", 1);
  protocol::create_partitions_request wanted;
  wanted.topics = {{"growing", 2, std::nullopt}, {"growing", 3, std::nullopt}};
  const auto answer = broker.ask<protocol::create_partitions_response>(wanted);
  ASSERT_EQ(answer.results.size(), 1U);
  EXPECT_EQ(answer.results.front().error_code, error_code::invalid_request);
  wanted.topics.pop_back();
  wanted.validate_only = true;
  EXPECT_EQ(broker.ask<protocol::create_partitions_response>(wanted).results.front().error_code,
            error_code::none);
  EXPECT_EQ(broker.partitions().find("growing")->partitions.size(), 1U);
}

TEST_F(topics, are_deleted_by_name_or_by_id) {
  broker.make_topic("by-name");
  broker.make_topic("by-id");
  const auto id = broker.partitions().find("by-id")->state->id;
  const auto rows = remove({{"by-name", {}}, {std::nullopt, id}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].error_code, error_code::none);
  EXPECT_FALSE(rows[0].topic_id.is_zero());
  EXPECT_EQ(rows[1].error_code, error_code::none);
  EXPECT_EQ(rows[1].name, "by-id");
  EXPECT_FALSE(exists("by-name"));
  EXPECT_FALSE(exists("by-id"));
}

TEST_F(topics, a_deleted_topic_can_be_made_again_and_is_another) {
  broker.make_topic("again");
  broker.append("again", 0, 5);
  const auto id = broker.partitions().find("again")->state->id;
  ASSERT_EQ(remove({{"again", {}}}).front().error_code, error_code::none);
  broker.make_topic("again");
  EXPECT_NE(broker.partitions().find("again")->state->id, id);
  EXPECT_EQ(broker.partitions().find("again")->partitions.front()->log_end_offset(), model::offset(0));
}

TEST_F(topics, deletions_that_make_no_sense_are_refused_each_for_its_reason) {
  broker.make_topic("there");
  broker.make_topic("named-twice");
  broker.make_topic("both-ways");
  base::uuid unknown;
  unknown.bytes.back() = std::byte{9};
  const auto both_ways = broker.partitions().find("both-ways")->state->id;
  const auto rows = remove({{"unknown", {}},
                            {std::nullopt, unknown},
                            {std::nullopt, {}},
                            {"there", unknown},
                            {"named-twice", {}},
                            {"named-twice", {}},
                            {"both-ways", {}},
                            {std::nullopt, both_ways}});
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[0].error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(rows[1].error_code, error_code::unknown_topic_id);
  EXPECT_EQ(rows[2].error_code, error_code::invalid_request);
  EXPECT_EQ(rows[3].error_code, error_code::invalid_request);
  EXPECT_EQ(rows[4].error_code, error_code::invalid_request);
  EXPECT_EQ(rows[5].error_code, error_code::none);
  EXPECT_EQ(rows[6].error_code, error_code::invalid_request);
  EXPECT_TRUE(exists("there"));
  EXPECT_TRUE(exists("named-twice"));
  EXPECT_FALSE(exists("both-ways"));
}

TEST_F(topics, are_deleted_by_a_list_of_names_in_older_versions) {
  broker.make_topic("old");
  protocol::delete_topics_request wanted;
  wanted.topic_names = {"old", "unknown"};
  const auto answer = broker.ask<protocol::delete_topics_response>(wanted, 1);
  ASSERT_EQ(answer.responses.size(), 2U);
  EXPECT_EQ(answer.responses[0].error_code, error_code::none);
  EXPECT_EQ(answer.responses[1].error_code, error_code::unknown_topic_or_partition);
}

TEST(topic_deletion, can_be_forbidden) {
  test_broker broker(test_broker_options{.configuration_file = {{"delete.topic.enable", "false"}}});
  broker.make_topic("kept");
  protocol::delete_topics_request wanted;
  wanted.topics = {{"kept", {}}};
  EXPECT_EQ(broker.ask<protocol::delete_topics_response>(wanted).responses.front().error_code,
            error_code::topic_deletion_disabled);
  EXPECT_TRUE(broker.partitions().find("kept"));
}

TEST(topic_creation, on_a_full_disk_is_refused_and_leaves_nothing) {
  test_broker broker;
  broker.files().inject(
      {.what = operation::write, .error_number = ENOSPC, .path_contains = "__cluster_metadata"});
  protocol::create_topics_request wanted;
  auto& topic = wanted.topics.emplace_back();
  topic.name = "too-much";
  topic.num_partitions = 1;
  topic.replication_factor = 1;
  EXPECT_EQ(broker.ask<protocol::create_topics_response>(wanted).topics.front().error_code,
            error_code::kafka_storage_error);
  EXPECT_FALSE(broker.partitions().find("too-much"));
  EXPECT_EQ(broker.ask<protocol::create_topics_response>(wanted).topics.front().error_code, error_code::none);
  EXPECT_TRUE(broker.partitions().find("too-much"));
}

TEST(topic_creation, outlives_a_power_cut_once_it_is_answered) {
  fault_file_system files;
  {
    test_broker broker(test_broker_options{.files = &files});
    broker.make_topic("kept", 2, {{"retention.ms", "5"}});
    files.cut_power();
  }
  files.restart(unsynced::lost);
  test_broker broker(test_broker_options{.files = &files});
  const auto topic = broker.partitions().find("kept");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partitions.size(), 2U);
  EXPECT_EQ(topic->partitions.front()->config()->retention_ms, 5);
}

}  // namespace
}  // namespace tidelog::test
