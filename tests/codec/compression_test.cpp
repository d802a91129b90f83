#include "tidelog/codec/compression.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zstd.h>

#include "tidelog/base/limits.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <sys/resource.h>

namespace tidelog::codec {
namespace {

using bytes_type = std::vector<std::byte>;
using model::compression_type;

constexpr compression_type real_types[] = {compression_type::gzip, compression_type::snappy,
                                           compression_type::lz4, compression_type::zstd};
constexpr std::size_t any_size = std::numeric_limits<std::size_t>::max();

bytes_type random_content(std::mt19937_64& random, std::size_t size) {
  bytes_type content(size);
  // Half noise, half words that repeat: something to find and something to leave alone.
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<std::byte>((i / 512) % 2 == 0 ? random() : i % 23);
  return content;
}

bytes_type joined(base::byte_view one, base::byte_view other) {
  bytes_type both(one.begin(), one.end());
  both.insert(both.end(), other.begin(), other.end());
  return both;
}

std::error_code failure(compression_type type, base::byte_view input) {
  const auto outcome = decompress(type, input, any_size);
  return outcome ? std::error_code{} : outcome.error().code;
}

class every_compression : public testing::TestWithParam<compression_type> {};
INSTANTIATE_TEST_SUITE_P(type, every_compression, testing::ValuesIn(real_types),
                         [](const auto& type) { return std::string(model::name_of(type.param)); });

TEST_P(every_compression, gives_back_what_it_was_given) {
  std::mt19937_64 random(test::random_seed());
  for (const std::size_t size : {0UL, 1UL, 100UL, 32768UL, 32769UL, 65536UL, 65537UL, 1'000'000UL}) {
    const bytes_type content = random_content(random, size);
    for (const compression_level level : {compression_level(), compression_level(1), compression_level(9),
                                          compression_level(-100), compression_level(100)}) {
      if (size > 100'000 && level) continue;
      const auto packed = compress(GetParam(), level, content);
      ASSERT_TRUE(packed.has_value()) << packed.error().describe();
      const auto opened = decompress(GetParam(), *packed, content.size());
      ASSERT_TRUE(opened.has_value()) << opened.error().describe();
      ASSERT_EQ(*opened, content);
    }
  }
}

TEST_P(every_compression, takes_content_in_pieces_behind_a_prefix) {
  std::mt19937_64 random(test::random_seed());
  const bytes_type content = random_content(random, 300'000);
  const bytes_type prefix(61, std::byte{0xaa});
  auto stream = make_compressor({.type = GetParam(), .prefix = prefix, .most_bytes = any_size});
  ASSERT_TRUE(stream.has_value());
  base::byte_view rest(content);
  while (!rest.empty()) {
    const std::size_t size = std::min<std::size_t>(rest.size(), random() % 70'000);
    ASSERT_TRUE((*stream)->add(rest.first(size)).has_value());
    rest = rest.subspan(size);
  }
  const auto packed = (*stream)->finish();
  ASSERT_TRUE(packed.has_value());
  EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), packed->begin()));
  const auto opened = decompress(GetParam(), base::byte_view(*packed).subspan(prefix.size()), any_size);
  ASSERT_TRUE(opened.has_value()) << opened.error().describe();
  EXPECT_EQ(*opened, content);
}

TEST_P(every_compression, chunks_are_bounded) {
  const bytes_type content(500'000);
  const auto packed = compress(GetParam(), {}, content);
  std::size_t total = 0;
  const auto outcome = decompress_stream(GetParam(), *packed, [&](base::byte_view chunk) -> base::status {
    EXPECT_LE(chunk.size(), base::limits::decompression_chunk_bytes);
    total += chunk.size();
    return {};
  });
  EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(total, content.size());
}

TEST_P(every_compression, stops_when_the_sink_has_enough) {
  const auto packed = compress(GetParam(), {}, bytes_type(500'000));
  int calls = 0;
  const auto outcome = decompress_stream(GetParam(), *packed, [&](base::byte_view) -> base::status {
    ++calls;
    return base::fail_errno(EINTR, "enough");
  });
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, std::errc::interrupted);
  EXPECT_EQ(calls, 1);
}

TEST_P(every_compression, cut_short_is_noticed) {
  std::mt19937_64 random(test::random_seed());
  const bytes_type content = random_content(random, 700);
  const auto packed = compress(GetParam(), {}, content);
  for (std::size_t size = 0; size < packed->size(); ++size) {
    const bytes_type cut(packed->begin(), packed->begin() + static_cast<std::ptrdiff_t>(size));
    // Without its whole frame header, or at the end of one, snappy has no mark that says so.
    if (GetParam() == compression_type::snappy && size > 0 && size <= 16) continue;
    EXPECT_EQ(failure(GetParam(), cut), compression_errc::truncated) << size;
  }
}

TEST_P(every_compression, bytes_after_the_end_are_noticed) {
  const auto packed = compress(GetParam(), {}, bytes_type(1000));
  for (const std::size_t size : {1UL, 4UL, 5UL, 40UL}) {
    const auto code = failure(GetParam(), joined(*packed, bytes_type(size, std::byte{0x55})));
    // In a snappy frame they are the beginning of a block that is not there.
    const auto expected = GetParam() == compression_type::snappy ? compression_errc::truncated
                                                                 : compression_errc::trailing_bytes;
    EXPECT_EQ(code, expected) << size;
  }
}

TEST_P(every_compression, noise_is_no_input) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 300; ++round) {
    bytes_type noise(1 + random() % 300);
    for (auto& byte : noise) byte = static_cast<std::byte>(random());
    noise[0] = std::byte{0xff};
    EXPECT_FALSE(decompress(GetParam(), noise, 100'000'000).has_value());
  }
}

TEST_P(every_compression, damage_never_leads_astray) {
  std::mt19937_64 random(test::random_seed());
  const auto packed = compress(GetParam(), {}, random_content(random, 5000));
  for (int round = 0; round < 1000; ++round) {
    bytes_type damaged = *packed;
    damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    (void)decompress(GetParam(), damaged, 1'000'000);
  }
}

TEST_P(every_compression, output_is_bounded_both_ways) {
  std::mt19937_64 random(test::random_seed());
  const bytes_type content = random_content(random, 200'000);
  const auto packed = compress(GetParam(), {}, content);
  const auto opened = decompress(GetParam(), *packed, content.size() - 1);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, compression_errc::output_too_large);

  auto stream = make_compressor({.type = GetParam(), .most_bytes = packed->size() / 2});
  const auto added = (*stream)->add(content);
  const auto code = added ? (*stream)->finish().error().code : added.error().code;
  EXPECT_EQ(code, compression_errc::output_too_large);
}

std::size_t resident_peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss);
}

