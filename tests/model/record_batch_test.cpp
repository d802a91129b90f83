#include "tidelog/model/record_batch.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"

#include <limits>
#include <random>

namespace tidelog::model {
namespace {

using bytes_type = std::vector<std::byte>;

bytes_type sample_batch() {
  record_batch_builder builder({.base_offset = offset(0),
                                .partition_leader_epoch = leader_epoch(7),
                                .producer_id = producer_id(4711),
                                .producer_epoch = producer_epoch(3),
                                .base_sequence = sequence(20),
                                .attributes = batch_attribute::transactional});
  builder.add(timestamp(1000), base::as_bytes("key"), base::as_bytes("value"));
  builder.add(timestamp(3000), std::nullopt, base::as_bytes("second"));
  builder.add(timestamp(2000), base::as_bytes(""), std::nullopt);
  return builder.build();
}

template <class T>
void put(bytes_type& batch, std::size_t position, T value) {
  base::store_big_endian(batch.data() + position, value);
}

std::error_code parse_error(base::byte_view bytes) {
  const auto batch = parse_record_batch(bytes);
  return batch ? std::error_code{} : batch.error().code;
}

TEST(record_batch, has_the_fields_that_it_was_built_with) {
  const bytes_type bytes = sample_batch();
  const auto batch = parse_record_batch(bytes);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->base_offset(), offset(0));
  EXPECT_EQ(batch->last_offset(), offset(2));
  EXPECT_EQ(batch->next_offset(), offset(3));
  EXPECT_EQ(batch->last_offset_delta(), 2);
  EXPECT_EQ(batch->partition_leader_epoch(), leader_epoch(7));
  EXPECT_EQ(batch->magic(), 2);
  EXPECT_EQ(batch->compression(), compression_type::none);
  EXPECT_EQ(batch->timestamp_type(), timestamp_type::create_time);
  EXPECT_TRUE(batch->is_transactional());
  EXPECT_FALSE(batch->is_control());
  EXPECT_FALSE(batch->has_delete_horizon());
  EXPECT_EQ(batch->base_timestamp(), timestamp(1000));
  EXPECT_EQ(batch->max_timestamp(), timestamp(3000));
  EXPECT_EQ(batch->producer_id(), producer_id(4711));
  EXPECT_EQ(batch->producer_epoch(), producer_epoch(3));
  EXPECT_EQ(batch->base_sequence(), sequence(20));
  EXPECT_EQ(batch->last_sequence(), sequence(22));
  EXPECT_EQ(batch->record_count(), 3);
  EXPECT_EQ(batch->size_bytes(), bytes.size());
  EXPECT_EQ(batch->records().size(), bytes.size() - 61);
  EXPECT_TRUE(verify_crc(*batch).has_value());
  EXPECT_TRUE(check_produced_header(*batch).has_value());
}

TEST(record_batch, cut_anywhere_is_called_truncated) {
  const bytes_type bytes = sample_batch();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const bytes_type cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto expected = size < 61 ? batch_errc::truncated_header : batch_errc::truncated_body;
    EXPECT_EQ(parse_error(cut), expected) << size;
  }
}

TEST(record_batch, flipped_bit_anywhere_under_the_checksum_is_caught) {
  const bytes_type good = sample_batch();
  for (std::size_t at = batch_position::crc; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      bytes_type bad = good;
      bad[at] ^= static_cast<std::byte>(1U << bit);
      const auto batch = parse_record_batch(bad);
      ASSERT_TRUE(batch.has_value());
      const auto verified = verify_crc(*batch);
      ASSERT_FALSE(verified.has_value()) << at;
      EXPECT_EQ(verified.error().code, batch_errc::bad_crc);
    }
  }
}

