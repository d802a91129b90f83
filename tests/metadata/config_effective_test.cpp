#include "tidelog/metadata/config_effective.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace tidelog::metadata {
namespace {

using synonym = std::tuple<std::string, std::string, config_source>;

const config_key& topic_key(std::string_view name) {
  return *find_config_key(config_scope::topic, name);
}
const config_key& broker_key(std::string_view name) {
  return *find_config_key(config_scope::broker, name);
}

std::vector<synonym> synonyms_of(const config_entry& entry) {
  std::vector<synonym> listed;
  for (const auto& one : entry.synonyms)
    listed.emplace_back(one.name, one.value.value_or("null"), one.source);
  return listed;
}

TEST(config_effective, without_layers_the_table_holds) {
  const config_layers layers;
  const auto entry = describe_config(topic_key("segment.bytes"), layers);
  EXPECT_EQ(entry.value, "1073741824");
  EXPECT_EQ(entry.source, config_source::table_default);
  EXPECT_EQ(synonyms_of(entry),
            (std::vector<synonym>{{"log.segment.bytes", "1073741824", config_source::table_default}}));
  EXPECT_FALSE(entry.is_read_only());
}

TEST(config_effective, retention_ms_has_no_default_synonym) {
  const auto entry = describe_config(topic_key("retention.ms"), {});
  EXPECT_EQ(entry.value, "604800000");
  EXPECT_TRUE(entry.synonyms.empty());
}

TEST(config_effective, synonyms_stand_nearest_first) {
  const config_map topic{{"segment.bytes", "2000000"}};
  const config_map broker{{"log.segment.bytes", "3000000"}};
  const config_map cluster{{"log.segment.bytes", "4000000"}};
  const config_map file{{"log.segment.bytes", "5000000"}};
  const config_layers layers{
      .topic = &topic, .broker = &broker, .cluster_wide = &cluster, .configuration_file = &file};
  const auto entry = describe_config(topic_key("segment.bytes"), layers);
  EXPECT_EQ(entry.value, "2000000");
  EXPECT_EQ(entry.source, config_source::topic);
  EXPECT_EQ(synonyms_of(entry),
            (std::vector<synonym>{{"segment.bytes", "2000000", config_source::topic},
                                  {"log.segment.bytes", "3000000", config_source::broker},
                                  {"log.segment.bytes", "4000000", config_source::cluster_wide},
                                  {"log.segment.bytes", "5000000", config_source::configuration_file},
                                  {"log.segment.bytes", "1073741824", config_source::table_default}}));
}

TEST(config_effective, each_layer_shows_when_those_above_it_are_gone) {
  const config_map cluster{{"log.index.interval.bytes", "8192"}};
  const config_map file{{"log.index.interval.bytes", "1024"}};
  config_layers layers{.cluster_wide = &cluster, .configuration_file = &file};
  EXPECT_EQ(describe_config(topic_key("index.interval.bytes"), layers).source, config_source::cluster_wide);
  EXPECT_EQ(effective_topic_config(layers).index_interval_bytes, 8192);
  layers.cluster_wide = nullptr;
  EXPECT_EQ(describe_config(topic_key("index.interval.bytes"), layers).source,
            config_source::configuration_file);
  EXPECT_EQ(effective_topic_config(layers).index_interval_bytes, 1024);
  EXPECT_EQ(effective_topic_config({}).index_interval_bytes, 4096);
}

TEST(config_effective, hours_and_minutes_stand_in_for_milliseconds) {
  config_map file{{"log.retention.hours", "2"}};
  const config_layers layers{.configuration_file = &file};
  auto entry = describe_config(topic_key("retention.ms"), layers);
  EXPECT_EQ(entry.value, "7200000");
  EXPECT_EQ(entry.source, config_source::configuration_file);
  EXPECT_EQ(synonyms_of(entry),
            (std::vector<synonym>{{"log.retention.hours", "2", config_source::configuration_file}}));

  file.emplace("log.retention.minutes", "3");
  EXPECT_EQ(effective_topic_config(layers).retention_ms, 180'000);
  file.emplace("log.retention.ms", "5");
  EXPECT_EQ(effective_topic_config(layers).retention_ms, 5);
  file = {{"log.retention.hours", "-1"}};
  EXPECT_EQ(effective_topic_config(layers).retention_ms, -1);
  file = {{"log.retention.hours", "2147483647"}};
  EXPECT_EQ(effective_topic_config(layers).retention_ms, std::int64_t{2147483647} * 3'600'000);
}

TEST(config_effective, read_only_keys_take_nothing_from_alterations) {
  const config_map broker{{"log.retention.hours", "2"}, {"num.partitions", "9"}};
  const config_layers layers{.broker = &broker};
  EXPECT_EQ(effective_topic_config(layers).retention_ms, 604'800'000);
  EXPECT_EQ(effective_broker_config(layers).num_partitions, 1);
}

TEST(config_effective, machine_values_are_defaults) {
  const config_map machine{{"num.io.threads", "6"}};
  config_map file;
  const config_layers layers{.configuration_file = &file, .machine = &machine};
  EXPECT_EQ(describe_config(broker_key("num.io.threads"), layers).source, config_source::table_default);
  EXPECT_EQ(effective_broker_config(layers).num_io_threads, 6);
  file.emplace("num.io.threads", "3");
  EXPECT_EQ(effective_broker_config(layers).num_io_threads, 3);
}

TEST(config_effective, values_that_cannot_be_read_count_as_not_set) {
  const config_map topic{{"retention.ms", "soon"}, {"segment.bytes", "14"}};
  const config_layers layers{.topic = &topic};
  EXPECT_EQ(effective_topic_config(layers), effective_topic_config({}));
}

TEST(config_effective, secrets_are_not_described) {
  const config_map file{{"ssl.keystore.password", "hunter2"}};
  const auto entry = describe_config(broker_key("ssl.keystore.password"), {.configuration_file = &file});
  EXPECT_EQ(entry.value, std::nullopt);
  for (const auto& one : entry.synonyms) EXPECT_EQ(one.value, std::nullopt);
}

TEST(config_effective, typed_values_are_the_tables) {
  const auto topic = effective_topic_config({});
  EXPECT_TRUE(topic.cleanup_delete);
  EXPECT_FALSE(topic.cleanup_compact);
  EXPECT_EQ(topic.flush_messages, 1);
  EXPECT_EQ(topic.flush_ms, INT64_MAX);
  EXPECT_EQ(topic.compression, topic_compression::producer);
  EXPECT_EQ(topic.segment_ms, 604'800'000);
  EXPECT_EQ(topic.max_message_bytes, 1'048'588);
  EXPECT_DOUBLE_EQ(topic.min_cleanable_dirty_ratio, 0.5);

  const auto broker = effective_broker_config({});
  EXPECT_EQ(broker.fetch_max_bytes, 57'671'680);
}

TEST(config_effective, bounds_of_single_addresses_have_one_form_and_bad_ones_are_not_taken) {
  const auto* key = find_config_key(config_scope::broker, "max.connections.per.ip.overrides");
  ASSERT_NE(key, nullptr);
  EXPECT_TRUE(parse_config_value(*key, ""));
  for (const auto* bad : {"10.0.0.1", "10.0.0.1:", "10.0.0.1:many", "10.0.0.1:-1", "no.address:5",
                          "10.0.0.300:5", "10.0.0.1:5,10.0.0.1:6", "::1:5,[0:0::1]:6"}) {
    const auto taken = parse_config_value(*key, bad);
    ASSERT_FALSE(taken) << bad;
    EXPECT_EQ(taken.error().code, config_errc::invalid_value) << bad;
  }
  const config_map file{{"max.connections.per.ip.overrides", "10.0.0.1:5,[0:0:0::1]:0,fe80::2:7"}};
  ASSERT_TRUE(parse_config_value(*key, file.begin()->second));
  const auto broker = effective_broker_config({.configuration_file = &file});
  const std::vector<address_limit> wanted{{"10.0.0.1", 5}, {"::1", 0}, {"fe80::2", 7}};
  EXPECT_EQ(broker.max_connections_per_ip_overrides, wanted);
}

TEST(config_effective, changes_are_checked_together) {
  const config_map broker{{"log.cleaner.max.compaction.lag.ms", "100"}};
  const config_layers layers{.broker = &broker};
  EXPECT_TRUE(validate_topic_configs({{"min.compaction.lag.ms", "100"}}, layers));
  EXPECT_EQ(validate_topic_configs({{"min.compaction.lag.ms", "101"}}, layers).error().code,
            config_errc::conflicting_values);
  EXPECT_EQ(validate_topic_configs({{"no.such", "1"}}, layers).error().code, config_errc::unknown_key);
  EXPECT_EQ(*validate_topic_configs({{"retention.ms", " 07"}}, layers), (config_map{{"retention.ms", "7"}}));

  const config_map file{{"queued.max.request.bytes", "2000000"}};
  EXPECT_EQ(check_broker_configs_together({.configuration_file = &file}).error().code,
            config_errc::conflicting_values);
  EXPECT_TRUE(check_broker_configs_together({}));
}

TEST(config_effective, what_is_stored_only_is_told) {
  const config_map set{
      {"cleanup.policy", "compact,delete"}, {"retention.ms", "1"}, {"local.retention.ms", "1"}};
  std::vector<std::string_view> names;
  for (const auto* key : stored_only_configs(config_scope::topic, set)) names.push_back(key->name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"local.retention.ms"}));
  EXPECT_TRUE(stored_only_configs(config_scope::topic, {{"cleanup.policy", "compact"}}).empty());
}

