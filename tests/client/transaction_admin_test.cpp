#include "tidelog/client/transaction_admin.hpp"

#include "support_fake_broker.hpp"

#include <gtest/gtest.h>

#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_transactions.hpp"
#include "tidelog/protocol/list_transactions.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"

namespace tidelog::client {
namespace {

using protocol::error_code;

class transaction_admin_test : public testing::Test {
 protected:
  transaction_admin_test() {
    broker_.has_topics({{"orders", 2}});
    broker_.coordinates();
  }

  void connect() {
    cluster_options options;
    options.first_backoff = std::chrono::milliseconds(1);
    auto connected = cluster::connect({broker_.address()}, options);
    ASSERT_TRUE(connected) << connected.error().describe();
    cluster_ = std::move(*connected);
  }
  /// What answers have noted is there afterwards.
  void disconnect() {
    cluster_.reset();
    broker_.finish();
  }

  /// The coordinator knows these: transactional id, producer, and partitions of "orders" in the open transaction.
  struct known_transaction {
    std::string id;
    std::int64_t producer;
    std::vector<std::int32_t> partitions;
  };
  void coordinator_knows(const std::vector<known_transaction>& transactions) {
    broker_.on<protocol::list_transactions_request>([this, transactions](const auto& asked) {
      list_request_ = asked;
      protocol::list_transactions_response answer;
      for (const auto& one : transactions)
        answer.transaction_states.push_back({one.id, one.producer, "Ongoing"});
      return answer;
    });
    broker_.on<protocol::describe_transactions_request>([transactions](const auto& asked) {
      protocol::describe_transactions_response answer;
      for (const auto& id : asked.transactional_ids) {
        auto& row = answer.transaction_states.emplace_back();
        row.transactional_id = id;
        row.error_code = error_code::transactional_id_not_found;
        for (const auto& one : transactions) {
          if (one.id != id) continue;
          row.error_code = error_code::none;
          row.transaction_state = "Ongoing";
          row.producer_id = one.producer;
          row.transaction_start_time_ms = 5;
          row.topics.push_back({"orders", one.partitions});
        }
      }
      return answer;
    });
  }
  void partitions_know(const std::vector<protocol::describe_producers_partition_response>& partitions) {
    broker_.on<protocol::describe_producers_request>([partitions](const auto& /*asked*/) {
      protocol::describe_producers_response answer;
      answer.topics.push_back({"orders", partitions});
      return answer;
    });
  }
  base::result<hanging_search> search(std::int64_t quiet_since) {
    TIDELOG_TRY(const auto topics, cluster_->all_topics());
    return find_hanging(*cluster_, topics, model::timestamp(quiet_since));
  }

