#include "tidelog/client/producer.hpp"

#include "support_fake_broker.hpp"

#include <gtest/gtest.h>

#include "tidelog/protocol/end_txn.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/produce.hpp"

namespace tidelog::client {
namespace {

using protocol::error_code;

/// What the broker was told of transactions, in order: "produce ID EPOCH SEQUENCE", "commit EPOCH", "abort EPOCH".
class transactional_producer_test : public testing::Test {
 protected:
  transactional_producer_test() {
    broker_.has_topics({{"t", 1}});
    broker_.coordinates();
    broker_.on<protocol::init_producer_id_request>([this](const auto& asked) {
      told_.push_back("init " + asked.transactional_id.value_or("-"));
      protocol::init_producer_id_response answer;
      answer.error_code = std::exchange(first_init_, error_code::none);
      answer.producer_id = 7;
      answer.producer_epoch = 3;
      return answer;
    });
    serve_produce(protocol::produce_request::versions);
    broker_.on<protocol::end_txn_request>([this](const auto& asked) {
      told_.push_back(fmt::format("{} {}", asked.committed ? "commit" : "abort", asked.producer_epoch));
      protocol::end_txn_response answer;
      answer.producer_id = asked.producer_id;
      answer.producer_epoch = static_cast<std::int16_t>(asked.producer_epoch + 1);
      return answer;
    });
  }

  void serve_produce(codec::version_range versions) {
    broker_.on<protocol::produce_request>(
        [this](const auto& asked) {
          const auto& records = asked.topic_data.at(0).partition_data.at(0).records;
          const auto batch = model::parse_only_record_batch(records.bytes).value();
          told_.push_back(fmt::format("produce {} {} {}{}", asked.transactional_id.value_or("-"),
                                      batch.producer_epoch().value(), batch.base_sequence().value(),
                                      batch.is_transactional() ? "" : " outside"));
          protocol::produce_response answer;
          auto& topic = answer.responses.emplace_back();
          topic.topic_id = asked.topic_data.at(0).topic_id;
          topic.partition_responses.emplace_back().error_code = produce_;
          return answer;
        },
        versions);
  }

  base::result<std::unique_ptr<cluster>> connect() {
    cluster_options options;
    options.first_backoff = std::chrono::milliseconds(1);
    return cluster::connect({broker_.address()}, options);
  }
  static producer_options options() {
    producer_options options;
    options.idempotence = idempotence::on;
    options.transactional_id = "loader";
    return options;
  }
  static base::status add_one(producer& into) {
    outgoing_record record;
    record.value = base::as_bytes("value");
    return into.add("t", record);
  }
  /// Everything, when the client is gone.
  const std::vector<std::string>& told() {
    broker_.finish();
    return told_;
  }

  test::fake_broker broker_;
  error_code first_init_ = error_code::none;
  error_code produce_ = error_code::none;

 private:
  std::vector<std::string> told_;
};

TEST_F(transactional_producer_test, each_transaction_has_an_epoch_and_sequences_of_its_own) {
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(add_one(producer));
      ASSERT_TRUE(producer.flush());
      ASSERT_TRUE(add_one(producer));
      ASSERT_TRUE(producer.commit());
    }
  }
  EXPECT_EQ(told(),
            (std::vector<std::string>{"init loader", "produce loader 3 0", "produce loader 3 1", "commit 3",
                                      "produce loader 4 0", "produce loader 4 1", "commit 4"}));
}

TEST_F(transactional_producer_test, transaction_of_no_records_is_none) {
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    EXPECT_TRUE(producer.commit());
    EXPECT_TRUE(producer.abort());
  }
  EXPECT_TRUE(told().empty());
}

TEST_F(transactional_producer_test, abort_forgets_what_was_not_sent_and_takes_back_what_was) {
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    ASSERT_TRUE(add_one(producer));
    ASSERT_TRUE(producer.flush());
    ASSERT_TRUE(add_one(producer));
    ASSERT_TRUE(producer.abort());
    ASSERT_TRUE(add_one(producer));
    ASSERT_TRUE(producer.commit());
  }
  EXPECT_EQ(told(), (std::vector<std::string>{"init loader", "produce loader 3 0", "abort 3",
                                              "produce loader 4 0", "commit 4"}));
}

TEST_F(transactional_producer_test, batch_that_is_refused_can_be_aborted) {
  produce_ = error_code::message_too_large;
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    ASSERT_TRUE(add_one(producer));
    EXPECT_FALSE(producer.commit());
    EXPECT_TRUE(producer.abort());
  }
  EXPECT_EQ(told(), (std::vector<std::string>{"init loader", "produce loader 3 0", "abort 3"}));
}

TEST_F(transactional_producer_test, end_of_the_transaction_before_is_waited_for) {
  first_init_ = error_code::concurrent_transactions;
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    EXPECT_TRUE(add_one(producer));
  }
  EXPECT_EQ(told(), (std::vector<std::string>{"init loader", "init loader"}));
}

TEST_F(transactional_producer_test, broker_that_does_not_add_partitions_itself_is_too_old) {
  serve_produce({3, 11});
  {
    const auto cluster = connect();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    producer producer(**cluster, options(), {});
    ASSERT_TRUE(add_one(producer));
    const auto sent = producer.commit();
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, client_errc::unsupported_api);
    EXPECT_TRUE(producer.abort());
  }
  EXPECT_EQ(told(), (std::vector<std::string>{"init loader"}));
}

}  // namespace
}  // namespace tidelog::client
