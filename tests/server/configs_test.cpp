// Configs: told, replaced, and changed one by one.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/alter_configs.hpp"
#include "tidelog/protocol/describe_configs.hpp"
#include "tidelog/protocol/incremental_alter_configs.hpp"
#include "tidelog/protocol/list_config_resources.hpp"

namespace tidelog::test {
namespace {

using protocol::config_operation;
using protocol::config_source;
using protocol::error_code;
using protocol::resource_type;

class configs : public testing::Test {
 protected:
  configs()
      : broker(test_broker_options{
            .configuration_file = {{"log.retention.hours", "2"}, {"num.partitions", "4"}}}) {
    broker.make_topic("t");
  }

  using edits = std::vector<protocol::incremental_alterable_config>;
  using values = std::vector<protocol::alterable_config>;

  error_code amend(resource_type type, const std::string& name, edits changes, bool validate_only = false) {
    protocol::incremental_alter_configs_request wanted;
    wanted.resources.push_back({type, name, std::move(changes)});
    wanted.validate_only = validate_only;
    const auto answer = broker.ask<protocol::incremental_alter_configs_response>(wanted);
    EXPECT_EQ(answer.responses.size(), 1U);
    EXPECT_EQ(answer.responses.front().resource_name, name);
    EXPECT_EQ(answer.responses.front().error_code == error_code::none,
              !answer.responses.front().error_message);
    return answer.responses.front().error_code;
  }
  error_code set(resource_type type, const std::string& name, std::string key,
                 std::optional<std::string> value) {
    return amend(type, name, {{std::move(key), config_operation::set, std::move(value)}});
  }
  error_code replace(resource_type type, const std::string& name, values all, bool validate_only = false) {
    protocol::alter_configs_request wanted;
    wanted.resources.push_back({type, name, std::move(all)});
    wanted.validate_only = validate_only;
    const auto answer = broker.ask<protocol::alter_configs_response>(wanted);
    EXPECT_EQ(answer.responses.size(), 1U);
    return answer.responses.front().error_code;
  }
  protocol::describe_configs_result describe(resource_type type, const std::string& name,
                                             std::optional<std::vector<std::string>> keys = {}) {
    protocol::describe_configs_request wanted;
    wanted.resources.push_back({type, name, std::move(keys)});
    wanted.include_synonyms = true;
    auto answer = broker.ask<protocol::describe_configs_response>(wanted);
    EXPECT_EQ(answer.results.size(), 1U);
    return answer.results.front();
  }
  protocol::describe_configs_resource_result row(resource_type type, const std::string& name,
                                                 const std::string& key) {
    const auto result = describe(type, name, std::vector{key});
    EXPECT_EQ(result.configs.size(), 1U) << key;
    return result.configs.empty() ? protocol::describe_configs_resource_result{} : result.configs.front();
  }
  metadata::config_map own(const std::string& topic) {
    return *broker.cluster().current()->config({metadata::resource_type::topic, topic});
  }

