// Whatever bytes arrive, cut however: the stream hands out exactly the frames a plain reading of the bytes finds, holds
// no more memory than it may, and stops at the first bad size.
//
// Input: one byte that seeds the cuts, then the stream.

#include "tidelog/base/assert.hpp"
#include "tidelog/network/frame_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using tidelog::base::byte_view;
using tidelog::network::buffer_pool;
using tidelog::network::frame_stream;

constexpr std::int32_t largest = 100'000;

/// Where the frame that begins at `at` ends; `bytes.size() + 1` when it is incomplete, 0 when its size is bad.
std::size_t end_of_frame(byte_view bytes, std::size_t at) {
  if (bytes.size() - at < 4) return bytes.size() + 1;
  const auto size = tidelog::base::load_big_endian<std::int32_t>(bytes.data() + at);
  if (size < frame_stream::smallest_frame_bytes || size > largest) return 0;
  return std::min(bytes.size() + 1, at + 4 + static_cast<std::size_t>(size));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::uint32_t cuts = data[0] + 1U;
  const byte_view sent(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  buffer_pool pool(1024UL * 1024);
  frame_stream stream(pool);
  tidelog::protocol::request_frame kept;
  byte_view kept_sent;
  std::size_t fed = 0;
  std::size_t at = 0;
  while (true) {
    auto step = stream.next(largest);
    const auto end = end_of_frame(sent.first(fed), at);
    if (step.what == frame_stream::found::bad_size) {
      TIDELOG_ASSERT(end == 0);
      break;
    }
    if (step.what == frame_stream::found::frame) {
      TIDELOG_ASSERT(end > at && end <= fed, "at={} end={} fed={}", at, end, fed);
      const auto body = sent.subspan(at + 4, end - at - 4);
      TIDELOG_ASSERT(std::ranges::equal(step.frame.bytes, body));
      if (end % 3 == 0) {
        kept = step.frame;
        kept_sent = body;
      }
      at = end;
      continue;
    }
    TIDELOG_ASSERT(end == fed + 1, "at={} end={} fed={}", at, end, fed);
    if (fed == sent.size()) break;
    cuts = cuts * 1664525U + 1013904223U;
    if ((cuts >> 30U) == 0) stream.rest();
    const auto room = stream.room();
    const auto taken = std::min({room.size(), sent.size() - fed, std::size_t{1} + (cuts >> 8U) % 3000});
    std::copy_n(sent.begin() + static_cast<std::ptrdiff_t>(fed), taken, room.begin());
    stream.received(taken);
    fed += taken;
    TIDELOG_ASSERT(stream.held_bytes() <=
                   std::max<std::size_t>(4 * buffer_pool::standard_bytes, 2 * stream.pending_bytes()));
  }
  TIDELOG_ASSERT(std::ranges::equal(kept.bytes, kept_sent));
  return 0;
}
