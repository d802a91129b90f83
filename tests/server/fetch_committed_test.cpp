// What consumers with isolation.level=read_committed get.

#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/partition/partition_manager.hpp"
#include "tidelog/protocol/fetch.hpp"
#include "tidelog/protocol/list_offsets.hpp"

namespace tidelog::test {
namespace {

using namespace std::chrono_literals;
using model::transaction_outcome;
using protocol::error_code;
using protocol::fetch_partition_data;
using protocol::fetch_request;
using protocol::fetch_response;
using protocol::isolation_level;
using aborted_list = std::vector<protocol::aborted_transaction>;

/// By name, so that no ids have to be asked for.
constexpr std::int16_t version = 12;
constexpr std::int64_t test_now_ms = 1'700'000'000'000;

class fetch_committed_test : public testing::Test {
 protected:
  fetch_committed_test() { broker_.make_topic("t"); }

  [[nodiscard]] partition::partition_ptr target() {
    return broker_.partitions().find("t")->find(model::partition_index(0));
  }
  void wait_committed(model::offset end) {
    std::promise<base::status> done;
    target()->when_committed(end, [&](base::status outcome) { done.set_value(std::move(outcome)); });
    ASSERT_TRUE(done.get_future().get());
  }
  void write_in_transaction(std::int64_t producer, std::int64_t timestamp = test_now_ms) {
    model::record_batch_fields fields;
    fields.producer_id = model::producer_id(producer);
    fields.producer_epoch = model::producer_epoch(0);
    fields.attributes = model::batch_attribute::transactional;
    model::record_batch_builder builder(fields);
    builder.add(model::timestamp(timestamp), std::nullopt, base::as_bytes("value"));
    auto batch = builder.build();
    wait_committed(target()->append(batch, storage::append_origin::internal)->end_offset());
  }
  void end_transaction(std::int64_t producer, transaction_outcome how, std::int64_t timestamp = test_now_ms) {
    const auto ended = target()->append_transaction_end(
        {model::producer_id(producer), model::producer_epoch(0), how, 1}, model::timestamp(timestamp));
    ASSERT_TRUE(ended) << ended.error().describe();
    wait_committed(ended->end_offset());
  }
  static fetch_request fetch(std::int64_t from, isolation_level level = isolation_level::read_committed) {
    fetch_request wanted;
    wanted.max_wait_ms = 60'000;
    wanted.min_bytes = 1;
    wanted.isolation_level = level;
    auto& topic = wanted.topics.emplace_back();
    topic.topic = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.fetch_offset = from;
    partition.partition_max_bytes = 1 << 20;
    return wanted;
  }
  [[nodiscard]] std::future<reply> start(const fetch_request& wanted) {
    return broker_.start_frame(test_broker::frame_of(wanted, version));
  }
  [[nodiscard]] fetch_partition_data answer_of(std::future<reply> begun) {
    auto answered = begun.get();
    auto answer = test_broker::decode<fetch_response>(answered, version);
    EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, error_code::none);
    return std::move(answer.responses.at(0).partitions.at(0));
  }
  [[nodiscard]] std::int64_t offset_at(std::int64_t timestamp, isolation_level level) {
    protocol::list_offsets_request wanted;
    wanted.isolation_level = level;
    auto& topic = wanted.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().timestamp = timestamp;
    return broker_.ask<protocol::list_offsets_response>(wanted, 7).topics.at(0).partitions.at(0).offset;
  }

  test_broker broker_;
};

TEST_F(fetch_committed_test, is_told_what_to_leave_out) {
  write_in_transaction(7);
  write_in_transaction(8);
  end_transaction(7, transaction_outcome::aborted);
  end_transaction(8, transaction_outcome::committed);
  const auto told = answer_of(start(fetch(0)));
  EXPECT_EQ(told.last_stable_offset, 4);
  EXPECT_EQ(told.aborted_transactions, (aborted_list{{7, 0}}));
  EXPECT_TRUE(answer_of(start(fetch(3))).aborted_transactions->empty());
  EXPECT_FALSE(answer_of(start(fetch(0, isolation_level::read_uncommitted))).aborted_transactions);
}

TEST_F(fetch_committed_test, waits_for_the_marker_and_not_for_records) {
  write_in_transaction(7);
  auto begun = start(fetch(0));
  write_in_transaction(7);
  EXPECT_EQ(begun.wait_for(50ms), std::future_status::timeout);
  end_transaction(7, transaction_outcome::aborted);
  const auto told = answer_of(std::move(begun));
  EXPECT_EQ(told.last_stable_offset, 3);
  EXPECT_GT(told.records.size(), 0U);
  EXPECT_EQ(told.aborted_transactions, (aborted_list{{7, 0}}));
}

TEST_F(fetch_committed_test, is_woken_by_a_small_marker_that_makes_much_readable) {
  auto wanted = fetch(0);
  wanted.min_bytes = 150;
  auto begun = start(wanted);
  write_in_transaction(7);
  write_in_transaction(7);
  end_transaction(7, transaction_outcome::committed);
  EXPECT_EQ(answer_of(std::move(begun)).last_stable_offset, 3);
}

TEST_F(fetch_committed_test, index_that_is_not_at_hand_is_read_by_a_worker) {
  write_in_transaction(7);
  end_transaction(7, transaction_outcome::aborted);
  broker_.files().evict_page_cache();
  broker_.files().stall_disk();
  auto begun = start(fetch(0));
  EXPECT_EQ(begun.wait_for(50ms), std::future_status::timeout);
  broker_.files().resume_disk();
  EXPECT_EQ(answer_of(std::move(begun)).aborted_transactions, (aborted_list{{7, 0}}));
}

TEST_F(fetch_committed_test, offsets_by_time_end_at_the_last_stable_one_and_markers_have_some) {
  write_in_transaction(7, test_now_ms);
  end_transaction(7, transaction_outcome::committed, test_now_ms + 100);
  write_in_transaction(8, test_now_ms + 200);
  constexpr std::int64_t latest = -1;
  constexpr std::int64_t largest = -3;
  EXPECT_EQ(offset_at(test_now_ms + 50, isolation_level::read_committed), 1);
  EXPECT_EQ(offset_at(test_now_ms + 150, isolation_level::read_committed), -1);
  EXPECT_EQ(offset_at(test_now_ms + 150, isolation_level::read_uncommitted), 2);
  EXPECT_EQ(offset_at(largest, isolation_level::read_committed), -1);
  EXPECT_EQ(offset_at(largest, isolation_level::read_uncommitted), 2);
  EXPECT_EQ(offset_at(latest, isolation_level::read_committed), 2);
  EXPECT_EQ(offset_at(latest, isolation_level::read_uncommitted), 3);
  end_transaction(8, transaction_outcome::aborted, test_now_ms + 300);
  EXPECT_EQ(offset_at(largest, isolation_level::read_committed), 3);
}

}  // namespace
}  // namespace tidelog::test
