#include "transaction_records.hpp"

#include "transaction_state.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

#include <string>

namespace tidelog::coordinator {
namespace {

std::string hex(const std::vector<std::byte>& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const auto each : bytes) {
    text += digits[std::to_integer<unsigned>(each) >> 4U];
    text += digits[std::to_integer<unsigned>(each) & 15U];
  }
  return text;
}

transaction_record sample() {
  transaction_log_value value;
  value.producer_id = 0x1122334455667788;
  value.producer_epoch = 0x0102;
  value.transaction_timeout_ms = 60'000;
  value.transaction_status = static_cast<std::int8_t>(transaction_status::ongoing);
  value.transaction_partitions = {{"topic", {0, 7}}};
  value.last_update_timestamp_ms = 0x0a0b;
  value.start_timestamp_ms = 0x0c0d;
  return {"tid", value};
}

TEST(transaction_records_test, bytes_are_those_of_the_format) {
  const auto plain = encode_transaction_record(sample(), transaction_version::plain);
  EXPECT_EQ(hex(plain.key), "00000003746964");
  EXPECT_EQ(hex(*plain.value),
            "0000112233445566778801020000ea6001000000010005"
            "746f706963000000020000000000000007"
            "0000000000000a0b0000000000000c0d");
  auto with_tags = sample();
  with_tags.value->previous_producer_id = 5;
  with_tags.value->client_transaction_version = 2;
  const auto flexible = encode_transaction_record(with_tags, transaction_version::epoch_per_transaction);
  EXPECT_EQ(hex(*flexible.value),
            "0001112233445566778801020000ea60010206"
            "746f706963030000000000000007"
            "00"
            "0000000000000a0b0000000000000c0d"
            "020008000000000000000502020002");
}

TEST(transaction_records_test, what_is_encoded_is_decoded) {
  for (const auto version : {transaction_version::plain, transaction_version::flexible_records}) {
    for (auto record : {sample(), transaction_record{"gone", std::nullopt}}) {
      const auto encoded = encode_transaction_record(record, version);
      const auto decoded = decode_transaction_record(
          encoded.key, encoded.value ? std::optional<base::byte_view>(*encoded.value) : std::nullopt);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(*decoded, record);
    }
  }
}

TEST(transaction_records_test, damage_is_refused_at_every_length) {
  const auto encoded = encode_transaction_record(sample(), transaction_version::epoch_per_transaction);
  for (std::size_t size = 0; size < encoded.value->size(); ++size) {
    const auto cut = base::byte_view(*encoded.value).first(size);
    EXPECT_FALSE(decode_transaction_record(encoded.key, cut)) << size;
  }
  for (std::size_t size = 0; size < encoded.key.size(); ++size) {
    EXPECT_FALSE(decode_transaction_record(base::byte_view(encoded.key).first(size), std::nullopt)) << size;
  }
  auto newer = *encoded.value;
  newer[1] = std::byte{2};
  EXPECT_FALSE(decode_transaction_record(encoded.key, newer));
}

TEST(transaction_records_test, states_that_no_broker_writes_are_none) {
  auto value = *sample().value;
  EXPECT_TRUE(state_of(value));
  for (const int status : {-1, 6, 7, 8, 127}) {
    value.transaction_status = static_cast<std::int8_t>(status);
    EXPECT_FALSE(state_of(value)) << status;
  }
  value = *sample().value;
  value.client_transaction_version = 3;
  EXPECT_FALSE(state_of(value));
}

TEST(transaction_records_test, a_state_is_its_record) {
  auto value = *sample().value;
  value.previous_producer_id = 4;
  value.next_producer_id = 9;
  value.client_transaction_version = 2;
  EXPECT_EQ(value_of(*state_of(value)), value);
  value.transaction_status = 0;
  value.transaction_partitions.reset();
  EXPECT_EQ(value_of(*state_of(value)), value) << "an empty one has no list";
}

TEST(transaction_records_test, statuses_have_kafkas_names) {
  EXPECT_EQ(name_of(transaction_status::prepare_epoch_fence), "PrepareEpochFence");
  EXPECT_EQ(transaction_status_of("CompleteCommit"), transaction_status::complete_commit);
  EXPECT_FALSE(transaction_status_of("completecommit"));
}

}  // namespace
}  // namespace tidelog::coordinator
