#include "tidelog/network/frame_stream.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace tidelog::network {
namespace {

using found = frame_stream::found;
constexpr std::int32_t limit = 100 * 1024 * 1024;

std::vector<std::byte> frame_of(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(4 + size);
  base::store_big_endian(bytes.data(), static_cast<std::int32_t>(size));
  for (std::size_t i = 0; i < size; ++i) bytes[4 + i] = static_cast<std::byte>(seed + i * 7);
  return bytes;
}

std::vector<std::byte> header_of(std::int32_t size) {
  std::vector<std::byte> bytes(4);
  base::store_big_endian(bytes.data(), size);
  return bytes;
}

/// Puts as much as the stream takes at once; returns how much that was.
std::size_t feed(frame_stream& stream, base::byte_view bytes) {
  const auto room = stream.room();
  const auto taken = std::min(room.size(), bytes.size());
  std::copy_n(bytes.begin(), taken, room.begin());
  stream.received(taken);
  return taken;
}

bool equal(base::byte_view frame, const std::vector<std::byte>& whole) {
  return std::equal(frame.begin(), frame.end(), whole.begin() + 4, whole.end());
}

struct frame_stream_test : testing::Test {
  buffer_pool pool{8 * 1024 * 1024};
  frame_stream stream{pool};
};

TEST_F(frame_stream_test, many_small_frames_come_out_of_one_read) {
  std::vector<std::byte> sent;
  for (unsigned i = 0; i < 100; ++i) {
    const auto frame = frame_of(8 + i, i);
    sent.insert(sent.end(), frame.begin(), frame.end());
  }
  ASSERT_EQ(feed(stream, sent), sent.size());
  for (unsigned i = 0; i < 100; ++i) {
    auto step = stream.next(limit);
    ASSERT_EQ(step.what, found::frame);
    EXPECT_TRUE(equal(step.frame.bytes, frame_of(8 + i, i)));
  }
  EXPECT_EQ(stream.next(limit).what, found::nothing_yet);
  EXPECT_TRUE(stream.is_between_frames());
}

TEST_F(frame_stream_test, a_frame_may_come_byte_by_byte_with_rests_between) {
  const auto whole = frame_of(300, 5);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(stream.next(limit).what, found::nothing_yet);
    ASSERT_EQ(feed(stream, {whole.data() + i, 1}), 1U);
    if (i + 1 < whole.size()) {
      EXPECT_EQ(stream.next(limit).what, found::nothing_yet);
      stream.rest();
      EXPECT_LE(stream.held_bytes(), 2 * (i + 1));
    }
  }
  auto step = stream.next(limit);
  ASSERT_EQ(step.what, found::frame);
  EXPECT_TRUE(equal(step.frame.bytes, whole));
}

TEST_F(frame_stream_test, sizes_below_a_request_header_or_above_the_limit_are_bad) {
  for (const std::int32_t size : {-1, std::numeric_limits<std::int32_t>::min(), 0, 7, limit + 1,
                                  std::numeric_limits<std::int32_t>::max()}) {
    frame_stream fresh(pool);
    feed(fresh, header_of(size));
    const auto step = fresh.next(limit);
    EXPECT_EQ(step.what, found::bad_size);
    EXPECT_EQ(step.bad_size, size);
  }
}

TEST_F(frame_stream_test, a_frame_of_exactly_the_limit_is_taken) {
  const auto whole = frame_of(1000, 1);
  feed(stream, whole);
  EXPECT_EQ(stream.next(1000).what, found::frame);
  feed(stream, whole);
  EXPECT_EQ(stream.next(999).what, found::bad_size);
}

