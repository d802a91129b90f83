#include "tidelog/codec/records_check.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>

namespace tidelog::codec {
namespace {

using bytes_type = std::vector<std::byte>;
using model::batch_position;
using model::compression_type;

constexpr compression_type all_types[] = {compression_type::none, compression_type::gzip,
                                          compression_type::snappy, compression_type::lz4,
                                          compression_type::zstd};

bytes_type sample_batch(std::int32_t records, std::size_t value_bytes) {
  model::record_batch_builder builder({.producer_id = model::producer_id(9),
                                       .producer_epoch = model::producer_epoch(1),
                                       .base_sequence = model::sequence(5)});
  const std::string value(value_bytes, 'v');
  for (std::int32_t i = 0; i < records; ++i)
    builder.add(model::timestamp(1000 + (i * 7) % 50), base::as_bytes("key"), base::as_bytes(value));
  return builder.build();
}

model::record_batch_view parsed(const bytes_type& bytes) {
  auto batch = model::parse_record_batch(bytes);
  if (!batch) throw std::runtime_error(batch.error().describe());
  return *batch;
}

bytes_type recompressed(const bytes_type& bytes, compression_type target) {
  auto made = recompress_batch(parsed(bytes), {.target = target, .most_bytes = 100'000'000});
  if (!made) throw std::runtime_error(made.error().describe());
  return *made;
}

/// A batch with this header whose records are `records`, compressed.
bytes_type with_records(const bytes_type& header_of, base::byte_view records, compression_type type) {
  bytes_type bytes(header_of.begin(), header_of.begin() + batch_position::records);
  bytes.insert(bytes.end(), records.begin(), records.end());
  base::store_big_endian(bytes.data() + batch_position::length, static_cast<std::int32_t>(bytes.size() - 12));
  return type == compression_type::none ? bytes : recompressed(bytes, type);
}

std::error_code check_failure(const bytes_type& bytes) {
  const auto summary = check_records(parsed(bytes), {});
  return summary ? std::error_code{} : summary.error().code;
}

TEST(records_check, says_the_same_of_every_compression) {
  const bytes_type plain = sample_batch(300, 1000);
  for (const auto type : all_types) {
    const bytes_type bytes = recompressed(plain, type);
    const auto batch = parsed(bytes);
    EXPECT_EQ(batch.compression(), type);
    EXPECT_TRUE(model::verify_crc(batch).has_value());
    EXPECT_TRUE(model::check_produced_header(batch).has_value());
    const auto summary = check_records(batch, {});
    ASSERT_TRUE(summary.has_value()) << summary.error().describe();
    EXPECT_EQ(summary->max_timestamp, model::timestamp(1049));
    EXPECT_EQ(summary->offset_delta_of_max_timestamp, 7);
    EXPECT_EQ(summary->records_bytes, parsed(plain).records().size());
  }
}

TEST(records_check, recompression_leads_from_any_compression_to_any_other_and_back) {
  const bytes_type plain = sample_batch(100, 777);
  for (const auto from : all_types)
    for (const auto to : all_types)
      EXPECT_EQ(recompressed(recompressed(recompressed(plain, from), to), compression_type::none), plain);
}

TEST(records_check, wrong_records_and_wrong_compression_are_different_errors) {
  const bytes_type good = sample_batch(10, 100);
  const base::byte_view records = parsed(good).records();
  for (const auto type : all_types) {
    EXPECT_EQ(check_failure(with_records(good, records.first(records.size() - 1), type)),
              model::batch_errc::truncated_records);
    bytes_type longer(records.begin(), records.end());
    longer.push_back(std::byte{0});
    EXPECT_EQ(check_failure(with_records(good, longer, type)), model::batch_errc::trailing_records);
    bytes_type misframed(records.begin(), records.end());
    misframed[0] = std::byte{1};
    EXPECT_EQ(check_failure(with_records(good, misframed, type)), model::batch_errc::bad_record_framing);
  }
  for (const auto type : all_types) {
    if (type == compression_type::none) continue;
    bytes_type noise = with_records(good, records, type);
    noise.erase(noise.end() - 3, noise.end());
    base::store_big_endian(noise.data() + batch_position::length,
                           static_cast<std::int32_t>(noise.size() - 12));
    EXPECT_EQ(check_failure(noise), compression_errc::truncated);
  }
  bytes_type unknown = good;
  base::store_big_endian<std::uint16_t>(unknown.data() + batch_position::attributes, 6);
  EXPECT_EQ(check_failure(unknown), model::batch_errc::unknown_compression);
}

TEST(records_check, huge_record_is_checked_without_being_kept) {
  // One record of 100 MB behind a few hundred KB of gzip.
  const bytes_type plain = sample_batch(1, 100'000'000);
  const bytes_type bytes = recompressed(plain, compression_type::zstd);
  ASSERT_LT(bytes.size(), 100'000U);
  const auto summary = check_records(parsed(bytes), {});
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->records_bytes, plain.size() - batch_position::records);
}

TEST(records_check, recompression_stays_within_its_bound) {
  const bytes_type packed = recompressed(sample_batch(10, 100'000), compression_type::gzip);
  const auto made =
      recompress_batch(parsed(packed), {.target = compression_type::none, .most_bytes = 500'000});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, compression_errc::output_too_large);
}

TEST(records_check, recompression_can_set_the_time_of_the_append) {
  const bytes_type plain = sample_batch(3, 10);
  const auto made = recompress_batch(
      parsed(plain),
      {.target = compression_type::lz4, .most_bytes = 10'000, .append_time = model::timestamp(123456)});
  ASSERT_TRUE(made.has_value());
  const auto batch = parsed(*made);
  EXPECT_TRUE(model::verify_crc(batch).has_value());
  EXPECT_EQ(batch.timestamp_type(), model::timestamp_type::log_append_time);
  EXPECT_EQ(batch.max_timestamp(), model::timestamp(123456));
  EXPECT_EQ(batch.base_sequence(), model::sequence(5));
}

TEST(records_check, random_batches_survive_any_recompression) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 30; ++round) {
    model::record_batch_builder builder;
    const std::size_t records = 1 + random() % 200;
    for (std::size_t i = 0; i < records; ++i) {
      std::string value(random() % (round % 5 == 0 ? 50'000 : 500), 'x');
      for (std::size_t at = 0; at < value.size(); at += 1 + random() % 40)
        value[at] = static_cast<char>(random());
      builder.add(model::timestamp(static_cast<std::int64_t>(random() % 1'000'000)), std::nullopt,
                  base::as_bytes(value));
    }
    const bytes_type plain = builder.build();
    for (const auto type : all_types) {
      const bytes_type packed = recompressed(plain, type);
      EXPECT_TRUE(check_records(parsed(packed), {}).has_value());
      EXPECT_EQ(recompressed(packed, compression_type::none), plain);
    }
  }
}

bytes_type file_content(const std::filesystem::path& name) {
  std::ifstream in(name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto view = base::as_bytes(text);
  return {view.begin(), view.end()};
}

/// See tests/data/batches/README.md for how they were made.
TEST(records_check, batches_of_real_clients_pass) {
  std::set<compression_type> seen;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TIDELOG_TEST_DATA "/batches")) {
    if (entry.path().extension() != ".batch") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const bytes_type bytes = file_content(entry.path());
    const auto batch = model::parse_only_record_batch(bytes);
    ASSERT_TRUE(batch.has_value()) << batch.error().describe();
    EXPECT_TRUE(model::verify_crc(*batch).has_value());
    EXPECT_TRUE(model::check_header(*batch).has_value());
    const auto summary = check_records(*batch, {});
    ASSERT_TRUE(summary.has_value()) << summary.error().describe();
    EXPECT_EQ(summary->max_timestamp, batch->max_timestamp());
    seen.insert(batch->compression());
    ++files;
  }
  EXPECT_EQ(seen.size(), std::size(all_types));
  EXPECT_GE(files, 10);
}

}  // namespace
}  // namespace tidelog::codec
