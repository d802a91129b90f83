// Transactions as their producers and their operators see them: ids, what is added to a transaction, how it ends, and what
// is told of it. What the coordinator does in every state is in tests/coordinator; here it is versions, words and codes.

#include "support_transactions.hpp"

#include "tidelog/protocol/add_partitions_to_txn.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/find_coordinator.hpp"

#include <algorithm>

namespace tidelog::test {
namespace {

using protocol::coordinator_type;
using protocol::error_code;

constexpr auto none = error_code::none;

protocol::find_coordinator_response find(test_broker& broker, std::vector<std::string> keys,
                                         std::int16_t version) {
  protocol::find_coordinator_request wanted;
  wanted.key_type = coordinator_type::transaction;
  wanted.coordinator_key = keys.front();
  wanted.coordinator_keys = std::move(keys);
  return broker.ask<protocol::find_coordinator_response>(wanted, version);
}

TEST(find_coordinator_of_transactions, makes_their_topic_once_and_is_this_broker_in_every_version) {
  for (std::int16_t first = 1; first <= 6; ++first) {
    SCOPED_TRACE(first);
    test_broker broker(for_transactions());
    // Version 0 knows groups only.
    EXPECT_EQ(find(broker, {"x"}, 0).error_code, none);
    EXPECT_EQ(broker.partitions().find("__transaction_state"), nullptr);
    const auto found = find(broker, {"x", "y"}, first);
    const auto topic = broker.partitions().find("__transaction_state");
    ASSERT_NE(topic, nullptr);
    EXPECT_EQ(topic->partitions.size(), 3U);
    EXPECT_TRUE(topic->partitions[0]->config()->cleanup_compact);
    if (first < 4) {
      EXPECT_EQ(found.error_code, none);
      EXPECT_EQ(found.node_id, test_broker::node_id);
      EXPECT_EQ(found.host, test_broker::host);
      EXPECT_EQ(found.port, test_broker::port);
    } else {
      ASSERT_EQ(found.coordinators.size(), 2U);
      EXPECT_EQ(found.coordinators[0].key, "x");
      EXPECT_EQ(found.coordinators[1].key, "y");
      EXPECT_EQ(found.coordinators[1].error_code, none);
      EXPECT_EQ(found.coordinators[1].host, test_broker::host);
    }
    EXPECT_EQ(find(broker, {"x"}, first).error_code, none);
    EXPECT_EQ(broker.partitions().find("__transaction_state")->partitions, topic->partitions);
  }
}

TEST(api_versions, shows_that_transactions_are_of_version_2) {
  test_broker broker;
  const protocol::api_versions_request wanted{"test", "1"};
  for (std::int16_t version = 3; version <= 4; ++version) {
    const auto told = broker.ask<protocol::api_versions_response>(wanted, version);
    const protocol::finalized_feature_key expected{"transaction.version", 2, 2};
    EXPECT_NE(std::ranges::find(told.finalized_features, expected), told.finalized_features.end());
  }
}

TEST_F(transactions, each_id_has_a_producer_of_its_own_and_the_later_fences_the_earlier) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto id = "x" + std::to_string(version);
    const auto first = client.init(id, {}, 1000, version);
    ASSERT_EQ(first.error_code, none);
    EXPECT_EQ(first.producer_epoch, 0);
    const auto second = client.init(id, {}, 1000, version);
    ASSERT_EQ(second.error_code, none);
    EXPECT_EQ(second.producer_id, first.producer_id);
    EXPECT_EQ(second.producer_epoch, 1);
    EXPECT_NE(client.init(id + "other", {}, 1000, version).producer_id, first.producer_id);
    EXPECT_EQ(client.add({id, first.producer_id, 0}, {{"t", {0}}}), code_list{error_code::producer_fenced});
    EXPECT_EQ(client.add({id, second.producer_id, 1}, {{"t", {0}}}), code_list{none});
  }
}

TEST_F(transactions, producer_that_goes_on_gets_the_next_epoch_and_one_that_is_fenced_is_told_so) {
  for (std::int16_t version = 3; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto before = client.begin("x" + std::to_string(version));
    const auto after = client.init(before.transactional_id, before, 1000, version);
    ASSERT_EQ(after.error_code, none);
    EXPECT_EQ(after.producer_id, before.id);
    EXPECT_EQ(after.producer_epoch, 1);
    // Its answer was lost: it is asked again.
    EXPECT_EQ(client.init(before.transactional_id, before, 1000, version).producer_epoch, 1);
    ASSERT_EQ(client.init(before.transactional_id, {}, 1000, version).producer_epoch, 2);
    const auto fenced = client.init(before.transactional_id, before, 1000, version);
    EXPECT_EQ(fenced.error_code,
              version < 4 ? error_code::invalid_producer_epoch : error_code::producer_fenced);
    EXPECT_EQ(fenced.producer_id, -1);
    EXPECT_EQ(fenced.producer_epoch, -1);
  }
}