  test::fake_broker broker_;
  std::unique_ptr<cluster> cluster_;
  protocol::list_transactions_request list_request_;
};

protocol::describe_producers_partition_response partition(
    std::int32_t index, std::vector<protocol::describe_producers_producer_state> producers) {
  return {index, error_code::none, std::nullopt, std::move(producers)};
}
/// A producer whose transaction began at `start`, -1 for none.
protocol::describe_producers_producer_state producer(std::int64_t id, std::int64_t last_write,
                                                     std::int64_t start) {
  return {id, 2, 9, last_write, -1, start};
}

TEST_F(transaction_admin_test, filters_travel_and_ids_come_in_order) {
  coordinator_knows({{"z", 1, {}}, {"a", 2, {}}});
  connect();
  transaction_filter filter;
  filter.states = {"Ongoing"};
  filter.producers = {model::producer_id(2)};
  filter.open_for = std::chrono::seconds(3);
  filter.id_pattern = "a.*";
  const auto listed = list_transactions(*cluster_, filter);
  ASSERT_TRUE(listed) << listed.error().describe();
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->at(0).id, "a");
  EXPECT_EQ(listed->at(0).producer, model::producer_id(2));
  disconnect();
  EXPECT_EQ(list_request_, (protocol::list_transactions_request{{"Ongoing"}, {2}, 3'000, "a.*"}));
}

TEST_F(transaction_admin_test, state_that_there_is_not_is_named) {
  broker_.on<protocol::list_transactions_request>([](const auto& asked) {
    protocol::list_transactions_response answer;
    answer.unknown_state_filters = asked.state_filters;
    return answer;
  });
  connect();
  transaction_filter filter;
  filter.states = {"Open"};
  const auto listed = list_transactions(*cluster_, filter);
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, std::errc::invalid_argument);
  EXPECT_NE(listed.error().context.find("\"Open\""), std::string::npos);
}

TEST_F(transaction_admin_test, broker_that_cannot_filter_is_not_asked) {
  broker_.on<protocol::list_transactions_request>(
      [](const auto& /*asked*/) { return protocol::list_transactions_response{}; }, {0, 1});
  connect();
  transaction_filter filter;
  filter.open_for = std::chrono::seconds(3);
  EXPECT_TRUE(list_transactions(*cluster_, filter));
  filter.id_pattern = "a";
  EXPECT_EQ(list_transactions(*cluster_, filter).error().code, client_errc::unsupported_api);
}

TEST_F(transaction_admin_test, description_of_an_unknown_id_fails) {
  coordinator_knows({{"a", 2, {1, 0}}});
  connect();
  const std::vector<std::string> ids{"a", "b"};
  const auto known = describe_transactions(*cluster_, std::span(ids).first(1));
  ASSERT_TRUE(known) << known.error().describe();
  EXPECT_EQ(known->at(0).start, model::timestamp(5));
  EXPECT_EQ(known->at(0).partitions,
            (partition_list{{"orders", model::partition_index(0)}, {"orders", model::partition_index(1)}}));
  const auto both = describe_transactions(*cluster_, ids);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, broker_error(error_code::transactional_id_not_found));
  EXPECT_EQ(both.error().context, "b");
}

TEST_F(transaction_admin_test, transactions_hang_that_no_coordinator_is_going_to_end) {
  coordinator_knows({{"runs", 11, {0}}, {"elsewhere", 12, {1}}});
  partitions_know({partition(0, {producer(14, 100, -1), producer(13, 900, 40), producer(12, 100, 30),
                                 producer(11, 100, 20), producer(10, 100, 10)}),
                   partition(1, {producer(12, 100, 7)})});
  connect();
  const auto found = search(500);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(found->unseen.empty());
  ASSERT_EQ(found->found.size(), 2U);
  const auto& forgotten = found->found.at(0);
  EXPECT_EQ(forgotten.producer.id, model::producer_id(10));
  EXPECT_EQ(forgotten.producer.open_from, model::offset(10));
  EXPECT_EQ(forgotten.producer.coordinator_epoch, std::nullopt);
  EXPECT_EQ(forgotten.id, "");
  const auto& left_out = found->found.at(1);
  EXPECT_EQ(left_out.at.text(), "orders-0");
  EXPECT_EQ(left_out.id, "elsewhere");
  disconnect();
  EXPECT_EQ(list_request_.producer_id_filters, (std::vector<std::int64_t>{10, 11, 12, 12}));
}

TEST_F(transaction_admin_test, partitions_that_cannot_be_looked_at_are_told) {
  partitions_know({partition(0, {}), {1, error_code::kafka_storage_error, "the disk is gone", {}}});
  connect();
  const auto found = search(500);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_TRUE(found->found.empty());
  ASSERT_EQ(found->unseen.size(), 1U);
  EXPECT_EQ(found->unseen.at(0).at.text(), "orders-1");
  EXPECT_EQ(found->unseen.at(0).message, "the disk is gone");
}

TEST_F(transaction_admin_test, abort_is_written_into_one_partition) {
  protocol::write_txn_markers_request written;
  int refusals = 1;
  broker_.on<protocol::write_txn_markers_request>([&](const auto& asked) {
    written = asked;
    protocol::write_txn_markers_response answer;
    const auto outcome = refusals-- > 0 ? error_code::not_leader_or_follower : error_code::none;
    answer.markers.push_back({7, {{"orders", {{1, outcome}}}}});
    return answer;
  });
  connect();
  const auto aborted = abort_transaction(
      *cluster_, {{"orders", model::partition_index(1)}, model::producer_id(7), model::producer_epoch(2), 4});
  EXPECT_TRUE(aborted) << aborted.error().describe();
  disconnect();
  EXPECT_EQ(written, (protocol::write_txn_markers_request{{{7, 2, false, {{"orders", {1}}}, 4, 0}}}));
}

}  // namespace
}  // namespace tidelog::client