/// Snappy does not compress enough to be one.
class bombs : public testing::TestWithParam<compression_type> {};
INSTANTIATE_TEST_SUITE_P(type, bombs,
                         testing::Values(compression_type::gzip, compression_type::lz4,
                                         compression_type::zstd),
                         [](const auto& type) { return std::string(model::name_of(type.param)); });

TEST_P(bombs, pass_in_constant_memory) {
  constexpr std::size_t piece_bytes = 1024 * 1024;
  constexpr std::size_t pieces = 128;
  auto stream = make_compressor({.type = GetParam(), .level = 1, .most_bytes = any_size});
  const bytes_type zeros(piece_bytes);
  for (std::size_t i = 0; i < pieces; ++i) ASSERT_TRUE((*stream)->add(zeros).has_value());
  const auto packed = (*stream)->finish();
  stream->reset();
  ASSERT_LT(packed->size(), pieces * piece_bytes / 100);
  const std::size_t before_kib = resident_peak_kib();
  std::size_t total = 0;
  const auto outcome = decompress_stream(GetParam(), *packed, [&](base::byte_view chunk) -> base::status {
    total += chunk.size();
    return {};
  });
  EXPECT_TRUE(outcome.has_value());
  EXPECT_EQ(total, pieces * piece_bytes);
  EXPECT_LT(resident_peak_kib() - before_kib, 32U * 1024);
}