TEST_F(transactions, producers_are_refused_that_ask_for_what_cannot_be) {
  const auto code_of = [&](const std::string& id, const test_producer& before, std::int32_t timeout_ms) {
    return client.init(id, before, timeout_ms).error_code;
  };
  EXPECT_EQ(code_of("", {}, 1000), error_code::invalid_request);
  EXPECT_EQ(code_of("x", {"", 5, -1}, 1000), error_code::invalid_request);
  EXPECT_EQ(code_of("x", {"", -1, 5}, 1000), error_code::invalid_request);
  EXPECT_EQ(code_of("x", {}, 0), error_code::invalid_transaction_timeout);
  EXPECT_EQ(code_of("x", {}, 900'001), error_code::invalid_transaction_timeout);
  EXPECT_EQ(code_of("x", {}, 900'000), none);
}

TEST_F(transactions, open_one_of_an_earlier_producer_is_aborted_first) {
  const auto first = client.begin("x");
  ASSERT_EQ(client.add(first, {{"t", {0}}}), code_list{none});
  EXPECT_EQ(client.produce(first, {{}}), code_list{none});
  EXPECT_EQ(client.init("x").error_code, error_code::concurrent_transactions);
  client.await_state("x", "CompleteAbort");
  const auto second = client.begin("x");
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.epoch, 2) << "one for the abort, one for the producer";
  EXPECT_EQ(client.end(first, true).error_code, error_code::producer_fenced);
  EXPECT_EQ(client.state_of("x"), "Empty");
}

TEST_F(transactions, partitions_are_added_by_clients_up_to_version_3) {
  for (std::int16_t version = 0; version <= 3; ++version) {
    SCOPED_TRACE(version);
    const auto by = client.begin("x" + std::to_string(version));
    EXPECT_EQ(client.add(by, {{"t", {0, 2}}, {"u", {0}}}, version), (code_list{none, none, none}));
    EXPECT_EQ(client.add(by, {{"t", {1, 0}}}, version), (code_list{none, none}));
    const auto told = client.describe(by.transactional_id);
    ASSERT_EQ(told.topics.size(), 2U);
    EXPECT_EQ(told.topics[0].partitions, (std::vector<std::int32_t>{0, 1, 2}));

    const auto other = client.begin("y" + std::to_string(version));
    const partition_map with_unknown{{"t", {0, 3, -1}}, {"unknown", {0}}};
    constexpr auto unknown = error_code::unknown_topic_or_partition;
    EXPECT_EQ(client.add(other, with_unknown, version),
              (code_list{error_code::operation_not_attempted, unknown, unknown, unknown}));
    EXPECT_EQ(client.state_of(other.transactional_id), "Empty");

    const auto later = client.begin(other.transactional_id);
    EXPECT_EQ(client.add(other, {{"t", {0}}}, version),
              code_list{version < 2 ? error_code::invalid_producer_epoch : error_code::producer_fenced});
    EXPECT_EQ(client.add({"none", 5, 0}, {{"t", {0}}}, version),
              code_list{error_code::invalid_producer_id_mapping});
    EXPECT_EQ(client.add({later.transactional_id, later.id + 1000, later.epoch}, {{"t", {0}}}, version),
              code_list{error_code::invalid_producer_id_mapping});
    EXPECT_EQ(client.add({"", 5, 0}, {{"t", {0}}}, version), code_list{error_code::invalid_request});
  }
}

TEST_F(transactions, partitions_of_the_coordinators_are_not_added_by_clients) {
  const auto by = client.begin("x");
  for (std::int16_t version = 0; version <= 3; ++version) {
    const partition_map wanted{{"__consumer_offsets", {0}}, {"__transaction_state", {0}}, {"t", {0, 9}}};
    constexpr auto refused = error_code::topic_authorization_failed;
    EXPECT_EQ(client.add(by, wanted, version),
              (code_list{refused, refused, error_code::operation_not_attempted,
                         error_code::unknown_topic_or_partition}));
  }
  EXPECT_EQ(client.state_of("x"), "Empty");
  // Brokers ask about them.
  EXPECT_EQ(client.add(by, {{"__consumer_offsets", {0}}}, 4), code_list{none});
}

TEST_F(transactions, partitions_of_many_are_added_and_verified_from_version_4_on) {
  for (std::int16_t version = 4; version <= 5; ++version) {
    SCOPED_TRACE(version);
    const auto absent = version == 4 ? error_code::invalid_txn_state : error_code::transaction_abortable;
    const auto a = client.begin("a" + std::to_string(version));
    const auto b = client.begin("b" + std::to_string(version));
    protocol::add_partitions_to_txn_request wanted;
    wanted.transactions.push_back({a.transactional_id, a.id, a.epoch, false, {{"t", {0}}}});
    wanted.transactions.push_back({b.transactional_id, b.id, b.epoch, true, {{"t", {0}}}});
    wanted.transactions.push_back({"none", 5, 0, false, {{"t", {1}}, {"u", {0}}}});
    wanted.transactions.push_back({b.transactional_id, b.id, b.epoch, false, {{"t", {9, 1}}}});
    const auto answer = broker.ask<protocol::add_partitions_to_txn_response>(wanted, version);
    EXPECT_EQ(answer.error_code, none);
    const auto& told = answer.results_by_transaction;
    ASSERT_EQ(told.size(), 4U);
    const auto code = [&](std::size_t of, std::size_t topic, std::size_t row) {
      return told.at(of).topic_results.at(topic).results_by_partition.at(row).partition_error_code;
    };
    EXPECT_EQ(told[0].transactional_id, a.transactional_id);
    EXPECT_EQ(code(0, 0, 0), none);
    EXPECT_EQ(told[1].transactional_id, b.transactional_id);
    EXPECT_EQ(code(1, 0, 0), absent);
    EXPECT_EQ(code(2, 1, 0), error_code::invalid_producer_id_mapping);
    EXPECT_EQ(code(3, 0, 0), error_code::unknown_topic_or_partition);
    EXPECT_EQ(code(3, 0, 1), error_code::operation_not_attempted);
    EXPECT_EQ(client.state_of(b.transactional_id), "Empty");

    EXPECT_EQ(client.add(a, {{"t", {1, 0}}}, version, true), (code_list{absent, none}));
    EXPECT_EQ(client.describe(a.transactional_id).topics.at(0).partitions, std::vector<std::int32_t>{0});
    static_cast<void>(client.init(a.transactional_id));
    EXPECT_EQ(client.add(a, {{"t", {0}}}, version, true), code_list{error_code::producer_fenced});
  }
}

TEST(transactions_before, their_topic_is_there_are_told_to_be_not_available) {
  test_broker broker(for_transactions());
  transaction_client client(broker);
  const auto told = client.describe("x");
  EXPECT_EQ(told.error_code, error_code::coordinator_not_available);
  EXPECT_EQ(told.transactional_id, "x");
  EXPECT_EQ(client.end({"x", 5, 0}, true).error_code, error_code::coordinator_not_available);
}

TEST(transactions_before, offsets_are_added_the_topic_of_groups_is_made) {
  for (std::int16_t version = 0; version <= 4; ++version) {
    SCOPED_TRACE(version);
    test_broker broker(for_transactions());
    transaction_client client(broker);
    ASSERT_EQ(find(broker, {"x"}, 1).error_code, none);
    const auto by = client.begin("x");
    EXPECT_EQ(broker.partitions().find("__consumer_offsets"), nullptr);
    EXPECT_EQ(client.add_offsets(by, "g", version), none);
    const auto made = broker.partitions().find("__consumer_offsets");
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(made->partitions.size(), 3U);
    const auto told = client.describe("x");
    EXPECT_EQ(told.transaction_state, "Ongoing");
    ASSERT_EQ(told.topics.size(), 1U);
    EXPECT_EQ(told.topics[0].topic, "__consumer_offsets");
    EXPECT_EQ(told.topics[0].partitions.size(), 1U);

    const test_producer older{"x", by.id, static_cast<std::int16_t>(by.epoch + 1)};
    EXPECT_EQ(client.add_offsets(older, "g", version),
              version < 2 ? error_code::invalid_producer_epoch : error_code::producer_fenced);
    EXPECT_EQ(client.add_offsets({"none", 5, 0}, "g", version), error_code::invalid_producer_id_mapping);
    EXPECT_EQ(client.add_offsets({"", 5, 0}, "g", version), error_code::invalid_request);
  }
}

TEST_F(transactions, end_as_their_producer_says_which_keeps_its_epoch_up_to_version_4) {
  for (std::int16_t version = 0; version <= 4; ++version) {
    for (const bool commits : {true, false}) {
      SCOPED_TRACE(testing::Message() << version << (commits ? " commits" : " aborts"));
      const auto by = client.begin("x" + std::to_string(version));
      EXPECT_EQ(client.end(by, commits, version).error_code, error_code::invalid_txn_state);
      ASSERT_EQ(client.add(by, {{"t", {0}}}), code_list{none});
      client.end_and_wait(by, commits, version);
      // Again, since the answer was lost; and the other way, which is too late.
      EXPECT_EQ(client.end(by, commits, version).error_code, none);
      EXPECT_EQ(client.end(by, !commits, version).error_code, error_code::invalid_txn_state);
      const auto told = client.describe(by.transactional_id);
      EXPECT_EQ(told.transaction_state, commits ? "CompleteCommit" : "CompleteAbort");
      EXPECT_EQ(told.producer_epoch, by.epoch);
      EXPECT_TRUE(told.topics.empty());
      const auto later = client.begin(by.transactional_id);
      EXPECT_EQ(client.end(by, commits, version).error_code,
                version < 2 ? error_code::invalid_producer_epoch : error_code::producer_fenced);
      EXPECT_EQ(later.epoch, by.epoch + 1);
    }
  }
  EXPECT_EQ(client.end({"none", 5, 0}, true).error_code, error_code::invalid_producer_id_mapping);
  EXPECT_EQ(client.end({"", 5, 0}, true).error_code, error_code::invalid_request);
}

TEST_F(transactions, end_from_version_5_on_with_the_next_epoch) {
  for (const bool commits : {true, false}) {
    SCOPED_TRACE(commits);
    const auto by = client.begin(commits ? "c" : "a");
    ASSERT_EQ(client.produce(by, {{}}, transaction_client::first_adding_produce), code_list{none});
    const auto next = client.end_and_wait(by, commits, 5);
    EXPECT_EQ(next.id, by.id);
    EXPECT_EQ(next.epoch, by.epoch + 1);
    const auto again = client.end(by, commits, 5);
    EXPECT_EQ(again.error_code, none);
    EXPECT_EQ(again.producer_id, by.id);
    EXPECT_EQ(again.producer_epoch, next.epoch);
    EXPECT_EQ(client.end(by, !commits, 5).error_code, error_code::invalid_txn_state);
    EXPECT_EQ(client.end(next, true, 5).error_code, error_code::invalid_txn_state);
    // The one before is of the transaction that has ended.
    EXPECT_EQ(client.produce(by, {{.partition = 1}}, transaction_client::first_adding_produce),
              code_list{error_code::invalid_producer_epoch});
    EXPECT_EQ(client.produce(next, {{}}, transaction_client::first_adding_produce), code_list{none});
    const auto zombie = client.end(by, commits, 5);
    EXPECT_EQ(zombie.error_code, error_code::producer_fenced);
    EXPECT_EQ(zombie.producer_id, -1);
    EXPECT_EQ(zombie.producer_epoch, -1);
  }
}

TEST_F(transactions, aborts_of_nothing_raise_the_epoch_from_version_5_on) {
  const auto by = client.begin("x");
  const auto next = client.end_and_wait(by, false, 5);
  EXPECT_EQ(next.epoch, by.epoch + 1);
  EXPECT_EQ(client.end_and_wait(next, false, 5).epoch, by.epoch + 2);
}

TEST_F(transactions, that_still_end_are_told_so) {
  for (const bool commits : {true, false}) {
    const std::string id = commits ? "c" : "a";
    const auto by = client.begin(id);
    ASSERT_EQ(client.add(by, {{"u", {0}}}), code_list{none});
    client.hold_markers();
    ASSERT_EQ(client.end(by, commits).error_code, none);
    EXPECT_EQ(client.state_of(id), commits ? "PrepareCommit" : "PrepareAbort");
    EXPECT_EQ(client.end(by, commits).error_code, error_code::concurrent_transactions);
    EXPECT_EQ(client.end(by, !commits).error_code, error_code::invalid_txn_state);
    EXPECT_EQ(client.init(id).error_code, error_code::concurrent_transactions);
    client.let_markers_through(id);
    EXPECT_EQ(client.end(by, commits).error_code, none);
  }
}

TEST_F(transactions, are_described_one_by_one) {
  const auto by = client.begin("x", 12'345);
  auto told = client.describe("x");
  EXPECT_EQ(told.error_code, none);
  EXPECT_EQ(told.transaction_state, "Empty");
  EXPECT_EQ(told.transaction_timeout_ms, 12'345);
  EXPECT_EQ(told.transaction_start_time_ms, -1);
  EXPECT_EQ(told.producer_id, by.id);
  EXPECT_EQ(told.producer_epoch, 0);
  EXPECT_TRUE(told.topics.empty());
  ASSERT_EQ(client.add(by, {{"u", {0}}, {"t", {2}}}), (code_list{none, none}));
  told = client.describe("x");
  EXPECT_EQ(told.transaction_state, "Ongoing");
  EXPECT_EQ(told.transaction_start_time_ms, broker.clock().now_ms());
  ASSERT_EQ(told.topics.size(), 2U);
  EXPECT_EQ(told.topics[1], (protocol::describe_transactions_response_topic{"u", {0}}));

  const protocol::describe_transactions_request wanted{{"none", "x", ""}};
  const auto rows = broker.ask<protocol::describe_transactions_response>(wanted).transaction_states;
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].transactional_id, "none");
  EXPECT_EQ(rows[0].error_code, error_code::transactional_id_not_found);
  EXPECT_EQ(rows[1], told);
  EXPECT_EQ(rows[2].error_code, error_code::invalid_request);
}

TEST_F(transactions, are_listed_by_state_producer_age_and_pattern) {
  const auto open = client.begin("open-1");
  const auto rest = client.begin("rest-1");
  ASSERT_EQ(client.add(open, {{"t", {0}}}), code_list{none});
  broker.clock().advance(std::chrono::seconds(5));
  const auto late = client.begin("open-2");
  ASSERT_EQ(client.add(late, {{"t", {0}}}), code_list{none});
  const auto ask = [&](const protocol::list_transactions_request& wanted, std::int16_t version = 2) {
    return broker.ask<protocol::list_transactions_response>(wanted, version);
  };
  const auto listed = [&](const protocol::list_transactions_request& wanted, std::int16_t version = 2) {
    std::vector<std::string> ids;
    for (const auto& each : ask(wanted, version).transaction_states) ids.push_back(each.transactional_id);
    std::ranges::sort(ids);
    return ids;
  };
  using ids = std::vector<std::string>;
  for (std::int16_t version = 0; version <= 2; ++version) {
    SCOPED_TRACE(version);
    EXPECT_EQ(listed({}, version), (ids{"open-1", "open-2", "rest-1"}));
    EXPECT_EQ(listed({{"Ongoing"}, {}, -1, {}}, version), (ids{"open-1", "open-2"}));
    EXPECT_EQ(listed({{"Ongoing", "Empty"}, {rest.id}, -1, {}}, version), ids{"rest-1"});
    EXPECT_EQ(listed({{}, {open.id + 1000}, -1, {}}, version), ids{});
    const auto row = ask({{}, {open.id}, -1, {}}, version).transaction_states.at(0);
    EXPECT_EQ(row, (protocol::list_transactions_response_transaction{"open-1", open.id, "Ongoing"}));
    const auto unknown = ask({{"Nonsense"}, {}, -1, {}}, version);
    EXPECT_EQ(unknown.unknown_state_filters, ids{"Nonsense"});
    EXPECT_TRUE(unknown.transaction_states.empty());
    const auto partly = ask({{"Nonsense", "Empty"}, {}, -1, {}}, version);
    EXPECT_EQ(partly.unknown_state_filters, ids{"Nonsense"});
    EXPECT_EQ(partly.transaction_states.size(), 1U);
  }
  for (std::int16_t version = 1; version <= 2; ++version) {
    EXPECT_EQ(listed({{"Ongoing"}, {}, 4999, {}}, version), ids{"open-1"});
    EXPECT_EQ(listed({{"Ongoing"}, {}, 5000, {}}, version), ids{});
  }
  EXPECT_EQ(listed({{}, {}, -1, "open-."}), (ids{"open-1", "open-2"}));
  EXPECT_EQ(listed({{}, {}, -1, "pen"}), ids{}) << "the whole id is to match";
  EXPECT_EQ(listed({{}, {}, -1, ""}).size(), 3U);
  const auto invalid = ask({{}, {}, -1, "("});
  EXPECT_EQ(invalid.error_code, error_code::invalid_regular_expression);
  EXPECT_TRUE(invalid.transaction_states.empty());
}

}  // namespace
}  // namespace tidelog::test
