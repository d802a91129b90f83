#include "tidelog/partition/batch_validation.hpp"

#include "batches.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/compression.hpp"
#include "tidelog/partition/partition_error.hpp"

#include <functional>
#include <limits>

namespace tidelog::partition {
namespace {

using bytes = std::vector<std::byte>;
using model::batch_position;
using test::make_batch;
using test::test_now_ms;

constexpr std::int64_t hour_ms = 3'600'000;

metadata::topic_config default_config() {
  return metadata::effective_topic_config({});
}

metadata::topic_config with(const std::function<void(metadata::topic_config&)>& change) {
  auto config = default_config();
  change(config);
  return config;
}

/// Puts a value into the header and the checksum right.
template <class Integer>
bytes with_field(std::size_t position, Integer value, bytes batch = make_batch({.records = 3})) {
  base::store_big_endian(batch.data() + position, value);
  model::reseal_crc(batch);
  return batch;
}

bytes with_flipped_bit(std::size_t position) {
  auto batch = make_batch({});
  batch.at(position) ^= std::byte{1};
  return batch;
}

bytes twice(const bytes& batch) {
  auto both = batch;
  both.insert(both.end(), batch.begin(), batch.end());
  return both;
}

bytes cut(bytes batch, std::size_t by) {
  batch.resize(batch.size() - by);
  return batch;
}

bytes with_records(model::compression_type compression, base::byte_view records, int count = 1) {
  auto batch = make_batch({.records = count});
  test::replace_records(batch, compression, records);
  return batch;
}

/// Records that say a wrong thing: `count` in the header, but only the first is there.
bytes with_missing_records() {
  auto batch = make_batch({.records = 1});
  base::store_big_endian(batch.data() + batch_position::record_count, std::int32_t{2});
  base::store_big_endian(batch.data() + batch_position::last_offset_delta, std::int32_t{1});
  model::reseal_crc(batch);
  return batch;
}

bytes with_surplus_records() {
  auto batch = make_batch({.records = 2});
  base::store_big_endian(batch.data() + batch_position::record_count, std::int32_t{1});
  base::store_big_endian(batch.data() + batch_position::last_offset_delta, std::int32_t{0});
  model::reseal_crc(batch);
  return batch;
}

/// A few KiB that open to `opened_bytes`.
bytes bomb(model::compression_type compression, std::size_t opened_bytes) {
  return make_batch({.value = std::string(opened_bytes, 'b'), .compression = compression});
}

struct refusal_case {
  const char* name;
  bytes batch;
  errc expected;
  metadata::topic_config config = default_config();
  std::vector<std::int32_t> records = {};
};

const auto compacted = with([](auto& config) { config.cleanup_compact = true; });
const auto one_hour_back = with([](auto& config) { config.message_timestamp_before_max_ms = hour_ms; });
const auto one_hour_ahead = with([](auto& config) { config.message_timestamp_after_max_ms = hour_ms; });

const std::vector<refusal_case>& refusals() {
  using model::compression_type;
  const auto junk = base::as_bytes("this was never compressed by anything at all");
  static const std::vector<refusal_case> cases{
      {"nothing_at_all", {}, errc::invalid_batch},
      {"less_than_a_header", cut(make_batch({}), make_batch({}).size() - 20), errc::invalid_batch},
      {"less_than_its_length_says", cut(make_batch({}), 1), errc::invalid_batch},
      {"zeros", bytes(200), errc::corrupt_batch},
      {"a_negative_length", with_field(batch_position::length, std::int32_t{-1}), errc::corrupt_batch},
      {"a_flipped_bit_in_a_record", with_flipped_bit(batch_position::records + 3), errc::corrupt_batch},
      {"a_flipped_bit_in_the_header", with_flipped_bit(batch_position::base_timestamp), errc::corrupt_batch},
      {"a_flipped_bit_in_the_checksum", with_flipped_bit(batch_position::crc), errc::corrupt_batch},
      {"magic_0", with_field(batch_position::magic, std::int8_t{0}), errc::invalid_batch},
      {"magic_1", with_field(batch_position::magic, std::int8_t{1}), errc::invalid_batch},
      {"magic_3", with_field(batch_position::magic, std::int8_t{3}), errc::corrupt_batch},
      {"a_second_batch", twice(make_batch({})), errc::invalid_batch},
      {"no_records", with_field(batch_position::record_count, std::int32_t{0}), errc::invalid_batch},
      {"a_negative_record_count", with_field(batch_position::record_count, std::int32_t{-3}),
       errc::invalid_batch},
      {"a_record_count_that_is_not_the_offset_delta",
       with_field(batch_position::record_count, std::int32_t{2}), errc::invalid_batch},
      {"a_negative_offset_delta", with_field(batch_position::last_offset_delta, std::int32_t{-1}),
       errc::invalid_batch},
      {"fewer_records_than_counted", with_missing_records(), errc::invalid_batch},
      {"more_records_than_counted", with_surplus_records(), errc::invalid_batch},
      {"a_base_offset", with_field(batch_position::base_offset, std::int64_t{7}), errc::invalid_batch},
      {"a_control_batch", make_batch({.attributes = model::batch_attribute::control}), errc::invalid_batch},
      {"a_producer_without_sequence",
       with_field(batch_position::base_sequence, std::int32_t{-1}, make_batch({.producer_id = 7})),
       errc::invalid_batch},
      {"a_producer_without_epoch",
       with_field(batch_position::producer_epoch, std::int16_t{-1}, make_batch({.producer_id = 7})),
       errc::invalid_batch},
      {"a_compression_that_does_not_exist", with_field(batch_position::attributes, std::uint16_t{5}),
       errc::unsupported_compression},
      {"the_timestamp_type_of_the_broker",
       with_field(batch_position::attributes, model::batch_attribute::log_append_time),
       errc::invalid_timestamps},
      {"garbage_for_gzip", with_records(compression_type::gzip, junk), errc::invalid_batch},
      {"garbage_for_snappy", with_records(compression_type::snappy, junk), errc::invalid_batch},
      {"garbage_for_lz4", with_records(compression_type::lz4, junk), errc::invalid_batch},
      {"garbage_for_zstd", with_records(compression_type::zstd, junk), errc::invalid_batch},
      {"garbage_for_records", with_records(compression_type::none, junk), errc::invalid_batch},
      {"no_key_on_a_compacted_topic", make_batch({.records = 2}), errc::invalid_records, compacted, {0, 1}},
      {"a_record_from_too_long_ago",
       make_batch({.records = 3, .timestamp_ms = test_now_ms - hour_ms - 2}),
       errc::invalid_timestamps,
       one_hour_back,
       {0, 1}},
      {"a_record_from_too_far_ahead",
       make_batch({.records = 3, .timestamp_ms = test_now_ms + hour_ms - 1}),
       errc::invalid_timestamps,
       one_hour_ahead,
       {2}},
  };
  return cases;
}

class refused_batch : public testing::TestWithParam<std::size_t> {};

TEST_P(refused_batch, has_its_own_reason_and_is_left_as_it_was) {
  const auto& of = refusals().at(GetParam());
  for (const auto effort : {check_effort::quick, check_effort::thorough}) {
    auto batch = of.batch;
    const auto outcome = check_batch(batch, of.config, test_now_ms, effort);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().reason.code, make_error_code(of.expected)) << outcome.error().reason.describe();
    EXPECT_EQ(outcome.error().records, of.records);
    EXPECT_EQ(batch, of.batch);
  }
}

INSTANTIATE_TEST_SUITE_P(cases, refused_batch, testing::Range<std::size_t>(0, refusals().size()),
                         [](const auto& of) { return refusals().at(of.param).name; });

class accepted_compression : public testing::TestWithParam<model::compression_type> {};

TEST_P(accepted_compression, is_stored_as_it_came) {
  const auto sent = make_batch({.records = 5, .compression = GetParam()});
  auto batch = sent;
  const auto outcome = check_batch(batch, default_config(), test_now_ms, check_effort::quick);
  ASSERT_TRUE(outcome) << outcome.error().reason.describe();
  EXPECT_EQ(outcome->bytes.data(), batch.data());
  EXPECT_EQ(batch, sent);
}

/// Small bombs are opened on the reactor, large ones on a worker, which takes them however much comes out.
TEST_P(accepted_compression, that_opens_to_much_wants_a_worker) {
  if (GetParam() == model::compression_type::none) return;
  const auto sent = bomb(GetParam(), 8 << 20);
  auto batch = sent;
  const auto config = with([](auto& of) { of.max_message_bytes = 1 << 20; });
  const auto quick = check_batch(batch, config, test_now_ms, check_effort::quick);
  ASSERT_FALSE(quick);
  EXPECT_EQ(quick.error().reason.code, make_error_code(errc::needs_worker));
  EXPECT_EQ(batch, sent);
  const auto thorough = check_batch(batch, config, test_now_ms, check_effort::thorough);
  ASSERT_TRUE(thorough) << thorough.error().reason.describe();
  EXPECT_EQ(batch, sent);
}

INSTANTIATE_TEST_SUITE_P(all, accepted_compression,
                         testing::Values(model::compression_type::none, model::compression_type::gzip,
                                         model::compression_type::snappy, model::compression_type::lz4,
                                         model::compression_type::zstd),
                         [](const auto& of) { return std::string(model::name_of(of.param)); });

TEST(batch_validation, a_batch_of_exactly_the_largest_size_passes) {
  auto batch = make_batch({.value = std::string(1000, 'v')});
  const auto limit = static_cast<std::int32_t>(batch.size());
  EXPECT_TRUE(check_batch(batch, with([&](auto& of) { of.max_message_bytes = limit; }), test_now_ms,
                          check_effort::quick));
  const auto refused = check_batch(batch, with([&](auto& of) { of.max_message_bytes = limit - 1; }),
                                   test_now_ms, check_effort::quick);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason.code, make_error_code(errc::batch_too_large));
}