TEST_F(frame_stream_test, memory_follows_what_has_arrived_and_not_what_was_announced) {
  feed(stream, header_of(limit));
  std::size_t arrived = 4;
  const std::vector<std::byte> some(10'000);
  while (arrived < 5'000'000) {
    ASSERT_EQ(stream.next(limit).what, found::nothing_yet);
    arrived += feed(stream, some);
    EXPECT_LE(stream.held_bytes(), std::max<std::size_t>(buffer_pool::standard_bytes, 2 * arrived));
  }
}

TEST_F(frame_stream_test, a_connection_that_only_announces_holds_almost_nothing) {
  feed(stream, header_of(limit));
  EXPECT_EQ(stream.next(limit).what, found::nothing_yet);
  stream.rest();
  EXPECT_LE(stream.held_bytes(), 64U);
}

TEST_F(frame_stream_test, an_idle_connection_holds_nothing) {
  feed(stream, frame_of(60'000, 1));
  ASSERT_EQ(stream.next(limit).what, found::frame);
  stream.rest();
  EXPECT_EQ(stream.held_bytes(), 0U);
  EXPECT_EQ(pool.kept_bytes(), buffer_pool::standard_bytes);
}

TEST_F(frame_stream_test, having_sent_a_giant_frame_does_not_entitle_to_its_memory_again) {
  const auto giant = frame_of(20'000'000, 1);
  for (std::size_t sent = 0; sent < giant.size();) {
    ASSERT_EQ(stream.next(limit).what, found::nothing_yet);
    sent += feed(stream, base::byte_view(giant).subspan(sent));
  }
  ASSERT_EQ(stream.next(limit).what, found::frame);
  stream.rest();
  EXPECT_EQ(stream.held_bytes(), 0U);
  feed(stream, header_of(20'000'000));
  ASSERT_EQ(stream.next(limit).what, found::nothing_yet);
  EXPECT_LE(stream.held_bytes(), buffer_pool::standard_bytes);
}

TEST_F(frame_stream_test, large_frames_are_received_exactly_to_their_end_and_never_moved) {
  const auto frame = frame_of(256 * 1024, 3);
  std::vector<std::byte> sent;
  for (int i = 0; i < 6; ++i) sent.insert(sent.end(), frame.begin(), frame.end());
  const std::byte* place = nullptr;
  std::size_t at = 0;
  for (int i = 0; i < 6; ++i) {
    auto step = stream.next(limit);
    while (step.what == found::nothing_yet) {
      at += feed(stream, base::byte_view(sent).subspan(at));
      step = stream.next(limit);
    }
    ASSERT_EQ(step.what, found::frame);
    EXPECT_TRUE(equal(step.frame.bytes, frame));
    EXPECT_EQ(at, frame.size() * static_cast<std::size_t>(i + 1));
    if (i > 1) {
      EXPECT_EQ(step.frame.bytes.data(), place);
    }
    place = step.frame.bytes.data();
  }
}

TEST_F(frame_stream_test, the_bytes_of_a_kept_frame_stay_as_they_are) {
  const auto first = frame_of(1000, 1);
  feed(stream, first);
  auto kept = stream.next(limit).frame;
  for (unsigned i = 0; i < 200; ++i) {
    feed(stream, frame_of(5000, i));
    ASSERT_EQ(stream.next(limit).what, found::frame);
    if (i % 3 == 0) stream.rest();
  }
  EXPECT_TRUE(equal(kept.bytes, first));
}

/// Any sizes, cut anywhere, with rests and kept frames: what comes out is what was sent.
TEST_F(frame_stream_test, random_streams_come_out_as_they_went_in) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 60; ++round) {
    frame_stream one(pool);
    std::vector<std::vector<std::byte>> frames;
    std::vector<std::byte> sent;
    const auto largest = std::size_t{1} << (4 + random() % 16);
    for (unsigned i = 0; i < 40; ++i) {
      frames.push_back(frame_of(8 + random() % largest, static_cast<unsigned>(random())));
      sent.insert(sent.end(), frames.back().begin(), frames.back().end());
    }
    std::deque<std::pair<std::size_t, protocol::request_frame>> kept;
    std::size_t at = 0;
    std::size_t next = 0;
    while (next < frames.size()) {
      auto step = one.next(limit);
      if (step.what == found::frame) {
        ASSERT_TRUE(equal(step.frame.bytes, frames[next]));
        if (random() % 4 == 0) kept.emplace_back(next, step.frame);
        ++next;
        continue;
      }
      ASSERT_EQ(step.what, found::nothing_yet);
      if (random() % 3 == 0) one.rest();
      const auto most = std::min(sent.size() - at, std::size_t{1} << random() % 18);
      at += feed(one, {sent.data() + at, std::max<std::size_t>(1, random() % (most + 1))});
      ASSERT_LE(one.held_bytes(),
                std::max(frame_stream::proven_bytes_limit, 2 * one.pending_bytes() + 65536));
      if (kept.size() > 5) kept.pop_front();
    }
    for (const auto& [index, frame] : kept) EXPECT_TRUE(equal(frame.bytes, frames[index]));
  }
}

TEST(buffer_pool_test, keeps_no_more_than_it_may) {
  buffer_pool pool(buffer_pool::standard_bytes * 2);
  std::vector<receive_buffer_ptr> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(pool.take(1));
  for (auto& one : taken) pool.give_back(std::move(one));
  EXPECT_EQ(pool.kept_bytes(), buffer_pool::standard_bytes * 2);
}

TEST(buffer_pool_test, a_buffer_somebody_holds_is_not_given_to_another) {
  buffer_pool pool(1 << 20);
  auto taken = pool.take(1);
  const auto holder = taken;
  pool.give_back(std::move(taken));
  EXPECT_NE(pool.take(1), holder);
}

}  // namespace
}  // namespace tidelog::network
