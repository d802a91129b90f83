#include "tidelog/metadata/config_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace tidelog::metadata {
namespace {

constexpr config_scope scopes[] = {config_scope::topic, config_scope::broker, config_scope::group};

const config_key& topic_key(std::string_view name) {
  return *find_config_key(config_scope::topic, name);
}
const config_key& broker_key(std::string_view name) {
  return *find_config_key(config_scope::broker, name);
}

std::string canonical(const config_key& key, std::string_view text) {
  auto parsed = parse_config_value(key, text);
  return parsed ? *parsed : "error: " + parsed.error().context;
}

std::error_code error_of(const config_key& key, std::string_view text) {
  const auto parsed = parse_config_value(key, text);
  return parsed ? std::error_code{} : parsed.error().code;
}

TEST(config_table, names_are_unique_and_found) {
  for (const auto scope : scopes) {
    const auto keys = config_keys(scope);
    EXPECT_EQ(std::ranges::adjacent_find(keys, {}, &config_key::name), keys.end());
    for (const auto* key : keys) {
      EXPECT_EQ(find_config_key(scope, key->name), key) << key->name;
      EXPECT_EQ(key->scope, scope) << key->name;
    }
  }
  EXPECT_EQ(config_keys(config_scope::topic).size(), 33U);
  EXPECT_EQ(find_config_key(config_scope::topic, "log.retention.ms"), nullptr);
}

TEST(config_table, every_default_is_valid_and_canonical) {
  for (const auto scope : scopes) {
    for (const auto* key : config_keys(scope)) {
      if (!key->default_value) continue;
      EXPECT_EQ(canonical(*key, *key->default_value), *key->default_value) << key->name;
    }
  }
}

TEST(config_table, every_key_is_documented_by_one_sentence) {
  for (const auto scope : scopes) {
    for (const auto* key : config_keys(scope)) {
      ASSERT_FALSE(key->documentation.empty()) << key->name;
      EXPECT_TRUE(std::isupper(static_cast<unsigned char>(key->documentation.front())) != 0) << key->name;
      EXPECT_EQ(key->documentation.back(), '.') << key->name;
      EXPECT_EQ(key->documentation.find(". "), std::string_view::npos) << key->name;
    }
  }
}

TEST(config_table, what_is_refused_says_why_and_what_is_stored_only_says_so) {
  for (const auto scope : scopes) {
    for (const auto* key : config_keys(scope)) {
      const bool refused = key->status == config_status::refused || key->status == config_status::no_meaning;
      EXPECT_EQ(refused, !key->reason.empty()) << key->name;
      if (key->status == config_status::stored_only) {
        EXPECT_NE(key->documentation.find("tored only"), std::string_view::npos) << key->name;
      }
      if (!key->default_value && key->status == config_status::works && key->name != "broker.rack") {
        EXPECT_FALSE(key->default_note.empty()) << key->name;
      }
    }
  }
}

void expect_defaults_of_broker_keys(config_scope scope) {
  for (const auto* key : config_keys(scope)) {
    const config_key* first_with_default = nullptr;
    std::int64_t factor = 1;
    for (const auto& from : key->broker_keys) {
      if (from.name.empty()) break;
      const auto* broker = find_config_key(config_scope::broker, from.name);
      ASSERT_NE(broker, nullptr) << from.name;
      if (first_with_default == nullptr && broker->default_value) {
        first_with_default = broker;
        factor = from.factor;
      }
    }
    if (first_with_default == nullptr) continue;
    const std::string value(*first_with_default->default_value);
    EXPECT_EQ(factor == 1 ? value : std::to_string(std::stoll(value) * factor), *key->default_value)
        << key->name;
  }
}

TEST(config_table, topic_and_group_defaults_are_those_of_their_broker_keys) {
  expect_defaults_of_broker_keys(config_scope::topic);
  expect_defaults_of_broker_keys(config_scope::group);
}

TEST(config_table, kafka_defaults_hold_but_for_durability) {
  EXPECT_EQ(topic_key("flush.messages").default_value, "1");
  EXPECT_EQ(topic_key("retention.ms").default_value, "604800000");
  EXPECT_EQ(topic_key("max.message.bytes").default_value, "1048588");
  EXPECT_EQ(broker_key("log.segment.bytes").default_value, "1073741824");
  EXPECT_EQ(broker_key("offsets.retention.minutes").default_value, "10080");
  EXPECT_TRUE(broker_key("ssl.keystore.password").is_sensitive());
}

TEST(config_value, numbers_have_one_form) {
  EXPECT_EQ(canonical(topic_key("retention.ms"), " 0077 "), "77");
  EXPECT_EQ(canonical(topic_key("max.message.bytes"), "+5000"), "5000");
  EXPECT_EQ(canonical(topic_key("min.cleanable.dirty.ratio"), "0.50"), "0.5");
  EXPECT_EQ(canonical(topic_key("min.cleanable.dirty.ratio"), "1"), "1.0");
  EXPECT_EQ(canonical(broker_key("log.cleaner.io.max.bytes.per.second"), "1e10"), "1.0E10");
  EXPECT_EQ(canonical(broker_key("auto.create.topics.enable"), "TRUE"), "true");
}

TEST(config_value, out_of_range_names_value_and_range) {
  EXPECT_EQ(canonical(topic_key("retention.ms"), "-2"),
            "error: retention.ms = -2: this is out of range; allowed: a whole number of at least -1");
  EXPECT_EQ(error_of(topic_key("segment.bytes"), "1048575"), config_errc::invalid_value);
  EXPECT_EQ(error_of(topic_key("segment.bytes"), "1048576"), std::error_code{});
  EXPECT_EQ(error_of(topic_key("max.message.bytes"), "99999999999"), config_errc::invalid_value);
  EXPECT_EQ(error_of(topic_key("min.compaction.lag.ms"), "9223372036854775808"), config_errc::invalid_value);
  EXPECT_EQ(error_of(topic_key("min.cleanable.dirty.ratio"), "1.5"), config_errc::invalid_value);
  EXPECT_EQ(error_of(topic_key("min.cleanable.dirty.ratio"), "nan"), config_errc::invalid_value);
  EXPECT_EQ(error_of(broker_key("log.retention.hours"), "0"), config_errc::invalid_value);
  EXPECT_EQ(error_of(broker_key("log.retention.hours"), "-1"), std::error_code{});
  for (const auto* text : {"", "x", "1x", "0x10", "1.5", "+-1", "--1", "+"}) {
    EXPECT_EQ(error_of(topic_key("retention.ms"), text), config_errc::invalid_value) << text;
  }
}

TEST(config_value, one_value_outside_the_range_may_be_allowed) {
  EXPECT_EQ(canonical(topic_key("compression.gzip.level"), "-1"), "-1");
  EXPECT_EQ(
      canonical(topic_key("compression.gzip.level"), "0"),
      "error: compression.gzip.level = 0: this is out of range; allowed: a whole number from 1 to 9, or -1");
}

TEST(config_value, words_are_case_sensitive) {
  EXPECT_EQ(canonical(topic_key("compression.type"), "zstd"), "zstd");
  EXPECT_EQ(error_of(topic_key("compression.type"), "GZIP"), config_errc::invalid_value);
  EXPECT_EQ(canonical(topic_key("message.timestamp.type"), "logappendtime"),
            "error: message.timestamp.type = logappendtime: this is none of what is allowed; allowed: one of "
            "CreateTime, "
            "LogAppendTime");
}

TEST(config_value, lists_lose_blanks_and_repetitions) {
  EXPECT_EQ(canonical(topic_key("cleanup.policy"), " delete , compact,delete"), "delete,compact");
  EXPECT_EQ(canonical(topic_key("cleanup.policy"), ""), "");
  EXPECT_EQ(error_of(topic_key("cleanup.policy"), "delete,,compact"), config_errc::invalid_value);
  EXPECT_EQ(error_of(topic_key("cleanup.policy"), "Delete"), config_errc::invalid_value);
}

TEST(config_value, throttled_replicas_are_star_or_pairs) {
  const auto& key = topic_key("leader.replication.throttled.replicas");
  EXPECT_EQ(canonical(key, "*"), "*");
  EXPECT_EQ(canonical(key, "0:1,2:1"), "0:1,2:1");
  EXPECT_EQ(error_of(key, "x"), config_errc::invalid_value);
  EXPECT_EQ(error_of(key, "1:b"), config_errc::invalid_value);
}

TEST(config_value, listeners_are_checked) {
  const auto& key = broker_key("listeners");
  EXPECT_EQ(canonical(key, "PLAINTEXT://127.0.0.1:9092, PLAINTEXT://[::1]:9092"),
            "PLAINTEXT://127.0.0.1:9092,PLAINTEXT://[::1]:9092");
  EXPECT_EQ(canonical(key, "PLAINTEXT://:0"), "PLAINTEXT://:0");
  for (const auto* text : {"", "127.0.0.1:9092", "PLAINTEXT://127.0.0.1", "PLAINTEXT://::1:9092",
                           "PLAINTEXT://127.0.0.1:65536", "://127.0.0.1:1", "A B://h:1", "P://h:1,p://h:1"}) {
    EXPECT_EQ(error_of(key, text), config_errc::invalid_value) << text;
  }
  EXPECT_EQ(error_of(broker_key("advertised.listeners"), "PLAINTEXT://0.0.0.0:9092"),
            config_errc::invalid_value);
  EXPECT_EQ(error_of(broker_key("advertised.listeners"), "PLAINTEXT://h:0"), config_errc::invalid_value);
  EXPECT_EQ(error_of(broker_key("log.dirs"), "/a,/b"), config_errc::invalid_value);
  EXPECT_EQ(error_of(broker_key("log.dirs"), "a"), config_errc::invalid_value);
}

TEST(config_value, what_does_not_work_is_refused_with_its_reason) {
  EXPECT_EQ(
      canonical(topic_key("remote.storage.enable"), "true"),
      "error: remote.storage.enable = true is not supported: Tiered storage is not part of this version. "
      "Allowed: only false");
  EXPECT_EQ(canonical(topic_key("remote.storage.enable"), "FALSE"), "false");
  EXPECT_EQ(error_of(topic_key("preallocate"), "true"), config_errc::refused);
  EXPECT_EQ(error_of(broker_key("num.replica.fetchers"), "2"), config_errc::refused);
  EXPECT_EQ(error_of(broker_key("num.replica.fetchers"), "1"), std::error_code{});
}

TEST(config_value, secrets_are_not_repeated) {
  const auto refused = parse_config_value(broker_key("ssl.keystore.password"), "hunter2");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().describe().find("hunter2"), std::string::npos);
}

