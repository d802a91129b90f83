#pragma once
// What producers in transactions, and those who look after them, ask of a broker.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/describe_transactions.hpp"
#include "tidelog/protocol/end_txn.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/init_producer_id.hpp"
#include "tidelog/protocol/list_transactions.hpp"
#include "tidelog/protocol/offset_fetch.hpp"
#include "tidelog/protocol/txn_offset_commit.hpp"
#include "tidelog/protocol/values.hpp"

#include <functional>
#include <map>

namespace tidelog::test {

/// How a producer says who it is.
struct test_producer {
  std::string transactional_id;
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

/// One batch of one record; of another producer than the request's where one is given, and then outside of transactions if
/// that one has no transactional id.
struct sent_batch {
  std::string topic = "t";
  std::int32_t partition = 0;
  std::int32_t sequence = 0;
  std::optional<test_producer> by{};
};

using partition_map = std::map<std::string, std::vector<std::int32_t>>;
using code_list = std::vector<protocol::error_code>;

/// Of few partitions of the coordinators' topics, and without waiting for members of groups.
[[nodiscard]] test_broker_options for_transactions(metadata::config_map more = {},
                                                   fault_file_system* files = nullptr);

/// Waits until it holds; a failure of the test when it does not in the end.
void await(const char* what, const std::function<bool()>& holds);

/// The same, while the broker's clock goes on, a good deal faster than the real one.
void await_with_time(test_broker& broker, const char* what, const std::function<bool()>& holds);

class transaction_client {
 public:
  /// The last versions of clients that add partitions by themselves and keep their epoch, and the first of others.
  static constexpr std::int16_t last_plain_end = 4;
  static constexpr std::int16_t first_raising_end = 5;
  static constexpr std::int16_t last_plain_produce = 11;
  static constexpr std::int16_t first_adding_produce = 12;

  explicit transaction_client(test_broker& broker) : broker_(broker) {}

  /// Makes the topics of both coordinators, and waits for these.
  void find_coordinators();
  [[nodiscard]] protocol::init_producer_id_response init(
      const std::string& transactional_id, const test_producer& before = {}, std::int32_t timeout_ms = 60'000,
      std::int16_t version = protocol::init_producer_id_request::versions.max);
  /// One that begins, after the end of what an earlier one has left open.
  [[nodiscard]] test_producer begin(const std::string& transactional_id, std::int32_t timeout_ms = 60'000);
  /// One after another; of one transaction, whatever the version.
  [[nodiscard]] code_list add(const test_producer& by, const partition_map& partitions,
                              std::int16_t version = 3, bool verify_only = false);
  [[nodiscard]] protocol::error_code add_offsets(const test_producer& by, const std::string& group,
                                                 std::int16_t version = 4);
  [[nodiscard]] protocol::end_txn_response end(const test_producer& by, bool commits,
                                               std::int16_t version = last_plain_end);
  /// Ends, and waits until every marker is written. Returns what the producer goes on as.
  test_producer end_and_wait(const test_producer& by, bool commits, std::int16_t version = last_plain_end);

  [[nodiscard]] std::future<reply> start_produce(const test_producer& by,
                                                 const std::vector<sent_batch>& batches,
                                                 std::int16_t version);
  [[nodiscard]] static code_list codes_of(std::future<reply> produced, std::int16_t version);
  [[nodiscard]] code_list produce(const test_producer& by, const std::vector<sent_batch>& batches,
                                  std::int16_t version = last_plain_produce);

  /// For one row, of partition 0 of "t", unless the request says more.
  [[nodiscard]] static protocol::txn_offset_commit_request offset_commit(const test_producer& by,
                                                                         const std::string& group,
                                                                         std::int64_t offset);
  [[nodiscard]] code_list commit(const protocol::txn_offset_commit_request& wanted,
                                 std::int16_t version = protocol::txn_offset_commit_request::versions.max);
  [[nodiscard]] protocol::offset_fetch_response_partition committed(const std::string& group,
                                                                    bool require_stable = false,
                                                                    std::int16_t version = 9);

  [[nodiscard]] protocol::describe_transactions_response_transaction describe(
      const std::string& transactional_id);
  [[nodiscard]] std::string state_of(const std::string& transactional_id);
  void await_state(const std::string& transactional_id, const std::string& state);

  [[nodiscard]] std::int64_t latest(protocol::isolation_level isolation, const std::string& topic = "t",
                                    std::int32_t partition = 0, std::int16_t version = 11);
  [[nodiscard]] protocol::fetch_request fetch_of(protocol::isolation_level isolation, std::int64_t from,
                                                 std::int32_t max_wait_ms = 0) const;
  [[nodiscard]] protocol::fetch_partition_data fetch(protocol::isolation_level isolation, std::int64_t from,
                                                     std::int16_t version = 12);

  /// Until let_markers_through() no marker can be written to the first partition of "u".
  void hold_markers();
  /// Returns when the transaction has ended, and the next may have begun.
  void let_markers_through(const std::string& transactional_id);

 private:
  test_broker& broker_;
};

/// A broker with a topic "t" of three partitions and a "u" of one.
class transactions : public testing::Test {
 protected:
  explicit transactions(metadata::config_map more = {});
  [[nodiscard]] std::int64_t end_of(const std::string& topic, std::int32_t partition = 0);

  test_broker broker;
  transaction_client client{broker};
};

}  // namespace tidelog::test
