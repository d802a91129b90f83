// What a decoder allocates is bounded by the bytes it was given, whatever they claim.

#include "allocations.hpp"
#include "message_cases.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/limits.hpp"
#include "tidelog/codec/errc.hpp"
#include "tidelog/codec/message.hpp"
#include "tidelog/codec/wire_reader.hpp"
#include "tidelog/protocol/list_config_resources.hpp"

namespace tidelog::test {

TEST(decoder_memory, giant_counts_in_small_messages_allocate_next_to_nothing) {
  // Counts as int32, and as the varint of 2^32 - 1.
  const std::vector<std::vector<int>> giants{{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff, 0x0f}};
  for (const auto& entry : message_cases()) {
    const auto vectors = read_vectors(entry.name);
    for (const auto& vector : vectors) {
      if (!entry.versions.contains(vector.version)) continue;
      for (const auto& giant : giants) {
        for (std::size_t at = 0; at + giant.size() <= vector.bytes.size(); ++at) {
          auto changed = vector.bytes;
          for (std::size_t i = 0; i < giant.size(); ++i) changed[at + i] = static_cast<std::byte>(giant[i]);
          const auto before = allocated_bytes();
          const auto outcome = entry.decode(changed, vector.version);
          // What decodes all the same is encoded and printed too, which takes memory of its own.
          if (outcome) continue;
          ASSERT_LT(allocated_bytes() - before, 4096 + 100 * changed.size()) << entry.name;
        }
      }
    }
  }
}

TEST(decoder_memory, one_request_may_not_have_more_elements_than_its_budget) {
  constexpr auto count = base::limits::decoded_elements_per_request + 1;
  std::vector<std::byte> frame(3 + count + 1);
  const auto prefix = count + 1;
  frame[0] = static_cast<std::byte>((prefix & 0x7f) | 0x80);
  frame[1] = static_cast<std::byte>(((prefix >> 7) & 0x7f) | 0x80);
  frame[2] = static_cast<std::byte>(prefix >> 14);
  codec::wire_reader reader(frame);
  const auto before = allocated_bytes();
  const auto outcome = codec::decode<protocol::list_config_resources_request>(reader, 1);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, codec::errc::too_many_elements);
  EXPECT_LT(allocated_bytes() - before, 4096U);
}

}  // namespace tidelog::test