TEST(config_list, append_and_subtract_keep_each_element_once) {
  const auto& key = topic_key("cleanup.policy");
  EXPECT_EQ(*append_to_config_list(key, "delete", "compact"), "delete,compact");
  EXPECT_EQ(*append_to_config_list(key, "delete,compact", "compact"), "delete,compact");
  EXPECT_EQ(*subtract_from_config_list(key, "delete,compact", "delete"), "compact");
  EXPECT_EQ(*subtract_from_config_list(key, "compact", "delete"), "compact");
  EXPECT_EQ(append_to_config_list(key, "delete", "shred").error().code, config_errc::invalid_value);
  EXPECT_EQ(append_to_config_list(topic_key("retention.ms"), "1", "2").error().code, config_errc::not_a_list);
}

TEST(config_names, slips_find_the_nearest_key) {
  EXPECT_EQ(nearest_config_key(config_scope::broker, "log.retention.mss")->name, "log.retention.ms");
  EXPECT_EQ(nearest_config_key(config_scope::broker, "max.conections.per.ip")->name,
            "max.connections.per.ip");
  EXPECT_EQ(nearest_config_key(config_scope::topic, "retention_ms")->name, "retention.ms");
  EXPECT_EQ(nearest_config_key(config_scope::topic, "qqqqqqqqqqqqqqqq"), nullptr);
  EXPECT_EQ(unknown_config_key_message(config_scope::topic, "retention.m"),
            "there is no key retention.m; did you mean retention.ms?");
}

TEST(config_names, keys_of_the_other_scope_are_told_apart) {
  EXPECT_EQ(unknown_config_key_message(config_scope::broker, "retention.ms"),
            "retention.ms is a key of topics; its default for all of them is log.retention.ms");
  EXPECT_EQ(unknown_config_key_message(config_scope::topic, "log.retention.hours"),
            "log.retention.hours is a key of the broker; the key of a topic is retention.ms");
}

}  // namespace
}  // namespace tidelog::metadata