TEST(compression, none_is_passed_on) {
  const bytes_type content(200'000, std::byte{7});
  EXPECT_EQ(*compress(compression_type::none, {}, content), content);
  EXPECT_EQ(*decompress(compression_type::none, content, any_size), content);
}

TEST(compression, unknown_types_are_refused) {
  for (int type = 5; type < 8; ++type) {
    EXPECT_EQ(failure(static_cast<compression_type>(type), {}), model::batch_errc::unknown_compression);
    const auto packed = compress(static_cast<compression_type>(type), {}, {});
    ASSERT_FALSE(packed.has_value());
    EXPECT_EQ(packed.error().code, model::batch_errc::unknown_compression);
  }
}

TEST(compression, gzip_members_and_zstd_frames_follow_one_another) {
  for (const auto type : {compression_type::gzip, compression_type::zstd, compression_type::snappy}) {
    const bytes_type one(1000, std::byte{1});
    const bytes_type other(70'000, std::byte{2});
    const auto both = joined(*compress(type, {}, one), *compress(type, {}, other));
    const auto opened = decompress(type, both, any_size);
    ASSERT_TRUE(opened.has_value()) << opened.error().describe();
    EXPECT_EQ(*opened, joined(one, other));
  }
}

TEST(compression, raw_snappy_block_is_taken) {
  std::mt19937_64 random(test::random_seed());
  for (const std::size_t size : {0UL, 10UL, 300'000UL}) {
    const bytes_type content = random_content(random, size);
    std::string block;
    snappy::Compress(reinterpret_cast<const char*>(content.data()), content.size(), &block);
    const auto opened = decompress(compression_type::snappy, base::as_bytes(block), any_size);
    ASSERT_TRUE(opened.has_value()) << opened.error().describe();
    EXPECT_EQ(*opened, content);
  }
}

TEST(compression, snappy_block_larger_than_it_can_be_is_refused_before_it_is_given_memory) {
  // A length of 2^32 - 1 in front of nothing much.
  const auto claim = base::as_bytes(std::string_view("\xff\xff\xff\xff\x0f\x00\x61", 7));
  EXPECT_EQ(failure(compression_type::snappy, claim), compression_errc::corrupt);

  std::string block;
  const std::string zeros(base::limits::snappy_block_bytes + 1, '\0');
  snappy::Compress(zeros.data(), zeros.size(), &block);
  EXPECT_EQ(failure(compression_type::snappy, base::as_bytes(block)), compression_errc::unsupported);
}

TEST(compression, snappy_frame_has_the_bytes_that_other_readers_expect) {
  const auto packed = compress(compression_type::snappy, {}, base::as_bytes("foobar\n"));
  const std::string_view expected(
      "\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\0\x09\x07\x18"
      "foobar\n",
      29);
  EXPECT_EQ(base::as_text(*packed), expected);
}

TEST(compression, lz4_frame_has_independent_blocks_of_64_kib_and_no_content_checksum) {
  const auto packed = compress(compression_type::lz4, {}, bytes_type(100));
  ASSERT_GE(packed->size(), 7U);
  EXPECT_EQ((*packed)[4], std::byte{0x60});  // version 1, independent blocks
  EXPECT_EQ((*packed)[5], std::byte{0x40});  // blocks of at most 64 KiB
}

bytes_type lz4_frame(const LZ4F_preferences_t& preferences, base::byte_view content) {
  bytes_type frame(LZ4F_compressFrameBound(content.size(), &preferences));
  frame.resize(LZ4F_compressFrame(frame.data(), frame.size(), content.data(), content.size(), &preferences));
  return frame;
}

TEST(compression, lz4_frames_of_other_writers_are_read) {
  std::mt19937_64 random(test::random_seed());
  const bytes_type content = random_content(random, 5'000'000);
  for (const auto block : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB}) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockSizeID = block;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    preferences.frameInfo.contentSize = content.size();
    const auto opened = decompress(compression_type::lz4, lz4_frame(preferences, content), any_size);
    ASSERT_TRUE(opened.has_value()) << opened.error().describe();
    EXPECT_EQ(*opened, content);
  }
}

TEST(compression, lz4_frames_with_linked_blocks_are_refused) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockLinked;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  EXPECT_EQ(failure(compression_type::lz4, lz4_frame(preferences, bytes_type(200'000))),
            compression_errc::unsupported);
}

TEST(compression, zstd_windows_beyond_the_limit_are_refused) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, base::limits::zstd_window_log + 1);
  // Small tables, so that the test does not need what the window would.
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_hashLog, 10);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_strategy, ZSTD_fast);
  bytes_type packed(100'000);
  const bytes_type content(50'000);
  ZSTD_inBuffer from{content.data(), content.size(), 0};
  ZSTD_outBuffer to{packed.data(), packed.size(), 0};
  ASSERT_FALSE(ZSTD_isError(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_continue)));
  ASSERT_FALSE(ZSTD_isError(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end)));
  packed.resize(to.pos);
  EXPECT_EQ(failure(compression_type::zstd, packed), compression_errc::unsupported);
}

}  // namespace
}  // namespace tidelog::codec
