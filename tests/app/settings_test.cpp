#include "tidelog/app/settings.hpp"

#include "support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace tidelog::app {
namespace {

class settings_test : public testing::Test {
 protected:
  settings_source with_file(std::string_view content) {
    const auto file = directory_.path() / "t.toml";
    std::ofstream(file) << content;
    return {.file = file};
  }
  static std::string error_of(const settings_source& source) {
    const auto loaded = load_settings(source);
    return loaded ? "no error" : loaded.error().context;
  }
  std::string in_file(std::string_view rest) const {
    return fmt::format("{}:{}", (directory_.path() / "t.toml").string(), rest);
  }

  test::temp_directory directory_;
};

TEST_F(settings_test, nothing_has_to_be_set) {
  const auto settings = load_settings({});
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->listeners,
            (std::vector<listener_settings>{{"PLAINTEXT", "127.0.0.1", 9092, missing_address::is_passed_over},
                                            {"PLAINTEXT", "::1", 9092, missing_address::is_passed_over}}));
  EXPECT_EQ(settings->data_directory, default_data_directory());
  EXPECT_EQ(settings->node_id, std::nullopt);
  EXPECT_GE(settings->values.num_network_threads, 1);
  EXPECT_GE(settings->values.num_io_threads, 4);
  EXPECT_TRUE(settings->configured.empty());
}

TEST_F(settings_test, command_line_wins_over_the_file) {
  auto source = with_file("\"num.partitions\" = 3\n\"node.id\" = 7\n\"log.dirs\" = \"/elsewhere\"\n");
  source.assignments = {"num.partitions=5"};
  source.listen = {"127.0.0.1:0", "[::1]:0"};
  source.data_directory = "/tmp/../tmp/here";
  const auto settings = load_settings(source);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->values.num_partitions, 5);
  EXPECT_EQ(settings->node_id, model::broker_id(7));
  EXPECT_EQ(settings->data_directory, "/tmp/here");
  EXPECT_EQ(settings->listeners,
            (std::vector<listener_settings>{{"PLAINTEXT", "127.0.0.1", 0, missing_address::is_an_error},
                                            {"PLAINTEXT", "::1", 0, missing_address::is_an_error}}));
}

TEST_F(settings_test, unknown_key_names_file_line_and_nearest_name) {
  EXPECT_EQ(error_of(with_file("\n\"log.retention.mss\" = 1\n")),
            in_file("2: there is no key log.retention.mss; did you mean log.retention.ms?"));
  EXPECT_EQ(error_of(with_file("\"retention.ms\" = 1\n")),
            in_file("1: retention.ms is a key of topics; its default for all of them is log.retention.ms"));
}

TEST_F(settings_test, bad_value_names_file_line_and_what_is_allowed) {
  EXPECT_EQ(error_of(with_file("\"num.partitions\" = 0\n")),
            in_file("1: num.partitions = 0: this is out of range; allowed: a whole number of at least 1"));
  EXPECT_EQ(error_of(with_file("\"num.partitions\" = [1]\n")),
            in_file("1: num.partitions takes no list; allowed: a whole number of at least 1"));
  EXPECT_EQ(error_of(with_file("\"delete.topic.enable\" = 1\n")),
            in_file("1: delete.topic.enable = 1: this is neither true nor false; allowed: true or false"));
}

TEST_F(settings_test, kafka_key_without_meaning_says_why) {
  EXPECT_EQ(
      error_of(with_file("\"num.replica.fetchers\" = 4\n")),
      in_file(
          "1: num.replica.fetchers = 4 is not supported: There is one node, so nothing is copied, moved or "
          "led between brokers. Allowed: only 1"));
  EXPECT_TRUE(load_settings(with_file("\"process.roles\" = [\"broker\", \"controller\"]\n")));
}

TEST_F(settings_test, options_are_checked_like_the_file) {
  EXPECT_EQ(error_of({.assignments = {"num.partitions"}}), "--set num.partitions: KEY=VALUE is wanted");
  EXPECT_EQ(error_of({.assignments = {"num.partitions=1", "num.partitions=2"}}),
            "--set num.partitions=2: num.partitions is set twice");
  EXPECT_EQ(error_of({.assignments = {"no.such=1"}}).rfind("--set no.such=1: there is no key no.such", 0),
            0U);
  EXPECT_EQ(error_of({.listen = {"9092"}}), "--listen: 9092 has no port; HOST:PORT is wanted");
  EXPECT_EQ(error_of({.listen = {"h:1"}, .assignments = {"listeners=PLAINTEXT://h:2"}}),
            "--listen: listeners is set twice");
}

TEST_F(settings_test, listeners_need_a_protocol_that_is_there) {
  EXPECT_EQ(
      error_of({.assignments = {"listeners=SSL://h:1"}}),
      "listeners: SSL has the protocol SSL, and TLS and SASL are not part of this version; use PLAINTEXT");
  EXPECT_EQ(
      error_of({.assignments = {"listeners=INSIDE://h:1"}}),
      "listeners: INSIDE is not in listener.security.protocol.map; use PLAINTEXT or add INSIDE:PLAINTEXT");
  const auto settings = load_settings(
      {.assignments = {"listeners=INSIDE://h:1", "listener.security.protocol.map=INSIDE:PLAINTEXT",
                       "advertised.listeners=INSIDE://outside:9"}});
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->advertised, (std::vector<advertised_address>{{"INSIDE", "outside", 9}}));
  EXPECT_EQ(error_of({.assignments = {"advertised.listeners=OTHER://h:1"}}),
            "advertised.listeners: there is no listener of the name OTHER in listeners");
}

TEST_F(settings_test, values_that_contradict_each_other_are_refused) {
  EXPECT_EQ(load_settings({.assignments = {"queued.max.request.bytes=2000000"}}).error().code,
            metadata::config_errc::conflicting_values);
}

TEST_F(settings_test, reload_tells_what_holds_and_what_waits) {
  const metadata::config_map before{
      {"log.retention.ms", "5"}, {"num.partitions", "1"}, {"log.level", "info"}};
  const metadata::config_map after{
      {"log.retention.ms", "6"}, {"num.partitions", "2"}, {"message.max.bytes", "9"}};
  const auto change = compare_settings(before, after);
  EXPECT_EQ(change.applied,
            (std::vector<std::string>{"log.level: info -> default", "log.retention.ms: 5 -> 6",
                                      "message.max.bytes: default -> 9"}));
  EXPECT_EQ(change.at_next_start, (std::vector<std::string>{"num.partitions: 1 -> 2"}));
  EXPECT_EQ(
      change.configured,
      (metadata::config_map{{"log.retention.ms", "6"}, {"num.partitions", "1"}, {"message.max.bytes", "9"}}));
}

}  // namespace
}  // namespace tidelog::app
