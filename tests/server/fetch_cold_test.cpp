// Fetches of what is not in the page cache.

#include "support_broker_fixture.hpp"

#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/fetch.hpp"

namespace tidelog::test {
namespace {

using namespace std::chrono_literals;
using protocol::error_code;
using protocol::fetch_request;
using protocol::fetch_response;

/// By name, so that no ids have to be asked for.
constexpr std::int16_t version = 12;

class fetch_cold_test : public testing::Test {
 protected:
  fetch_cold_test() {
    broker_.make_topic("t", 2);
    for (int i = 0; i < 6; ++i) broker_.append("t", 0, 10);
  }
  ~fetch_cold_test() override { broker_.files().resume_disk(); }

  static fetch_request fetch(std::vector<std::int32_t> partitions, std::int64_t from) {
    fetch_request wanted;
    wanted.max_wait_ms = 60'000;
    wanted.min_bytes = 1;
    auto& topic = wanted.topics.emplace_back();
    topic.topic = "t";
    for (const auto each : partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = each;
      partition.fetch_offset = from;
      partition.partition_max_bytes = 1 << 20;
    }
    return wanted;
  }
  [[nodiscard]] std::future<reply> start(const fetch_request& wanted) {
    return broker_.start_frame(test_broker::frame_of(wanted, version));
  }
  /// Answered by the thread that the fetches are on.
  void expect_others_are_served() {
    protocol::api_versions_request wanted;
    wanted.client_software_name = "test";
    wanted.client_software_version = "1";
    EXPECT_EQ(broker_.ask<protocol::api_versions_response>(wanted).error_code, error_code::none);
  }
  [[nodiscard]] static std::size_t bytes_in(const fetch_response& answer, std::int32_t partition) {
    for (const auto& topic : answer.responses) {
      for (const auto& each : topic.partitions) {
        EXPECT_EQ(each.error_code, error_code::none);
        if (each.partition_index == partition) return each.records.size();
      }
    }
    return 0;
  }

  test_broker broker_;
};

TEST_F(fetch_cold_test, waits_for_the_disk_while_others_are_served) {
  auto warm = start(fetch({0}, 30)).get();
  const auto expected = bytes_in(test_broker::decode<fetch_response>(warm, version), 0);
  EXPECT_GT(expected, 0U);
  broker_.files().evict_page_cache();
  broker_.files().stall_disk();
  auto cold = start(fetch({0}, 30));
  expect_others_are_served();
  EXPECT_EQ(cold.wait_for(0s), std::future_status::timeout);
  broker_.files().resume_disk();
  auto answered = cold.get();
  EXPECT_EQ(bytes_in(test_broker::decode<fetch_response>(answered, version), 0), expected);
}

TEST_F(fetch_cold_test, does_not_wait_with_data_of_another_partition_at_hand) {
  broker_.files().evict_page_cache();
  broker_.append("t", 1, 10);
  broker_.files().stall_disk();
  auto wanted = fetch({1, 0}, 5);
  wanted.min_bytes = 1 << 20;
  auto answered = start(wanted).get();
  const auto answer = test_broker::decode<fetch_response>(answered, version);
  EXPECT_GT(bytes_in(answer, 1), 0U);
  EXPECT_EQ(bytes_in(answer, 0), 0U);
}

TEST_F(fetch_cold_test, goes_on_to_the_partitions_behind_once_the_disk_has_answered) {
  broker_.files().evict_page_cache();
  broker_.append("t", 1, 10);
  auto answered = start(fetch({0, 1}, 5)).get();
  const auto answer = test_broker::decode<fetch_response>(answered, version);
  EXPECT_GT(bytes_in(answer, 0), 0U);
  EXPECT_GT(bytes_in(answer, 1), 0U);
}

TEST_F(fetch_cold_test, of_what_the_disk_refuses_is_refused) {
  broker_.files().evict_page_cache();
  broker_.files().inject(
      {.what = operation::read, .error_number = EIO, .path_contains = "t-0", .times = for_ever});
  auto answered = start(fetch({0}, 5)).get();
  const auto answer = test_broker::decode<fetch_response>(answered, version);
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, error_code::kafka_storage_error);
}

}  // namespace
}  // namespace tidelog::test