TEST(batch_validation, keyed_records_pass_on_a_compacted_topic) {
  auto batch = make_batch({.records = 2, .key = "k"});
  EXPECT_TRUE(check_batch(batch, compacted, test_now_ms, check_effort::quick));
  auto with_empty_key = make_batch({.records = 2, .key = ""});
  EXPECT_TRUE(check_batch(with_empty_key, compacted, test_now_ms, check_effort::quick));
}

TEST(batch_validation, timestamps_at_the_bounds_and_none_at_all_pass) {
  auto oldest = make_batch({.timestamp_ms = test_now_ms - hour_ms});
  EXPECT_TRUE(check_batch(oldest, one_hour_back, test_now_ms, check_effort::quick));
  auto newest = make_batch({.timestamp_ms = test_now_ms + hour_ms});
  EXPECT_TRUE(check_batch(newest, one_hour_ahead, test_now_ms, check_effort::quick));
  auto none = make_batch({.timestamp_ms = -1});
  EXPECT_TRUE(check_batch(none, one_hour_back, test_now_ms, check_effort::quick));
}

TEST(batch_validation, limits_beyond_every_timestamp_are_no_limits) {
  const auto config = with([](auto& of) {
    of.message_timestamp_before_max_ms = of.message_timestamp_after_max_ms =
        std::numeric_limits<std::int64_t>::max();
  });
  for (const auto timestamp_ms : {std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
    auto batch = make_batch({.timestamp_ms = timestamp_ms});
    EXPECT_TRUE(check_batch(batch, config, test_now_ms, check_effort::quick)) << timestamp_ms;
  }
}

TEST(batch_validation, a_wrong_largest_timestamp_is_put_right) {
  for (const auto wrong : {std::int64_t{-1}, test_now_ms - 1, test_now_ms + hour_ms}) {
    auto batch = with_field(batch_position::max_timestamp, wrong);
    const auto outcome = check_batch(batch, default_config(), test_now_ms, check_effort::quick);
    ASSERT_TRUE(outcome) << outcome.error().reason.describe();
    EXPECT_EQ(bytes(outcome->bytes.begin(), outcome->bytes.end()), make_batch({.records = 3}));
  }
}

TEST(batch_validation, log_append_time_stamps_the_batch_and_looks_at_no_other_time) {
  const auto config = with([](auto& of) {
    of.message_timestamp_type = metadata::timestamp_type::log_append_time;
    of.message_timestamp_before_max_ms = 0;
  });
  auto batch = make_batch({.records = 3, .timestamp_ms = 12});
  const auto outcome = check_batch(batch, config, test_now_ms, check_effort::quick);
  ASSERT_TRUE(outcome) << outcome.error().reason.describe();
  const auto stored = model::parse_only_record_batch(outcome->bytes);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(model::verify_crc(*stored));
  EXPECT_EQ(stored->timestamp_type(), model::timestamp_type::log_append_time);
  EXPECT_EQ(stored->max_timestamp(), model::timestamp(test_now_ms));
}

struct compression_change {
  metadata::topic_compression wanted;
  model::compression_type expected;
};

TEST(batch_validation, another_compression_is_made_on_a_worker) {
  using metadata::topic_compression;
  using model::compression_type;
  const auto plain = make_batch({.records = 20, .value = std::string(100, 'c')});
  for (const auto& [wanted, expected] :
       {compression_change{topic_compression::uncompressed, compression_type::none},
        compression_change{topic_compression::gzip, compression_type::gzip},
        compression_change{topic_compression::snappy, compression_type::snappy},
        compression_change{topic_compression::lz4, compression_type::lz4},
        compression_change{topic_compression::zstd, compression_type::zstd}}) {
    const auto config = with([&, to = wanted](auto& of) { of.compression = to; });
    for (const auto came : {compression_type::none, compression_type::lz4, compression_type::gzip}) {
      if (came == expected) continue;
      auto batch = make_batch({.records = 20, .value = std::string(100, 'c'), .compression = came});
      const auto quick = check_batch(batch, config, test_now_ms, check_effort::quick);
      ASSERT_FALSE(quick);
      EXPECT_EQ(quick.error().reason.code, make_error_code(errc::needs_worker));
      auto outcome = check_batch(batch, config, test_now_ms, check_effort::thorough);
      ASSERT_TRUE(outcome) << outcome.error().reason.describe();
      // The bytes stay valid when the checked batch is moved, as it is on its way to the append.
      const auto moved = std::move(*outcome);
      const auto stored = model::parse_only_record_batch(moved.bytes);
      ASSERT_TRUE(stored);
      EXPECT_TRUE(model::verify_crc(*stored));
      EXPECT_EQ(stored->compression(), expected);
      const auto opened = codec::decompress(expected, stored->records(), 1 << 20);
      ASSERT_TRUE(opened);
      EXPECT_TRUE(std::ranges::equal(*opened, base::byte_view(plain).subspan(batch_position::records)));
    }
  }
}

TEST(batch_validation, a_rewritten_batch_is_stamped_and_has_its_largest_timestamp_put_right) {
  auto stamped = with([](auto& of) {
    of.compression = metadata::topic_compression::lz4;
    of.message_timestamp_type = metadata::timestamp_type::log_append_time;
  });
  auto batch = make_batch({.records = 3, .timestamp_ms = 12});
  auto outcome = check_batch(batch, stamped, test_now_ms, check_effort::thorough);
  ASSERT_TRUE(outcome);
  auto stored = model::parse_only_record_batch(outcome->bytes);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->timestamp_type(), model::timestamp_type::log_append_time);
  EXPECT_EQ(stored->max_timestamp(), model::timestamp(test_now_ms));

  auto wrong = with_field(batch_position::max_timestamp, std::int64_t{5});
  const auto created = with([](auto& of) { of.compression = metadata::topic_compression::lz4; });
  outcome = check_batch(wrong, created, test_now_ms, check_effort::thorough);
  ASSERT_TRUE(outcome);
  stored = model::parse_only_record_batch(outcome->bytes);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(model::verify_crc(*stored));
  EXPECT_EQ(stored->max_timestamp(), model::timestamp(test_now_ms + 2));
}

/// A topic that stores uncompressed does not become the victim of what opens to much, and holds nothing of it meanwhile.
TEST(batch_validation, what_would_be_stored_is_held_to_the_largest_size_too) {
  const auto config = with([](auto& of) {
    of.compression = metadata::topic_compression::uncompressed;
    of.max_message_bytes = 1 << 20;
  });
  auto batch = bomb(model::compression_type::zstd, 8 << 20);
  const auto outcome = check_batch(batch, config, test_now_ms, check_effort::thorough);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason.code, make_error_code(errc::batch_too_large));
}

}  // namespace
}  // namespace tidelog::partition
