// `tidelog transaction` and `tidelog produce --transactional-id` against a broker that answers as it is told.

#include "client/support_fake_broker.hpp"
#include "support_data_directory.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tidelog/protocol/describe_producers.hpp"
#include "tidelog/protocol/describe_transactions.hpp"
#include "tidelog/protocol/end_txn.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/list_transactions.hpp"
#include "tidelog/protocol/produce.hpp"
#include "tidelog/protocol/write_txn_markers.hpp"
#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

using nlohmann::json;
using protocol::error_code;

constexpr int not_found = static_cast<int>(exit_code::not_found);

/// Producer 7 has a transaction open from offset 15 on in orders-0 since 1970, which the coordinator of "loader" knows
/// only in orders-1.
class cli_transaction_test : public testing::Test {
 protected:
  cli_transaction_test() {
    broker_.has_topics({{"orders", 2}});
    broker_.coordinates();
    broker_.on<protocol::list_transactions_request>([](const auto& asked) {
      protocol::list_transactions_response answer;
      if (asked.duration_filter < 5'000) answer.transaction_states.push_back({"loader", 7, "Ongoing"});
      return answer;
    });
    broker_.on<protocol::describe_transactions_request>([](const auto& asked) {
      protocol::describe_transactions_response answer;
      for (const auto& id : asked.transactional_ids) {
        const bool is_known = id == "loader";
        answer.transaction_states.push_back(
            {is_known ? error_code::none : error_code::transactional_id_not_found,
             id,
             "Ongoing",
             60'000,
             1'700'000'000'123,
             7,
             2,
             {{"orders", {1}}}});
      }
      return answer;
    });
    broker_.on<protocol::describe_producers_request>([](const auto& asked) {
      protocol::describe_producers_response answer;
      auto& topic = answer.topics.emplace_back();
      topic.name = "orders";
      for (const auto index : asked.topics.at(0).partition_indexes) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition_index = index;
        if (index == 0) partition.active_producers.push_back({7, 2, 9, 1'000, -1, 15});
      }
      return answer;
    });
    broker_.on<protocol::write_txn_markers_request>([](const auto& asked) {
      const auto& marker = asked.markers.at(0);
      const bool is_right =
          marker.producer_id == 7 && marker.producer_epoch == 2 && !marker.transaction_result;
      protocol::write_txn_markers_response answer;
      answer.markers.push_back(
          {marker.producer_id,
           {{"orders", {{0, is_right ? error_code::none : error_code::invalid_producer_epoch}}}}});
      return answer;
    });
  }

  outcome ask(std::vector<std::string> words) {
    words.insert(words.begin(), {"-b", broker_.address().text()});
    return run(std::move(words));
  }
  json ask_json(std::vector<std::string> words) {
    words.insert(words.end(), {"-o", "json"});
    const auto got = ask(std::move(words));
    EXPECT_EQ(got.code, 0) << got.complained;
    return json::parse(got.printed);
  }

  test::fake_broker broker_;
};

TEST_F(cli_transaction_test, list_is_a_table) {
  const auto got = ask({"transaction", "list"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_EQ(got.printed,
            "TRANSACTIONAL ID  COORDINATOR  PRODUCER  STATE\n"
            "loader            1            7         Ongoing\n");
}

TEST_F(cli_transaction_test, bare_age_is_in_milliseconds) {
  EXPECT_EQ(ask_json({"transaction", "list", "--older-than", "4999"}).size(), 1U);
}

TEST_F(cli_transaction_test, age_may_have_a_unit) {
  EXPECT_EQ(ask({"transaction", "list", "--older-than", "5s"}).printed, "no transactions\n");
}

TEST_F(cli_transaction_test, description_tells_everything) {
  auto described = ask_json({"transaction", "describe", "loader"}).at(0);
  EXPECT_GT(described.at("age_ms"), 0);
  described.erase("age_ms");
  EXPECT_EQ(described, (json{{"transactional_id", "loader"},
                             {"coordinator", 1},
                             {"state", "Ongoing"},
                             {"producer_id", 7},
                             {"producer_epoch", 2},
                             {"timeout_ms", 60'000},
                             {"start_time", 1'700'000'000'123},
                             {"partitions", {{{"topic", "orders"}, {"partition", 1}}}}}));
}

TEST_F(cli_transaction_test, description_is_for_people_too) {
  const auto got = ask({"transaction", "describe", "loader"});
  EXPECT_NE(got.printed.find("1m 0s    2023-11-14T22:13:20Z"), std::string::npos) << got.printed;
  EXPECT_NE(got.printed.find("orders:1"), std::string::npos) << got.printed;
}

TEST_F(cli_transaction_test, unknown_id_is_not_found) {
  const auto got = ask({"transaction", "describe", "nobody"});
  EXPECT_EQ(got.code, not_found);
  EXPECT_NE(got.complained.find("nobody"), std::string::npos) << got.complained;
}

TEST_F(cli_transaction_test, producers_come_with_their_open_transactions) {
  EXPECT_EQ(ask_json({"transaction", "producers", "orders"}), (json{{{"topic", "orders"},
                                                                     {"partition", 0},
                                                                     {"producer_id", 7},
                                                                     {"producer_epoch", 2},
                                                                     {"last_sequence", 9},
                                                                     {"last_timestamp", 1'000},
                                                                     {"coordinator_epoch", nullptr},
                                                                     {"transaction_start_offset", 15}}}));
}

TEST_F(cli_transaction_test, producers_of_one_partition_may_be_none) {
  EXPECT_EQ(ask({"transaction", "producers", "orders", "--partition", "1"}).printed, "no producers\n");
}

TEST_F(cli_transaction_test, partition_that_there_is_not_is_not_found) {
  EXPECT_EQ(ask({"transaction", "producers", "orders", "--partition", "2"}).code, not_found);
}

TEST_F(cli_transaction_test, hanging_transaction_is_found_with_the_command_that_ends_it) {
  const auto got = ask({"transaction", "find-hanging"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_NE(got.printed.find("tidelog transaction abort orders --partition 0 --start-offset 15\n"),
            std::string::npos)
      << got.printed;
  EXPECT_NE(got.printed.find("1970-01-01T00:00:01Z"), std::string::npos) << got.printed;
}

TEST_F(cli_transaction_test, hanging_transaction_is_told_to_programs) {
  auto found = ask_json({"transaction", "find-hanging", "--topic", "orders"}).at(0);
  EXPECT_GT(found.at("age_ms"), 0);
  found.erase("age_ms");
  EXPECT_EQ(found, (json{{"topic", "orders"},
                         {"partition", 0},
                         {"start_offset", 15},
                         {"producer_id", 7},
                         {"producer_epoch", 2},
                         {"coordinator_epoch", 0},
                         {"last_timestamp", 1'000},
                         {"transactional_id", "loader"}}));
}

TEST_F(cli_transaction_test, abort_finds_the_producer_by_the_offset) {
  const auto got = ask({"transaction", "abort", "orders", "--partition", "0", "--start-offset", "15"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_EQ(got.printed, "aborted the transaction of producer 7, epoch 2, in orders-0\n");
}

TEST_F(cli_transaction_test, abort_at_another_offset_names_those_that_are_open) {
  const auto got = ask({"transaction", "abort", "orders", "--partition", "0", "--start-offset", "14"});
  EXPECT_EQ(got.code, not_found);
  EXPECT_NE(got.complained.find("begin at 15"), std::string::npos) << got.complained;
}

TEST_F(cli_transaction_test, abort_of_another_epoch_is_refused_by_the_broker) {
  const auto got = ask({"transaction", "abort", "orders", "--partition", "0", "--producer-id", "7",
                        "--producer-epoch", "1", "--coordinator-epoch", "0"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::failed));
  EXPECT_NE(got.complained.find("INVALID_PRODUCER_EPOCH"), std::string::npos) << got.complained;
}

class cli_transactional_produce_test : public cli_transaction_test {
 protected:
  cli_transactional_produce_test() {
    broker_.on<protocol::init_producer_id_request>([](const auto& /*asked*/) {
      protocol::init_producer_id_response answer;
      answer.producer_id = 7;
      return answer;
    });
    broker_.on<protocol::produce_request>([this](const auto& asked) {
      protocol::produce_response answer;
      auto& topic = answer.responses.emplace_back();
      topic.topic_id = asked.topic_data.at(0).topic_id;
      auto& partition = topic.partition_responses.emplace_back();
      partition.error_code = batches_taken_-- > 0 ? error_code::none : error_code::message_too_large;
      return answer;
    });
    broker_.on<protocol::end_txn_request>([this](const auto& asked) {
      (asked.committed ? commits_ : aborts_) += 1;
      return protocol::end_txn_response{};
    });
    write(input_, "1\n2\n3\n4\n5\n");
  }
  outcome produce(std::vector<std::string> options) {
    std::vector<std::string> words{"produce", "orders", input_.string(), "--partition", "0"};
    words.insert(words.end(), options.begin(), options.end());
    auto got = ask(std::move(words));
    broker_.finish();
    return got;
  }

  test::temp_directory directory_;
  const fs::path input_ = fs::path(directory_.path()) / "input";
  int batches_taken_ = 1'000;
  int commits_ = 0;
  int aborts_ = 0;
};

TEST_F(cli_transactional_produce_test, whole_input_is_one_transaction) {
  const auto got = produce({"--transactional-id", "loader"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_EQ(commits_, 1);
  EXPECT_NE(got.printed.find("5 records to orders in 1 batch"), std::string::npos) << got.printed;
}

TEST_F(cli_transactional_produce_test, input_may_be_cut_into_transactions) {
  const auto got = produce({"--transactional-id", "loader", "--transaction-records", "2"});
  EXPECT_EQ(got.code, 0) << got.complained;
  EXPECT_EQ(commits_, 3);
  EXPECT_EQ(aborts_, 0);
}

TEST_F(cli_transactional_produce_test, failure_takes_back_what_is_not_committed) {
  batches_taken_ = 1;
  const auto got = produce({"--transactional-id", "loader", "--transaction-records", "2"});
  EXPECT_EQ(got.code, static_cast<int>(exit_code::failed));
  EXPECT_NE(got.complained.find("after 2 records had been committed; the others were taken back"),
            std::string::npos)
      << got.complained;
  EXPECT_EQ(commits_, 1);
  EXPECT_EQ(aborts_, 1);
}

}  // namespace
}  // namespace tidelog::tools
