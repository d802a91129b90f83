#include "tidelog/codec/consumer_protocol.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/errc.hpp"

namespace tidelog::codec {

TEST(consumer_protocol, subscription_comes_back_as_it_was) {
  consumer_protocol_subscription told{.topics = {"orders", "payments"},
                                      .user_data = std::vector{std::byte{7}},
                                      .owned_partitions = {{.topic = "orders", .partitions = {0, 3}}},
                                      .generation_id = 12,
                                      .rack_id = "r1"};
  auto bytes = encode_with_version(told);
  const auto heard = decode_subscription(bytes);
  ASSERT_TRUE(heard) << heard.error().describe();
  EXPECT_EQ(*heard, told);
}

TEST(consumer_protocol, assignment_comes_back_as_it_was) {
  const consumer_protocol_assignment told{.assigned_partitions = {{.topic = "orders", .partitions = {1, 2}}},
                                          .user_data = std::nullopt};
  auto bytes = encode_with_version(told);
  const auto heard = decode_assignment(bytes);
  ASSERT_TRUE(heard) << heard.error().describe();
  EXPECT_EQ(*heard, told);
}

TEST(consumer_protocol, older_member_is_understood) {
  // Version 0, one topic "a", no user data.
  std::vector<std::byte> bytes(2 + 4 + 3 + 4);
  bytes[5] = std::byte{1};
  bytes[7] = std::byte{1};
  bytes[8] = std::byte{'a'};
  for (std::size_t i = 9; i < 13; ++i) bytes[i] = std::byte{0xff};
  const auto heard = decode_subscription(bytes);
  ASSERT_TRUE(heard) << heard.error().describe();
  EXPECT_EQ(heard->topics, std::vector<std::string>{"a"});
  EXPECT_EQ(heard->generation_id, -1);
}

TEST(consumer_protocol, version_of_the_future_is_read_as_the_newest_known) {
  consumer_protocol_subscription told;
  told.topics = {"t"};
  auto bytes = encode_with_version(told);
  bytes[1] = std::byte{9};
  bytes.push_back(std::byte{42});
  const auto heard = decode_subscription(bytes);
  ASSERT_TRUE(heard) << heard.error().describe();
  EXPECT_EQ(heard->topics, std::vector<std::string>{"t"});
}

TEST(consumer_protocol, what_is_no_message_is_refused) {
  std::vector<std::byte> nothing;
  EXPECT_EQ(decode_subscription(nothing).error().code, codec::errc::truncated);
  std::vector<std::byte> negative{std::byte{0xff}, std::byte{0xff}};
  EXPECT_FALSE(decode_assignment(negative));
}

}  // namespace tidelog::codec
