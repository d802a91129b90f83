// Produce requests that may be old ones, where only the disk knows.

#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/api_versions.hpp"
#include "tidelog/protocol/produce.hpp"

namespace tidelog::test {
namespace {

using namespace std::chrono_literals;
using protocol::error_code;

constexpr std::int16_t version = protocol::produce_request::versions.max;

class produce_cold_test : public testing::Test {
 protected:
  produce_cold_test() {
    {
      test_broker before({.files = &files_});
      before.make_topic("t", 2);
      for (int sequence = 0; sequence < 3; ++sequence)
        EXPECT_EQ(answer_of(start(before, {{0, sequence}})).at(0).error_code, error_code::none);
    }
    after_restart_.emplace(test_broker_options{.files = &files_});
  }
  ~produce_cold_test() override { files_.resume_disk(); }

  struct sent {
    std::int32_t partition;
    std::int32_t sequence;
  };
  /// One batch of one producer for each.
  [[nodiscard]] static std::future<reply> start(test_broker& to, const std::vector<sent>& batches) {
    std::vector<std::vector<std::byte>> bytes;
    protocol::produce_request wanted;
    wanted.acks = -1;
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = "t";
    topic.topic_id = to.cluster().current()->topic("t")->id;
    for (const auto& each : batches) {
      model::record_batch_fields fields;
      fields.producer_id = model::producer_id(9);
      fields.producer_epoch = model::producer_epoch(0);
      fields.base_sequence = model::sequence(each.sequence);
      model::record_batch_builder builder(fields);
      builder.add(model::timestamp(to.clock().now_ms()), {}, base::as_bytes("value"));
      bytes.push_back(builder.build());
      auto& partition = topic.partition_data.emplace_back();
      partition.index = each.partition;
      partition.records = {base::byte_span(bytes.back()), {}, true};
    }
    return to.start_frame(test_broker::frame_of(wanted, version));
  }
  [[nodiscard]] static std::vector<protocol::partition_produce_response> answer_of(std::future<reply> from) {
    auto got = from.get();
    return test_broker::decode<protocol::produce_response>(got, version).responses.at(0).partition_responses;
  }

  fault_file_system files_;
  std::optional<test_broker> after_restart_;
};

TEST_F(produce_cold_test, wait_for_the_disk_in_their_order_while_others_are_served) {
  files_.evict_page_cache();
  files_.stall_disk();
  // The first batch is new, the second may be an old one.
  auto again = start(*after_restart_, {{1, 0}, {0, 1}});
  auto next = start(*after_restart_, {{0, 3}, {1, 1}});
  protocol::api_versions_request wanted;
  wanted.client_software_name = "test";
  wanted.client_software_version = "1";
  EXPECT_EQ(after_restart_->ask<protocol::api_versions_response>(wanted).error_code, error_code::none);
  EXPECT_EQ(again.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(next.wait_for(0s), std::future_status::timeout);
  files_.resume_disk();
  const auto first = answer_of(std::move(again));
  EXPECT_EQ(first.at(0).error_code, error_code::none);
  EXPECT_EQ(first.at(0).base_offset, 0);
  EXPECT_EQ(first.at(1).error_code, error_code::none);
  EXPECT_EQ(first.at(1).base_offset, 1);
  const auto second = answer_of(std::move(next));
  EXPECT_EQ(second.at(0).error_code, error_code::none);
  EXPECT_EQ(second.at(0).base_offset, 3);
  EXPECT_EQ(second.at(1).error_code, error_code::none);
  EXPECT_EQ(second.at(1).base_offset, 1);
}

TEST_F(produce_cold_test, that_the_disk_refuses_are_refused_alone) {
  files_.evict_page_cache();
  files_.inject({.what = operation::read, .error_number = EIO, .path_contains = "t-0", .times = for_ever});
  const auto answer = answer_of(start(*after_restart_, {{0, 1}, {1, 0}}));
  EXPECT_EQ(answer.at(0).error_code, error_code::kafka_storage_error);
  EXPECT_EQ(answer.at(1).error_code, error_code::none);
  files_.clear_faults();
  EXPECT_EQ(answer_of(start(*after_restart_, {{0, 1}})).at(0).base_offset, 1);
}

}  // namespace
}  // namespace tidelog::test
