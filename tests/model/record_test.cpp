#include "tidelog/model/record.hpp"

#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/varint.hpp"
#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/model/record_stream_checker.hpp"

#include <limits>
#include <random>
#include <string>

namespace tidelog::model {
namespace {

using bytes_type = std::vector<std::byte>;

/// What a record is to a user, owned: the trivially right thing to compare with.
struct plain_record {
  std::int64_t at = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  friend bool operator==(const plain_record&, const plain_record&) = default;
};

nullable_bytes view(const std::optional<std::string>& text) {
  return text ? nullable_bytes(base::as_bytes(*text)) : std::nullopt;
}
std::optional<std::string> text(const nullable_bytes& bytes) {
  return bytes ? std::optional(std::string(base::as_text(*bytes))) : std::nullopt;
}

std::string random_text(std::mt19937_64& random, std::size_t most) {
  std::string made(random() % (most + 1), 'x');
  for (char& one : made) one = static_cast<char>(random());
  return made;
}
std::optional<std::string> random_nullable(std::mt19937_64& random, std::size_t most) {
  if (random() % 4 == 0) return std::nullopt;
  return random_text(random, most);
}

std::vector<plain_record> random_records(std::mt19937_64& random) {
  std::vector<plain_record> records(1 + random() % 40);
  for (auto& record : records) {
    record.at = static_cast<std::int64_t>(random() % 4'000'000'000'000);
    record.key = random_nullable(random, 70);
    record.value = random_nullable(random, random() % 10 == 0 ? 20'000 : 200);
    record.headers.resize(random() % 4);
    for (auto& header : record.headers) header = {random_text(random, 80), random_nullable(random, 80)};
  }
  return records;
}

bytes_type build(const std::vector<plain_record>& records) {
  record_batch_builder builder;
  for (const auto& record : records) {
    std::vector<record_header_view> headers;
    for (const auto& [key, value] : record.headers) headers.push_back({base::as_bytes(key), view(value)});
    const std::size_t before = builder.size_bytes();
    builder.add(timestamp(record.at), view(record.key), view(record.value), headers);
    EXPECT_LE(builder.size_bytes() - before,
              record_batch_builder::most_bytes_of(view(record.key), view(record.value), headers));
  }
  return builder.build();
}

record_batch_view parsed(const bytes_type& bytes) {
  auto batch = parse_record_batch(bytes);
  if (!batch) throw std::runtime_error(batch.error().describe());
  return *batch;
}

std::error_code check(const record_batch_view& batch, base::byte_view records, std::size_t piece,
                      record_check_summary* summary = nullptr, const record_check_options& options = {}) {
  record_stream_checker checker(batch, options);
  while (!records.empty()) {
    const std::size_t size = std::min(piece, records.size());
    if (auto fed = checker.feed(records.first(size)); !fed) return fed.error().code;
    records = records.subspan(size);
  }
  auto finished = checker.finish();
  if (!finished) return finished.error().code;
  if (summary != nullptr) *summary = *finished;
  return {};
}

TEST(record, reader_returns_what_the_builder_was_given) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 200; ++round) {
    const auto expected = random_records(random);
    const bytes_type bytes = build(expected);
    const auto batch = parsed(bytes);
    ASSERT_TRUE(verify_crc(batch).has_value());
    record_reader reader(batch.records(), batch.record_count());
    std::vector<plain_record> found;
    while (true) {
      auto record = reader.next();
      ASSERT_TRUE(record.has_value()) << record.error().describe();
      if (!*record) break;
      EXPECT_EQ(offset_of(batch, **record), offset(static_cast<std::int64_t>(found.size())));
      plain_record one{.at = timestamp_of(batch, **record).value(),
                       .key = text((*record)->key),
                       .value = text((*record)->value),
                       .headers = {}};
      record_header_reader headers(**record);
      while (const auto header = headers.next())
        one.headers.emplace_back(base::as_text(header->key), text(header->value));
      found.push_back(std::move(one));
    }
    ASSERT_EQ(found, expected);
  }
}

TEST(record, checker_says_the_same_whatever_the_pieces) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 60; ++round) {
    const auto records = random_records(random);
    const bytes_type bytes = build(records);
    const auto batch = parsed(bytes);
    std::int64_t most = -1;
    std::int32_t most_at = 0;
    std::vector<std::int32_t> without_key;
    std::vector<std::int32_t> outside;
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto index = static_cast<std::int32_t>(i);
      if (records[i].at > most) {
        most = records[i].at;
        most_at = index;
      }
      if (!records[i].key && without_key.size() < 32) without_key.push_back(index);
      if ((records[i].at < 1'000'000'000'000 || records[i].at > 3'000'000'000'000) && outside.size() < 32)
        outside.push_back(index);
    }
    const record_check_options options{.keys = key_policy::required,
                                       .earliest_timestamp = timestamp(1'000'000'000'000),
                                       .latest_timestamp = timestamp(3'000'000'000'000)};
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, 1 + random() % 300, bytes.size()}) {
      record_check_summary summary;
      ASSERT_EQ(check(batch, batch.records(), piece, &summary, options), std::error_code{});
      EXPECT_EQ(summary.max_timestamp, timestamp(most));
      EXPECT_EQ(summary.offset_delta_of_max_timestamp, most_at);
      EXPECT_EQ(summary.without_key, without_key);
      EXPECT_EQ(summary.outside_timestamps, outside);
      EXPECT_EQ(summary.records_bytes, batch.records().size());
    }
  }
}

