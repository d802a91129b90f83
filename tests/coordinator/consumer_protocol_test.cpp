#include "consumer_protocol.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/coordinator/group_error.hpp"

#include <random>

namespace tidelog::test {
namespace {

using namespace coordinator;  // NOLINT(google-build-using-namespace): the subject of every line

consumer_protocol_subscription example() {
  return {{"orders", "payments"},
          std::vector{std::byte{1}, std::byte{2}},
          {{"orders", {0, 2}}},
          7,
          std::string("rack-a")};
}

TEST(consumer_protocol_bytes, subscription_comes_back_as_far_as_its_version_goes) {
  for (std::int16_t version = 0; version <= 3; ++version) {
    auto expected = example();
    if (version < 3) expected.rack_id.reset();
    if (version < 2) expected.generation_id = -1;
    if (version < 1) expected.owned_partitions.clear();
    const auto bytes = write_subscription(example(), version);
    EXPECT_EQ(consumer_protocol_version(bytes), version);
    EXPECT_EQ(read_subscription(bytes), expected) << version;
    EXPECT_EQ(read_subscribed_topics(bytes), expected.topics) << version;
  }
}

TEST(consumer_protocol_bytes, version_above_the_last_is_written_and_read_as_the_last) {
  auto bytes = write_subscription(example(), 9);
  EXPECT_EQ(consumer_protocol_version(bytes), 3);
  bytes[1] = std::byte{9};
  bytes.push_back(std::byte{42});
  EXPECT_EQ(read_subscription(bytes), example());
}

TEST(consumer_protocol_bytes, assignment_comes_back) {
  const consumer_protocol_assignment assignment{{{"orders", {0, 2}}, {"payments", {}}}, std::nullopt};
  EXPECT_EQ(read_assignment(write_assignment(assignment, 2)), assignment);
}

TEST(consumer_protocol_bytes, damage_behind_the_topics_leaves_the_topics_readable) {
  auto bytes = write_subscription(example(), 3);
  bytes.resize(bytes.size() - 3);
  EXPECT_EQ(read_subscription(bytes).error().code, errc::invalid_request);
  EXPECT_TRUE(read_subscribed_topics(bytes));
}

TEST(consumer_protocol_bytes, nonsense_is_refused) {
  EXPECT_EQ(read_subscription({}).error().code, errc::invalid_request);
  const std::vector<std::byte> negative(8, std::byte{0xff});
  EXPECT_EQ(read_subscribed_topics(negative).error().code, errc::invalid_request);
  EXPECT_EQ(read_assignment(negative).error().code, errc::invalid_request);
  // Two thousand million topics announced, none there.
  const std::vector<std::byte> bomb{std::byte{0},    std::byte{0},    std::byte{0x7f},
                                    std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};
  EXPECT_EQ(read_subscription(bomb).error().code, errc::invalid_request);
  EXPECT_EQ(read_assignment(bomb).error().code, errc::invalid_request);
}

TEST(consumer_protocol_bytes, flipped_bits_and_cut_ends_never_hurt) {
  std::mt19937_64 random(random_seed());
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = write_subscription(example(), static_cast<std::int16_t>(random() % 4));
    bytes[random() % bytes.size()] ^= static_cast<std::byte>(1U << (random() % 8));
    bytes.resize(random() % (bytes.size() + 1));
    static_cast<void>(read_subscription(bytes));
    static_cast<void>(read_assignment(bytes));
    static_cast<void>(read_subscribed_topics(bytes));
  }
}

}  // namespace
}  // namespace tidelog::test
