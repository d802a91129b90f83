#include "tidelog/client/partitioner.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tidelog::client {
namespace {

// What the Java client computes for the same strings.
TEST(partitioner, murmur2_is_that_of_the_java_client) {
  const std::pair<const char*, std::int32_t> known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [text, expected] : known)
    EXPECT_EQ(static_cast<std::int32_t>(murmur2(base::as_bytes(text))), expected) << text;
}

TEST(partitioner, negative_hash_gives_a_partition_all_the_same) {
  // -973932308 without its sign bit is 1173551340.
  EXPECT_EQ(partition_of_key(base::as_bytes("21"), 7).value(), 1173551340 % 7);
}

TEST(partitioner, keyless_records_stay_until_the_batch_has_left_and_then_move) {
  default_partitioner partitioner(1);
  const auto first = partitioner.pick({}, 8);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(partitioner.pick({}, 8), first);
  partitioner.batch_completed();
  EXPECT_NE(partitioner.pick({}, 8), first);
}

TEST(partitioner, keyless_records_reach_every_partition_in_time) {
  default_partitioner partitioner(7);
  std::set<std::int32_t> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(partitioner.pick({}, 5).value());
    partitioner.batch_completed();
  }
  EXPECT_EQ(seen.size(), 5U);
}

TEST(partitioner, key_does_not_disturb_where_keyless_records_stay) {
  default_partitioner partitioner(3);
  const auto first = partitioner.pick({}, 8);
  EXPECT_EQ(partitioner.pick(base::as_bytes("abc"), 8), partition_of_key(base::as_bytes("abc"), 8));
  EXPECT_EQ(partitioner.pick({}, 8), first);
}

TEST(partitioner, sticky_partition_that_is_gone_is_left) {
  default_partitioner partitioner(3);
  for (int i = 0; i < 50; ++i) {
    (void)partitioner.pick({}, 100);
    EXPECT_EQ(partitioner.pick({}, 1).value(), 0);
    partitioner.batch_completed();
  }
}

}  // namespace
}  // namespace tidelog::client