/// Whether reader and checker agree on random damage; the reader parses, so it is the model.
TEST(record, checker_and_reader_refuse_the_same_damage) {
  std::mt19937_64 random(test::random_seed());
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    bytes_type bytes = build(random_records(random));
    if (bytes.size() > 4000) continue;
    for (std::size_t flips = 1 + random() % 3; flips > 0; --flips)
      bytes[61 + random() % (bytes.size() - 61)] = static_cast<std::byte>(random());
    const auto batch = parsed(bytes);
    record_reader reader(batch.records(), batch.record_count());
    bool is_good = true;
    for (std::int32_t expected_delta = 0;; ++expected_delta) {
      const auto record = reader.next();
      if (!record || (*record && (*record)->offset_delta != expected_delta)) is_good = false;
      if (!is_good || !*record) break;
    }
    refused += is_good ? 0 : 1;
    const auto whole = check(batch, batch.records(), bytes.size());
    const auto bytewise = check(batch, batch.records(), 1);
    ASSERT_EQ(whole == std::error_code{}, is_good) << whole.message();
    ASSERT_EQ(bytewise == std::error_code{}, is_good) << bytewise.message();
  }
  EXPECT_GT(refused, 0);
}

TEST(record, cut_records_are_called_truncated_and_longer_ones_trailing) {
  const bytes_type bytes = build({{.at = 1, .key = "k", .value = "value", .headers = {{"h", "v"}, {"n", {}}}},
                                  {.at = 2, .key = {}, .value = std::string(300, 'v'), .headers = {}}});
  const auto batch = parsed(bytes);
  const auto records = batch.records();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, records.size()}) {
    for (std::size_t size = 0; size < records.size(); ++size)
      EXPECT_EQ(check(batch, records.first(size), piece), batch_errc::truncated_records) << size;
    bytes_type longer(records.begin(), records.end());
    longer.push_back(std::byte{0});
    EXPECT_EQ(check(batch, longer, piece), batch_errc::trailing_records);
  }
}

TEST(record, deltas_must_count_as_asked) {
  bytes_type bytes = build({{.at = 1, .key = "k", .value = "a", .headers = {}},
                            {.at = 1, .key = "k", .value = "b", .headers = {}}});
  base::store_big_endian<std::int32_t>(bytes.data() + batch_position::last_offset_delta, 9);
  const auto batch = parsed(bytes);
  // Length, attributes, timestamp delta, offset delta: the fourth byte of each of these short records.
  const std::size_t record_bytes = batch.records().size() / 2;
  std::byte* first = bytes.data() + batch_position::records + 3;
  std::byte* second = first + record_bytes;
  const auto outcome = [&](int one, int other, offset_delta_order order) {
    *first = static_cast<std::byte>(one * 2);
    *second = static_cast<std::byte>(other * 2);
    return check(batch, batch.records(), 5, nullptr, {.deltas = order});
  };
  EXPECT_EQ(outcome(0, 1, offset_delta_order::contiguous), std::error_code{});
  EXPECT_EQ(outcome(0, 2, offset_delta_order::contiguous), batch_errc::bad_offset_delta);
  EXPECT_EQ(outcome(1, 2, offset_delta_order::contiguous), batch_errc::bad_offset_delta);
  EXPECT_EQ(outcome(3, 9, offset_delta_order::increasing), std::error_code{});
  EXPECT_EQ(outcome(3, 3, offset_delta_order::increasing), batch_errc::bad_offset_delta);
  EXPECT_EQ(outcome(3, 10, offset_delta_order::increasing), batch_errc::bad_offset_delta);
}