TEST(config_effective, a_group_takes_what_it_does_not_set_from_the_broker_and_stays_within_its_bounds) {
  const config_map file{{"group.consumer.session.timeout.ms", "50000"},
                        {"group.consumer.max.session.timeout.ms", "55000"}};
  const config_map own{{"consumer.heartbeat.interval.ms", "6000"}};
  const config_layers layers{.group = &own, .configuration_file = &file};
  EXPECT_EQ(effective_group_config(layers), (group_config{1000, 6000, 50'000}));
  EXPECT_TRUE(check_group_configs_together(layers));

  const auto* key = find_config_key(config_scope::group, "consumer.heartbeat.interval.ms");
  const auto entry = describe_config(*key, layers);
  EXPECT_EQ(entry.source, config_source::group);
  ASSERT_EQ(entry.synonyms.size(), 2U);
  EXPECT_EQ(entry.synonyms[1].name, "group.consumer.heartbeat.interval.ms");

  for (const auto& [name, text] : config_map{{"consumer.session.timeout.ms", "55001"},
                                             {"consumer.session.timeout.ms", "44999"},
                                             {"consumer.assignment.interval.ms", "15001"},
                                             {"consumer.heartbeat.interval.ms", "4999"}}) {
    const config_map beyond{{name, text}};
    EXPECT_EQ(check_group_configs_together({.group = &beyond, .configuration_file = &file}).error().code,
              config_errc::conflicting_values)
        << name << " " << text;
  }
  // A value that was within the bounds when it was set.
  const config_map left_behind{{"consumer.session.timeout.ms", "60000"}};
  EXPECT_EQ(effective_group_config({.group = &left_behind, .configuration_file = &file})
                .consumer_session_timeout_ms,
            55'000);
}

TEST(config_effective, defaults_of_groups_must_fit_their_bounds) {
  for (const auto& file : {config_map{{"group.min.session.timeout.ms", "1800001"}},
                           config_map{{"group.consumer.min.session.timeout.ms", "46000"}},
                           config_map{{"group.consumer.max.heartbeat.interval.ms", "4000"}}}) {
    EXPECT_EQ(check_broker_configs_together({.configuration_file = &file}).error().code,
              config_errc::conflicting_values)
        << file.begin()->first;
  }
  const config_map file{{"group.consumer.migration.policy", "UPGRADE"},
                        {"group.consumer.assignors", "range"}};
  const auto groups = effective_broker_config({.configuration_file = &file}).groups;
  EXPECT_EQ(groups.consumer_migration, group_migration::upgrade);
  EXPECT_EQ(groups.consumer_assignors, std::vector<std::string>{"range"});
  EXPECT_EQ(groups.offsets_topic_num_partitions, 50);
}

}  // namespace
}  // namespace tidelog::metadata
