#include "tidelog/model/transaction_end.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/batch_error.hpp"
#include "tidelog/model/record_batch_builder.hpp"

namespace {

using namespace tidelog;

constexpr model::timestamp noon{1'700'000'000'000};

TEST(transaction_end_test, what_is_encoded_is_parsed) {
  for (const auto outcome : {model::transaction_outcome::aborted, model::transaction_outcome::committed}) {
    const model::transaction_end end{model::producer_id(4711), model::producer_epoch(12), outcome, 77};
    const auto bytes = model::encode_transaction_end(end, noon);
    const auto batch = model::parse_only_record_batch(bytes);
    ASSERT_TRUE(batch);
    EXPECT_TRUE(model::verify_crc(*batch));
    EXPECT_TRUE(batch->is_control());
    EXPECT_TRUE(batch->is_transactional());
    EXPECT_EQ(batch->base_sequence(), model::no_sequence);
    EXPECT_EQ(batch->max_timestamp(), noon);
    const auto parsed = model::parse_transaction_end(*batch);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, end);
  }
}

TEST(transaction_end_test, other_batches_end_nothing) {
  model::record_batch_fields fields;
  fields.producer_id = model::producer_id(1);
  fields.producer_epoch = model::producer_epoch(0);
  fields.base_sequence = model::sequence(0);
  model::record_batch_builder records(fields);
  records.add(noon, std::nullopt, std::nullopt);
  const auto plain = records.build();
  const auto of_plain = model::parse_transaction_end(*model::parse_only_record_batch(plain));
  ASSERT_TRUE(of_plain);
  EXPECT_FALSE(*of_plain);

  fields.attributes = model::batch_attribute::control;
  model::record_batch_builder control(fields);
  const auto key = model::encode_control_key(model::control_record_type::leader_change);
  control.add(noon, base::byte_view(key), std::nullopt);
  const auto leader_change = control.build();
  const auto of_control = model::parse_transaction_end(*model::parse_only_record_batch(leader_change));
  ASSERT_TRUE(of_control);
  EXPECT_FALSE(*of_control);
}

TEST(transaction_end_test, a_marker_without_its_value_is_refused) {
  model::record_batch_fields fields;
  fields.producer_id = model::producer_id(1);
  fields.attributes = model::batch_attribute::control | model::batch_attribute::transactional;
  model::record_batch_builder control(fields);
  const auto key = model::encode_control_key(model::control_record_type::abort);
  control.add(noon, base::byte_view(key), std::nullopt);
  const auto bytes = control.build();
  const auto parsed = model::parse_transaction_end(*model::parse_only_record_batch(bytes));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, make_error_code(model::batch_errc::bad_control_record));
}

}  // namespace