TEST(record, impossible_lengths_and_counts_are_bad_framing) {
  // A record: length, attributes, timestamp delta, offset delta, key "k", value "v", one header "h" = null.
  const bytes_type good = build({{.at = 1, .key = "k", .value = "v", .headers = {{"h", {}}}}});
  struct row {
    std::size_t position;
    int value;
  };
  // Positions in the record; values are zig-zag: 1 is -1, 3 is -2.
  const row rows[] = {{0, 1}, {0, 18}, {4, 3}, {4, 40}, {6, 3},  {6, 40}, {8, 1},
                      {8, 4}, {8, 0},  {9, 1}, {9, 40}, {11, 3}, {11, 2}};
  for (const row& one : rows) {
    bytes_type bytes = good;
    bytes[61 + one.position] = static_cast<std::byte>(one.value);
    const auto batch = parsed(bytes);
    EXPECT_EQ(check(batch, batch.records(), 1), batch_errc::bad_record_framing)
        << one.position << "=" << one.value;
    EXPECT_EQ(check(batch, batch.records(), 99), batch_errc::bad_record_framing)
        << one.position << "=" << one.value;
    record_reader reader(batch.records(), 1);
    EXPECT_FALSE(reader.next().has_value());
  }
}

TEST(record, faults_named_are_bounded) {
  std::vector<plain_record> records(1000);
  const bytes_type bytes = build(records);
  const auto batch = parsed(bytes);
  record_check_summary summary;
  ASSERT_EQ(check(batch, batch.records(), bytes.size(), &summary,
                  {.keys = key_policy::required, .earliest_timestamp = timestamp(5)}),
            std::error_code{});
  EXPECT_EQ(summary.without_key.size(), base::limits::record_faults_reported);
  EXPECT_EQ(summary.outside_timestamps.size(), base::limits::record_faults_reported);
}

TEST(record, without_a_timestamp_is_within_any_bounds) {
  const bytes_type bytes = build({{.at = -1, .key = {}, .value = "v", .headers = {}}});
  const auto batch = parsed(bytes);
  record_check_summary summary;
  ASSERT_EQ(check(batch, batch.records(), 99, &summary, {.earliest_timestamp = timestamp(5)}),
            std::error_code{});
  EXPECT_TRUE(summary.outside_timestamps.empty());
  EXPECT_EQ(summary.max_timestamp, no_timestamp);
}

TEST(record, has_the_time_of_the_append_where_the_batch_says_so) {
  bytes_type bytes = build({{.at = 100, .key = {}, .value = "v", .headers = {}}});
  set_log_append_time(bytes, timestamp(777));
  const auto batch = parsed(bytes);
  record_reader reader(batch.records(), 1);
  EXPECT_EQ(timestamp_of(batch, **reader.next()), timestamp(777));
}

TEST(record, builder_can_be_used_again) {
  record_batch_builder builder;
  builder.add(timestamp(9), std::nullopt, base::as_bytes("one"));
  const bytes_type first = builder.build();
  EXPECT_EQ(builder.record_count(), 0);
  builder.add(timestamp(9), std::nullopt, base::as_bytes("one"));
  EXPECT_EQ(builder.build(), first);
}

TEST(record, control_keys_round_trip_and_others_are_refused) {
  for (const auto type :
       {control_record_type::abort, control_record_type::commit, control_record_type::kraft_voters}) {
    const auto key = encode_control_key(type);
    const auto back = parse_control_key(base::byte_view(key));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, type);
  }
  EXPECT_FALSE(parse_control_key(std::nullopt).has_value());
  EXPECT_FALSE(parse_control_key(base::as_bytes("abc")).has_value());
  EXPECT_FALSE(parse_control_key(base::as_bytes(std::string_view("\0\0\0\x07", 4))).has_value());
}

}  // namespace
}  // namespace tidelog::model
