// Every API that is served, in every version: it answers, and what lies outside is refused as designed.

#include "protocol/all_messages.hpp"
#include "support/message_filler.hpp"
#include "support/random_seed.hpp"
#include "support_broker_fixture.hpp"

#include <map>

namespace tidelog::test {
namespace {

/// Fillings after which a request means something else than "answer me now".
template <class Message>
void ask_for_an_answer(Message& message) {
  if constexpr (requires { message.acks; }) message.acks = -1;
  if constexpr (requires { message.max_wait_ms; }) message.max_wait_ms = 0;
}

/// A broker whose groups do not wait for more members.
test_broker_options answers_at_once() {
  return {.configuration_file = {{"group.initial.rebalance.delay.ms", "0"}}};
}

struct api_case {
  std::vector<std::byte> (*default_frame)(std::int16_t version);
  std::vector<std::byte> (*random_frame)(std::int16_t version, value_source& from);
  void (*check_answer)(reply& got, std::int16_t version);
};

/// By the name of the message.
std::map<std::string, api_case, std::less<>> all_cases() {
  std::map<std::string, api_case, std::less<>> cases;
  for_each_message([&]<class Message>(const std::string& name) {
    // The bytes that consumers exchange through groups are no requests.
    if constexpr (requires { Message::key; }) {
      cases[name] = {[](std::int16_t version) {
                       Message message;
                       ask_for_an_answer(message);
                       return test_broker::frame_of(message, version);
                     },
                     [](std::int16_t version, value_source& from) {
                       Message message;
                       fill(message, version, from);
                       ask_for_an_answer(message);
                       return test_broker::frame_of(message, version);
                     },
                     [](reply& got, std::int16_t version) {
                       static_cast<void>(test_broker::decode<Message>(got, version));
                     }};
    }
  });
  return cases;
}

template <class Check>
void for_each_served_version(Check&& check) {
  const auto cases = all_cases();
  for (const auto& api : server::served_apis()) {
    const std::string name(api.name);
    const auto& asked = cases.at(name + "Request");
    const auto& answered = cases.at(name + "Response");
    // Produce is told from 0 on and served from 3 on.
    const std::int16_t first = name == "Produce" ? std::int16_t{3} : api.min_version;
    for (auto version = first; version <= api.max_version; ++version) {
      SCOPED_TRACE(name + " version " + std::to_string(version));
      check(asked, answered, version);
    }
  }
}

/// A request that nobody has a message for: just a header, with the tags of the newer ones.
std::vector<std::byte> bare_header(std::int16_t key, std::int16_t version) {
  codec::wire_writer writer;
  writer.write_integer<std::int16_t>(key);
  writer.write_integer<std::int16_t>(version);
  writer.write_integer<std::int32_t>(77);
  writer.write_integer<std::int16_t>(-1);
  writer.write_unsigned_varint(0);
  return std::move(writer).take().memory;
}

TEST(api_table, every_version_of_every_api_answers_an_empty_request) {
  test_broker broker(answers_at_once());
  for_each_served_version([&](const api_case& asked, const api_case& answered, std::int16_t version) {
    auto got = broker.send_frame(asked.default_frame(version));
    ASSERT_EQ(got.what, reply::kind::answered) << got.reason;
    answered.check_answer(got, version);
  });
}

TEST(api_table, every_version_of_every_api_answers_whatever_it_is_asked) {
  test_broker broker(answers_at_once());
  broker.make_topic("topic-1", 2);
  value_source from(random_seed());
  constexpr int rounds = 20;
  for_each_served_version([&](const api_case& asked, const api_case& answered, std::int16_t version) {
    for (int round = 0; round < rounds; ++round) {
      auto got = broker.send_frame(asked.random_frame(version, from));
      ASSERT_EQ(got.what, reply::kind::answered) << got.reason;
      answered.check_answer(got, version);
    }
  });
}

TEST(api_table, cut_off_requests_close_the_connection_or_are_answered_and_never_more) {
  test_broker broker(answers_at_once());
  value_source from(random_seed());
  for_each_served_version([&](const api_case& asked, const api_case&, std::int16_t version) {
    auto frame = asked.random_frame(version, from);
    frame.resize(from.below(frame.size()));
    EXPECT_NE(broker.send_frame(std::move(frame)).what, reply::kind::answered_nothing);
  });
}

TEST(api_table, versions_outside_close_the_connection) {
  test_broker broker;
  for (const auto& api : server::served_apis()) {
    if (api.name == "ApiVersions") continue;
    const auto below = static_cast<std::int16_t>(api.name == "Produce" ? 2 : api.min_version - 1);
    const auto above = static_cast<std::int16_t>(api.max_version + 1);
    for (const auto version : {below, above}) {
      const auto got = broker.send_frame(bare_header(api.key, version));
      EXPECT_EQ(got.what, reply::kind::closed) << api.name << " version " << version;
      EXPECT_FALSE(got.reason.empty());
    }
  }
}

TEST(api_table, an_api_that_is_not_served_closes_the_connection) {
  test_broker broker;
  for (const std::int16_t key : {std::int16_t{4}, std::int16_t{1000}, std::int16_t{-1}}) {
    EXPECT_EQ(broker.send_frame(bare_header(key, 0)).what, reply::kind::closed) << key;
  }
}

TEST(api_table, api_versions_of_a_version_to_come_is_answered_in_version_0) {
  test_broker broker;
  auto got = broker.send_frame(bare_header(18, 99));
  ASSERT_EQ(got.what, reply::kind::answered) << got.reason;
  const auto answer = test_broker::decode<protocol::api_versions_response>(got, 0);
  EXPECT_EQ(answer.error_code, protocol::error_code::unsupported_version);
  ASSERT_EQ(answer.api_keys.size(), 1U);
  EXPECT_EQ(answer.api_keys.front().api_key, protocol::api_key::api_versions);
}

}  // namespace
}  // namespace tidelog::test