  test_broker broker;
};

TEST_F(configs, of_a_topic_are_all_told_with_where_they_come_from) {
  const auto all = describe(resource_type::topic, "t");
  EXPECT_EQ(all.error_code, error_code::none);
  EXPECT_EQ(all.configs.size(), metadata::config_keys(metadata::config_scope::topic).size());

  const auto inherited = row(resource_type::topic, "t", "retention.ms");
  EXPECT_EQ(inherited.value, "7200000");
  EXPECT_EQ(inherited.config_source, config_source::static_broker);
  EXPECT_EQ(inherited.config_type, protocol::config_type::int64);
  EXPECT_FALSE(inherited.read_only);
  ASSERT_FALSE(inherited.synonyms.empty());
  EXPECT_EQ(inherited.synonyms.front().name, "log.retention.hours");

  ASSERT_EQ(set(resource_type::topic, "t", "retention.ms", "5"), error_code::none);
  const auto own_value = row(resource_type::topic, "t", "retention.ms");
  EXPECT_EQ(own_value.value, "5");
  EXPECT_EQ(own_value.config_source, config_source::topic);
  EXPECT_EQ(own_value.synonyms.front().name, "retention.ms");
}

TEST_F(configs, asked_for_by_name_are_told_alone_and_no_names_ask_for_all) {
  EXPECT_EQ(
      describe(resource_type::topic, "t", std::vector<std::string>{"retention.ms", "unknown"}).configs.size(),
      1U);
  EXPECT_EQ(describe(resource_type::topic, "t", std::vector<std::string>{}).configs.size(),
            metadata::config_keys(metadata::config_scope::topic).size());
}

TEST_F(configs, are_documented_only_when_that_is_asked_for) {
  EXPECT_FALSE(row(resource_type::topic, "t", "retention.ms").documentation);
  protocol::describe_configs_request wanted;
  wanted.resources.push_back({resource_type::topic, "t", std::vector<std::string>{"retention.ms"}});
  wanted.include_documentation = true;
  const auto answer = broker.ask<protocol::describe_configs_response>(wanted);
  EXPECT_TRUE(answer.results.front().configs.front().documentation);
  EXPECT_TRUE(answer.results.front().configs.front().synonyms.empty());
}

TEST_F(configs, of_what_is_not_there_are_not_told) {
  EXPECT_EQ(describe(resource_type::topic, "unknown").error_code, error_code::unknown_topic_or_partition);
  EXPECT_EQ(describe(resource_type::topic, "a b").error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(describe(resource_type::topic, "").error_code, error_code::invalid_topic_exception);
  EXPECT_EQ(describe(resource_type::broker, "7").error_code, error_code::invalid_request);
  EXPECT_EQ(describe(resource_type::broker, "x").error_code, error_code::invalid_request);
  EXPECT_EQ(describe(resource_type::broker_logger, "1").error_code, error_code::invalid_request);
  EXPECT_EQ(describe(resource_type::group, "").error_code, error_code::invalid_request);
  EXPECT_EQ(describe(resource_type::client_metrics, "m").error_code, error_code::invalid_request);
  EXPECT_EQ(describe(static_cast<resource_type>(99), "m").error_code, error_code::invalid_request);
}

TEST_F(configs, of_a_group_are_its_own_and_otherwise_the_brokers) {
  EXPECT_EQ(set(resource_type::group, "g", "consumer.session.timeout.ms", "50000"), error_code::none);
  const auto own = row(resource_type::group, "g", "consumer.session.timeout.ms");
  EXPECT_EQ(own.value, "50000");
  EXPECT_EQ(own.config_source, protocol::config_source::group);
  EXPECT_EQ(row(resource_type::group, "g", "consumer.heartbeat.interval.ms").value, "5000");
  EXPECT_EQ(row(resource_type::group, "other", "consumer.session.timeout.ms").value, "45000");
}

TEST_F(configs, of_the_broker_come_from_the_layers_in_their_order) {
  const auto from_file = row(resource_type::broker, "1", "num.partitions");
  EXPECT_EQ(from_file.value, "4");
  EXPECT_EQ(from_file.config_source, config_source::static_broker);
  EXPECT_TRUE(from_file.read_only);

  ASSERT_EQ(set(resource_type::broker, "", "log.retention.ms", "3000"), error_code::none);
  EXPECT_EQ(row(resource_type::broker, "1", "log.retention.ms").config_source,
            config_source::dynamic_default_broker);
  ASSERT_EQ(set(resource_type::broker, "1", "log.retention.ms", "2000"), error_code::none);
  const auto nearest = row(resource_type::broker, "1", "log.retention.ms");
  EXPECT_EQ(nearest.config_source, config_source::dynamic_broker);
  EXPECT_EQ(nearest.value, "2000");
  EXPECT_EQ(row(resource_type::topic, "t", "retention.ms").value, "2000");
  EXPECT_EQ(broker.partitions().find("t")->partitions.front()->config()->retention_ms, 2000);
}

TEST_F(configs, of_all_brokers_are_those_that_are_set_there) {
  ASSERT_EQ(set(resource_type::broker, "", "log.retention.ms", "3000"), error_code::none);
  const auto told = describe(resource_type::broker, "");
  EXPECT_EQ(told.error_code, error_code::none);
  ASSERT_EQ(told.configs.size(), 2U);  // min.insync.replicas is there from the beginning
  for (const auto& config : told.configs) {
    EXPECT_EQ(config.config_source, config_source::dynamic_default_broker) << config.name;
    ASSERT_EQ(config.synonyms.size(), 1U) << config.name;
  }
}

TEST_F(configs, secrets_are_never_told) {
  for (const auto& config : describe(resource_type::broker, "1").configs) {
    EXPECT_FALSE(config.is_sensitive && config.value) << config.name;
  }
}

TEST_F(configs, changed_one_by_one_leave_the_others) {
  ASSERT_EQ(set(resource_type::topic, "t", "retention.ms", "5"), error_code::none);
  ASSERT_EQ(set(resource_type::topic, "t", "segment.bytes", "2000000"), error_code::none);
  EXPECT_EQ(own("t"), (metadata::config_map{{"retention.ms", "5"}, {"segment.bytes", "2000000"}}));
  ASSERT_EQ(amend(resource_type::topic, "t", {{"retention.ms", config_operation::remove, std::nullopt}}),
            error_code::none);
  EXPECT_EQ(own("t"), (metadata::config_map{{"segment.bytes", "2000000"}}));
  EXPECT_EQ(broker.partitions().find("t")->partitions.front()->config()->segment_bytes, 2'000'000);
}

TEST_F(configs, replaced_drop_what_is_not_named) {
  ASSERT_EQ(set(resource_type::topic, "t", "retention.ms", "5"), error_code::none);
  ASSERT_EQ(replace(resource_type::topic, "t", {{"segment.bytes", "2000000"}}), error_code::none);
  EXPECT_EQ(own("t"), (metadata::config_map{{"segment.bytes", "2000000"}}));
  ASSERT_EQ(replace(resource_type::topic, "t", {}), error_code::none);
  EXPECT_TRUE(own("t").empty());
}

TEST_F(configs, only_validated_stay_as_they_are) {
  EXPECT_EQ(amend(resource_type::topic, "t", {{"retention.ms", config_operation::set, "5"}}, true),
            error_code::none);
  EXPECT_EQ(replace(resource_type::topic, "t", {{"retention.ms", "5"}}, true), error_code::none);
  EXPECT_EQ(amend(resource_type::topic, "t", {{"retention.ms", config_operation::set, "x"}}, true),
            error_code::invalid_config);
  EXPECT_TRUE(own("t").empty());
}

TEST_F(configs, lists_are_added_to_and_taken_from) {
  EXPECT_EQ(amend(resource_type::topic, "t", {{"cleanup.policy", config_operation::append, "compact"}}),
            error_code::none);
  EXPECT_EQ(own("t").at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(amend(resource_type::topic, "t", {{"cleanup.policy", config_operation::subtract, "delete"}}),
            error_code::none);
  EXPECT_EQ(own("t").at("cleanup.policy"), "compact");
  EXPECT_EQ(amend(resource_type::topic, "t", {{"retention.ms", config_operation::append, "5"}}),
            error_code::invalid_config);
  EXPECT_EQ(amend(resource_type::broker, "1", {{"log.retention.ms", config_operation::append, "5"}}),
            error_code::invalid_config);
}

TEST_F(configs, impossible_values_are_invalid_configs_for_topics_and_invalid_requests_for_brokers) {
  EXPECT_EQ(set(resource_type::topic, "t", "retention.ms", "x"), error_code::invalid_config);
  EXPECT_EQ(set(resource_type::topic, "t", "no.such.key", "1"), error_code::invalid_config);
  EXPECT_EQ(set(resource_type::topic, "t", "retention.ms", std::nullopt), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::broker, "1", "log.retention.ms", "x"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::broker, "1", "no.such.key", "1"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::broker, "1", "node.id", "2"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::broker, "7", "log.retention.ms", "5"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::broker, "x", "log.retention.ms", "5"), error_code::invalid_request);
  EXPECT_TRUE(own("t").empty());
}

TEST_F(configs, that_do_not_fit_together_are_refused) {
  EXPECT_EQ(amend(resource_type::topic, "t",
                  {{"max.compaction.lag.ms", config_operation::set, "10"},
                   {"min.compaction.lag.ms", config_operation::set, "20"}}),
            error_code::invalid_config);
  EXPECT_TRUE(own("t").empty());
}

TEST_F(configs, requests_that_make_no_sense_are_refused) {
  EXPECT_EQ(amend(resource_type::topic, "t",
                  {{"retention.ms", config_operation::set, "1"},
                   {"retention.ms", config_operation::remove, std::nullopt}}),
            error_code::invalid_request);
  EXPECT_EQ(replace(resource_type::topic, "t", {{"retention.ms", "1"}, {"retention.ms", "2"}}),
            error_code::invalid_request);
  EXPECT_EQ(replace(resource_type::topic, "t", {{"retention.ms", std::nullopt}}),
            error_code::invalid_request);
  EXPECT_EQ(amend(resource_type::topic, "t", {{"retention.ms", static_cast<config_operation>(9), "1"}}),
            error_code::unknown_server_error);
  EXPECT_EQ(set(resource_type::topic, "unknown", "retention.ms", "1"),
            error_code::unknown_topic_or_partition);
  EXPECT_EQ(set(resource_type::topic, "a b", "retention.ms", "1"), error_code::invalid_topic_exception);
  EXPECT_EQ(set(resource_type::topic, "", "retention.ms", "1"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::group, "", "consumer.session.timeout.ms", "50000"),
            error_code::invalid_request);
  EXPECT_EQ(set(resource_type::group, "g", "consumer.session.timeout.ms", "1"), error_code::invalid_config);
  EXPECT_EQ(set(resource_type::group, "g", "no.such", "1"), error_code::invalid_config);
  EXPECT_EQ(set(resource_type::client_metrics, "m", "interval.ms", "1"), error_code::invalid_request);
  EXPECT_EQ(set(static_cast<resource_type>(99), "m", "interval.ms", "1"), error_code::invalid_request);
  EXPECT_TRUE(own("t").empty());
}

TEST_F(configs, a_resource_named_twice_is_left_alone_and_the_others_are_not) {
  broker.make_topic("u");
  protocol::incremental_alter_configs_request wanted;
  wanted.resources = {{resource_type::topic, "t", {{"retention.ms", config_operation::set, "1"}}},
                      {resource_type::topic, "t", {{"retention.ms", config_operation::set, "2"}}},
                      {resource_type::topic, "u", {{"retention.ms", config_operation::set, "3"}}}};
  const auto answer = broker.ask<protocol::incremental_alter_configs_response>(wanted);
  ASSERT_EQ(answer.responses.size(), 3U);
  EXPECT_EQ(answer.responses[0].error_code, error_code::invalid_request);
  EXPECT_EQ(answer.responses[1].error_code, error_code::invalid_request);
  EXPECT_EQ(answer.responses[2].error_code, error_code::none);
  EXPECT_TRUE(own("t").empty());
  EXPECT_EQ(own("u").at("retention.ms"), "3");
}

TEST_F(configs, of_the_broker_take_effect_and_are_told_to_the_listener) {
  EXPECT_EQ(broker.config_changes(), 0);
  ASSERT_EQ(set(resource_type::broker, "1", "max.connections", "17"), error_code::none);
  EXPECT_EQ(broker.config_changes(), 1);
  EXPECT_EQ(set(resource_type::broker, "1", "max.connections", "x"), error_code::invalid_request);
  EXPECT_EQ(set(resource_type::topic, "t", "retention.ms", "1"), error_code::none);
  EXPECT_EQ(broker.config_changes(), 1);
}

TEST_F(configs, the_clusters_least_number_of_replicas_can_be_changed_but_not_removed) {
  EXPECT_EQ(replace(resource_type::broker, "", {}), error_code::invalid_config);
  EXPECT_EQ(
      amend(resource_type::broker, "", {{"min.insync.replicas", config_operation::remove, std::nullopt}}),
      error_code::invalid_config);
  EXPECT_EQ(set(resource_type::broker, "", "min.insync.replicas", "1"), error_code::none);
}

TEST_F(configs, resources_are_listed_by_their_kinds) {
  protocol::list_config_resources_request wanted;
  EXPECT_TRUE(broker.ask<protocol::list_config_resources_response>(wanted, 0).config_resources.empty());
  const auto all = broker.ask<protocol::list_config_resources_response>(wanted, 1).config_resources;
  ASSERT_EQ(all.size(), 2U);
  wanted.resource_types = {resource_type::topic};
  const auto topics = broker.ask<protocol::list_config_resources_response>(wanted, 1).config_resources;
  ASSERT_EQ(topics.size(), 1U);
  EXPECT_EQ(topics.front().resource_name, "t");
  wanted.resource_types = {resource_type::topic, static_cast<resource_type>(1)};
  EXPECT_EQ(broker.ask<protocol::list_config_resources_response>(wanted, 1).error_code,
            error_code::unsupported_version);
}

}  // namespace
}  // namespace tidelog::test