TEST(record_batch, faults_of_length_and_magic_have_names_of_their_own) {
  const bytes_type good = sample_batch();
  EXPECT_EQ(parse_error(bytes_type(100)), batch_errc::zero_filled);
  EXPECT_EQ(parse_error(bytes_type(17)), batch_errc::zero_filled);
  for (const std::int32_t length : {-1, 0, 13, 48, std::numeric_limits<std::int32_t>::min()}) {
    bytes_type bad = good;
    put(bad, batch_position::length, length);
    EXPECT_EQ(parse_error(bad), batch_errc::bad_length) << length;
  }
  for (const int magic : {0, 1}) {
    bytes_type bad = good;
    put(bad, batch_position::magic, static_cast<std::int8_t>(magic));
    EXPECT_EQ(parse_error(bad), batch_errc::legacy_magic);
  }
  for (const int magic : {-1, 3, 127}) {
    bytes_type bad = good;
    put(bad, batch_position::magic, static_cast<std::int8_t>(magic));
    EXPECT_EQ(parse_error(bad), batch_errc::unknown_magic);
  }
  bytes_type long_one = good;
  put(long_one, batch_position::length, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(parse_error(long_one), batch_errc::truncated_body);
}

TEST(record_batch, legacy_message_shorter_than_a_header_is_recognised) {
  bytes_type message(12 + 14);
  put<std::int32_t>(message, batch_position::length, 14);
  put<std::int8_t>(message, batch_position::magic, 1);
  EXPECT_EQ(parse_error(message), batch_errc::legacy_magic);
}

TEST(record_batch, header_is_read_without_the_records) {
  const bytes_type bytes = sample_batch();
  const auto front = base::byte_view(bytes).first(61);
  const auto whole = parse_record_batch_header(front, bytes.size());
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->size_bytes(), bytes.size());
  const auto cut = parse_record_batch_header(front, bytes.size() - 1);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, batch_errc::truncated_body);
}

TEST(record_batch, that_is_to_be_alone_has_nothing_behind_it) {
  bytes_type bytes = sample_batch();
  EXPECT_TRUE(parse_only_record_batch(bytes).has_value());
  bytes.push_back(std::byte{0});
  EXPECT_TRUE(parse_record_batch(bytes).has_value());
  const auto only = parse_only_record_batch(bytes);
  ASSERT_FALSE(only.has_value());
  EXPECT_EQ(only.error().code, batch_errc::trailing_batch);
}

TEST(record_batch, offset_and_epoch_are_patched_outside_the_checksum) {
  bytes_type bytes = sample_batch();
  set_base_offset(bytes, offset(1'000'000));
  set_partition_leader_epoch(bytes, leader_epoch(99));
  const auto batch = parse_record_batch(bytes);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->base_offset(), offset(1'000'000));
  EXPECT_EQ(batch->next_offset(), offset(1'000'003));
  EXPECT_EQ(batch->partition_leader_epoch(), leader_epoch(99));
  EXPECT_TRUE(verify_crc(*batch).has_value());
}

TEST(record_batch, is_resealed_after_its_timestamps_change) {
  bytes_type bytes = sample_batch();
  set_log_append_time(bytes, timestamp(5555));
  const auto batch = parse_record_batch(bytes);
  ASSERT_TRUE(batch.has_value());
  EXPECT_FALSE(verify_crc(*batch).has_value());
  reseal_crc(bytes);
  EXPECT_TRUE(verify_crc(*batch).has_value());
  EXPECT_EQ(batch->timestamp_type(), timestamp_type::log_append_time);
  EXPECT_EQ(batch->max_timestamp(), timestamp(5555));
  EXPECT_TRUE(batch->is_transactional());
  set_max_timestamp(bytes, timestamp(6666));
  EXPECT_EQ(batch->max_timestamp(), timestamp(6666));
}

