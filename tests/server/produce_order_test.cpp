// An idempotent producer sends later batches before it knows that an earlier one was refused.

#include "refused_sequences.hpp"
#include "support_broker_fixture.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/protocol/produce.hpp"

namespace tidelog::test {
namespace {

using protocol::error_code;
using server::refused_sequences;

constexpr std::uint64_t mib = 1024 * 1024;

class produce_order_test : public testing::Test {
 protected:
  produce_order_test() {
    broker_.files().set_capacity_bytes(256 * mib);
    broker_.space().set_reserve_bytes(16 * mib);
    broker_.make_topic("t");
  }
  ~produce_order_test() override { leave_free(100 * mib); }

  void leave_free(std::uint64_t bytes) {
    const auto file = broker_.files().open("/others", io::open_mode::create);
    EXPECT_TRUE((*file)->truncate(0));
    EXPECT_TRUE((*file)->truncate(broker_.files().space("/")->available_bytes - bytes));
    broker_.space().look();
  }
  error_code produce(std::int32_t sequence) {
    model::record_batch_fields fields;
    fields.producer_id = model::producer_id(9);
    fields.producer_epoch = model::producer_epoch(0);
    fields.base_sequence = model::sequence(sequence);
    model::record_batch_builder builder(fields);
    builder.add(model::timestamp(broker_.clock().now_ms()), {}, base::as_bytes("value"));
    auto batch = builder.build();
    protocol::produce_request wanted;
    wanted.acks = -1;
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = "t";
    topic.topic_id = broker_.cluster().current()->topic("t")->id;
    topic.partition_data.emplace_back().records = {base::byte_span(batch), {}, true};
    return broker_.ask<protocol::produce_response>(wanted)
        .responses.at(0)
        .partition_responses.at(0)
        .error_code;
  }

  test_broker broker_;
};

TEST_F(produce_order_test, batches_behind_a_refused_one_are_refused_alike_until_it_comes_again) {
  EXPECT_EQ(produce(0), error_code::none);
  leave_free(mib);
  EXPECT_EQ(produce(1), error_code::kafka_storage_error);
  leave_free(100 * mib);
  EXPECT_EQ(produce(2), error_code::kafka_storage_error);
  EXPECT_EQ(produce(3), error_code::kafka_storage_error);
  for (int sequence = 1; sequence < 4; ++sequence) EXPECT_EQ(produce(sequence), error_code::none);
  // Where nothing was refused, a gap is one.
  EXPECT_EQ(produce(7), error_code::out_of_order_sequence_number);
}

TEST_F(produce_order_test, batches_behind_a_refused_one_are_not_taken_for_the_first_of_an_unknown_producer) {
  leave_free(mib);
  EXPECT_EQ(produce(0), error_code::kafka_storage_error);
  leave_free(100 * mib);
  EXPECT_EQ(produce(1), error_code::kafka_storage_error);
  EXPECT_EQ(produce(0), error_code::none);
  EXPECT_EQ(produce(1), error_code::none);
}

constexpr refused_sequences::place here{{}, model::partition_index(0)};
constexpr refused_sequences::place there{{}, model::partition_index(1)};

storage::producer_batch batch(std::int32_t sequence, std::int16_t epoch = 0) {
  storage::producer_batch made;
  made.producer = model::producer_id(5);
  made.epoch = model::producer_epoch(epoch);
  made.base_sequence = model::sequence(sequence);
  return made;
}

TEST(refused_sequences, are_of_one_partition_and_one_epoch_of_a_producer) {
  refused_sequences all;
  all.refused(here, batch(3), error_code::not_leader_or_follower);
  EXPECT_EQ(all.reason_to_wait(here, batch(4)), error_code::not_leader_or_follower);
  EXPECT_FALSE(all.reason_to_wait(here, batch(3)));
  EXPECT_FALSE(all.reason_to_wait(here, batch(4, 1)));
  EXPECT_FALSE(all.reason_to_wait(there, batch(4)));
}

TEST(refused_sequences, begin_with_the_first_that_was_refused) {
  refused_sequences all;
  all.refused(here, batch(3), error_code::not_leader_or_follower);
  all.refused(here, batch(4), error_code::kafka_storage_error);
  all.stored(here, batch(2));
  EXPECT_EQ(all.reason_to_wait(here, batch(4)), error_code::not_leader_or_follower);
  all.stored(here, batch(3));
  EXPECT_TRUE(all.is_empty());
}

TEST(refused_sequences, that_do_not_come_again_are_forgotten_in_the_end) {
  refused_sequences all;
  all.refused(here, batch(3), error_code::not_leader_or_follower);
  int waited = 0;
  while (all.reason_to_wait(here, batch(4)) && waited <= refused_sequences::most_waiting) ++waited;
  EXPECT_EQ(waited, refused_sequences::most_waiting);
  EXPECT_TRUE(all.is_empty());
}

TEST(refused_sequences, are_remembered_of_so_many_producers_only) {
  refused_sequences all;
  const auto of = [](std::size_t producer) {
    auto made = batch(0);
    made.producer = model::producer_id(static_cast<std::int64_t>(producer));
    return made;
  };
  for (std::size_t i = 0; i <= refused_sequences::most_remembered; ++i)
    all.refused(here, of(i), error_code::kafka_storage_error);
  const auto later = [&](std::size_t producer) {
    auto made = of(producer);
    made.base_sequence = model::sequence(1);
    return all.reason_to_wait(here, made);
  };
  EXPECT_TRUE(later(refused_sequences::most_remembered - 1));
  EXPECT_FALSE(later(refused_sequences::most_remembered));
}

}  // namespace
}  // namespace tidelog::test