TEST(record_batch, sequences_wrap_to_zero) {
  constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(advance(sequence(most - 1), 1), sequence(most));
  EXPECT_EQ(advance(sequence(most), 1), sequence(0));
  EXPECT_EQ(advance(sequence(most), most), sequence(most - 1));
  bytes_type bytes = sample_batch();
  put(bytes, batch_position::base_sequence, most - 1);
  EXPECT_EQ(parse_record_batch(bytes)->last_sequence(), sequence(0));
  put<std::int32_t>(bytes, batch_position::base_sequence, -1);
  EXPECT_EQ(parse_record_batch(bytes)->last_sequence(), no_sequence);
}

TEST(record_batch, header_checks_name_what_is_wrong) {
  struct row {
    std::size_t position;
    std::int64_t value;
    std::size_t width;
    batch_errc in_log;  ///< 0 where a log may hold it
    batch_errc produced;
  };
  constexpr batch_errc fine{0};
  constexpr std::int64_t most_offset = std::numeric_limits<std::int64_t>::max();
  const row rows[] = {
      {batch_position::attributes, 5, 2, batch_errc::unknown_compression, batch_errc::unknown_compression},
      {batch_position::attributes, 7, 2, batch_errc::unknown_compression, batch_errc::unknown_compression},
      {batch_position::attributes, 0x20, 2, fine, batch_errc::unexpected_control_batch},
      {batch_position::base_offset, -1, 8, batch_errc::bad_offsets, batch_errc::bad_offsets},
      {batch_position::base_offset, most_offset - 2, 8, batch_errc::bad_offsets, batch_errc::bad_offsets},
      {batch_position::base_offset, 10, 8, fine, batch_errc::bad_offsets},
      {batch_position::last_offset_delta, -1, 4, batch_errc::bad_offsets, batch_errc::bad_offsets},
      {batch_position::last_offset_delta, 1, 4, batch_errc::bad_record_count, batch_errc::bad_record_count},
      {batch_position::last_offset_delta, 3, 4, fine, batch_errc::bad_record_count},
      {batch_position::record_count, -1, 4, batch_errc::bad_record_count, batch_errc::bad_record_count},
      {batch_position::record_count, 0, 4, fine, batch_errc::empty_batch},
      {batch_position::producer_epoch, -1, 2, fine, batch_errc::bad_producer_fields},
      {batch_position::base_sequence, -1, 4, fine, batch_errc::bad_producer_fields},
  };
  for (const row& one : rows) {
    bytes_type bytes = sample_batch();
    if (one.width == 2) put(bytes, one.position, static_cast<std::int16_t>(one.value));
    if (one.width == 4) put(bytes, one.position, static_cast<std::int32_t>(one.value));
    if (one.width == 8) put(bytes, one.position, one.value);
    const auto batch = parse_record_batch(bytes);
    ASSERT_TRUE(batch.has_value());
    const auto code_of = [](const base::status& outcome) {
      return outcome ? std::error_code{} : outcome.error().code;
    };
    const auto expected = [](batch_errc code) {
      return code == fine ? std::error_code{} : make_error_code(code);
    };
    EXPECT_EQ(code_of(check_header(*batch)), expected(one.in_log)) << one.position << "=" << one.value;
    EXPECT_EQ(code_of(check_produced_header(*batch)), expected(one.produced))
        << one.position << "=" << one.value;
  }
}

TEST(record_batch, random_bytes_never_pass_for_a_sealed_batch) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 2000; ++round) {
    bytes_type bytes(random() % 200);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    if (bytes.size() > 61 && random() % 2 == 0) {
      put<std::int8_t>(bytes, batch_position::magic, record_batch_magic);
      put(bytes, batch_position::length, static_cast<std::int32_t>(bytes.size() - 12));
    }
    const auto batch = parse_record_batch(bytes);
    if (!batch) continue;
    ASSERT_LE(batch->size_bytes(), bytes.size());
    ASSERT_FALSE(verify_crc(*batch).has_value());
    (void)check_produced_header(*batch);
    (void)batch->last_sequence();
  }
}

}  // namespace
}  // namespace tidelog::model
