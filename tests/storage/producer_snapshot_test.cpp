#include "tidelog/storage/producer_snapshot.hpp"

#include "support/fault_file_system.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/base/crc32c.hpp"
#include "tidelog/storage/storage_error.hpp"

#include <charconv>
#include <fstream>

namespace tidelog::storage {
namespace {

constexpr base::unix_ms now = 1'700'000'000'000;
constexpr std::size_t crc_position = 2;
constexpr std::size_t first_checked_byte = 6;

producer_snapshot_entry some_entry(std::int64_t producer) {
  return {
      model::producer_id(producer), model::producer_epoch(3),      model::sequence(41), model::offset(99), 4,
      model::timestamp(now),        static_cast<std::int32_t>(-1), model::no_offset};
}

void reseal(std::vector<std::byte>& content) {
  base::store_big_endian(content.data() + crc_position,
                         base::crc32c(base::byte_view(content).subspan(first_checked_byte)));
}

/// The vectors' own reader: lines of JSON whose members come in a fixed order.
class vector_line {
 public:
  explicit vector_line(std::string text) : text_(std::move(text)) {}
  std::vector<std::byte> bytes() {
    seek("\"hex\":\"");
    std::vector<std::byte> content;
    for (; text_[at_] != '"'; at_ += 2) {
      unsigned value = 0;
      std::from_chars(&text_[at_], &text_[at_] + 2, value, 16);
      content.push_back(static_cast<std::byte>(value));
    }
    return content;
  }
  std::vector<producer_snapshot_entry> entries() {
    std::vector<producer_snapshot_entry> found;
    while (text_.find("\"producerId\":", at_) != std::string::npos) {
      producer_snapshot_entry entry{};
      entry.producer = member<model::producer_id>("producerId");
      entry.epoch = member<model::producer_epoch>("epoch");
      entry.last_sequence = member<model::sequence>("lastSequence");
      entry.last_offset = member<model::offset>("lastOffset");
      entry.offset_delta = number<std::int32_t>("offsetDelta");
      entry.timestamp = member<model::timestamp>("timestamp");
      entry.coordinator_epoch = number<std::int32_t>("coordinatorEpoch");
      entry.current_txn_first_offset = member<model::offset>("currentTxnFirstOffset");
      found.push_back(entry);
    }
    return found;
  }

 private:
  void seek(const std::string& what) {
    const auto found = text_.find(what, at_);
    ASSERT_NE(found, std::string::npos) << what;
    at_ = found + what.size();
  }
  template <class T>
  T number(const std::string& key) {
    seek("\"" + key + "\":");
    T value{};
    std::from_chars(&text_[at_], text_.data() + text_.size(), value);
    return value;
  }
  template <class T>
  T member(const std::string& key) {
    return T(number<typename T::representation>(key));
  }
  std::string text_;
  std::size_t at_ = 0;
};

TEST(producer_snapshot_test, bytes_are_kafkas) {
  std::ifstream vectors(TIDELOG_TEST_DATA "/producer_snapshot/ProducerSnapshot.jsonl");
  int lines = 0;
  for (std::string text; std::getline(vectors, text); ++lines) {
    vector_line line(text);
    // The vectors have the fields without their version, and an arbitrary checksum.
    auto content = line.bytes();
    if (base::load_big_endian<std::int16_t>(content.data()) != 1 || content.size() % 46 != 10) {
      content.insert(content.begin(), {std::byte{0}, std::byte{1}});
    }
    reseal(content);
    const auto expected = line.entries();
    ASSERT_FALSE(expected.empty());
    const auto decoded = decode_producer_snapshot(content, "vector");
    ASSERT_TRUE(decoded) << decoded.error().describe();
    EXPECT_EQ(*decoded, expected);
    EXPECT_EQ(encode_producer_snapshot(expected), content);
  }
  EXPECT_EQ(lines, 3);
}

TEST(producer_snapshot_test, every_flipped_bit_is_noticed) {
  const auto good = encode_producer_snapshot(std::vector{some_entry(1), some_entry(2)});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto decoded = decode_producer_snapshot(bad, "bad");
    ASSERT_FALSE(decoded) << "bit " << bit;
    EXPECT_EQ(decoded.error().code, bit < 16 ? errc::unknown_format_version : errc::corrupt_snapshot)
        << "bit " << bit;
  }
}

TEST(producer_snapshot_test, every_torn_end_is_noticed) {
  const auto good = encode_producer_snapshot(std::vector{some_entry(1), some_entry(2)});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto decoded = decode_producer_snapshot(base::byte_view(good).first(size), "torn");
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code, errc::corrupt_snapshot) << size;
  }
}

TEST(producer_snapshot_test, count_is_held_against_what_remains) {
  for (const std::int32_t count : {-1, 0, 2, 0x7fffffff}) {
    auto content = encode_producer_snapshot(std::vector{some_entry(1)});
    base::store_big_endian(content.data() + first_checked_byte, count);
    reseal(content);
    EXPECT_EQ(decode_producer_snapshot(content, "count").error().code, errc::corrupt_snapshot) << count;
  }
}

TEST(producer_snapshot_test, names_are_twenty_digits) {
  EXPECT_EQ(producer_snapshot_name(model::offset(1530)), "00000000000000001530.snapshot");
  EXPECT_EQ(parse_producer_snapshot_name("00000000000000001530.snapshot"), model::offset(1530));
  EXPECT_EQ(parse_producer_snapshot_name("9223372036854775807.snapshot"), std::nullopt);
  EXPECT_EQ(parse_producer_snapshot_name("09223372036854775807.snapshot"),
            model::offset(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(parse_producer_snapshot_name("09223372036854775808.snapshot"), std::nullopt);
  EXPECT_EQ(parse_producer_snapshot_name("-0000000000000001530.snapshot"), std::nullopt);
  EXPECT_EQ(parse_producer_snapshot_name("00000000000000001530.snapshot.tmp"), std::nullopt);
  EXPECT_EQ(parse_producer_snapshot_name("00000000000000001530.log"), std::nullopt);
}

class producer_snapshot_file_test : public testing::Test {
 protected:
  producer_snapshot_file_test() { EXPECT_TRUE(files.make_directories("/p")); }

  /// A snapshot that knows the producer `at` and no other.
  void put(std::int64_t at) {
    ASSERT_TRUE(write_producer_snapshot(files, "/p", model::offset(at), std::vector{some_entry(at)}));
  }
  void damage(std::int64_t at) {
    const auto file =
        files.open(io::path("/p") / producer_snapshot_name(model::offset(at)), io::open_mode::read_write);
    ASSERT_TRUE((*file)->write_at(base::as_bytes("?"), 20));
  }
  std::vector<std::int64_t> there() {
    std::vector<std::int64_t> offsets;
    const auto found = list_producer_snapshots(files, "/p");
    for (const auto at : found.value()) offsets.push_back(at.value());
    return offsets;
  }
  model::offset load(std::int64_t log_start, std::int64_t log_end) {
    std::vector<model::offset> passed_over;
    return load_newest_producer_snapshot(files, "/p",
                                         {.there = list_producer_snapshots(files, "/p").value(),
                                          .log_start = model::offset(log_start),
                                          .log_end = model::offset(log_end),
                                          .now_ms = now},
                                         state, passed_over)
        .value();
  }
  std::int64_t known_producer() {
    const auto listed = state.describe();
    return listed.empty() ? -1 : listed.front().producer.value();
  }

  test::fault_file_system files;
  producer_state state;
};
using offsets = std::vector<std::int64_t>;

TEST_F(producer_snapshot_file_test, newest_good_snapshot_is_loaded) {
  for (const auto at : {10, 20, 30}) put(at);
  EXPECT_EQ(load(0, 35), model::offset(30));
  EXPECT_EQ(known_producer(), 30);
  EXPECT_EQ(there(), (offsets{10, 20, 30}));
}

TEST_F(producer_snapshot_file_test, snapshot_beyond_the_log_end_is_removed) {
  for (const auto at : {10, 20, 30}) put(at);
  EXPECT_EQ(load(0, 20), model::offset(20));
  EXPECT_EQ(there(), (offsets{10, 20}));
}

TEST_F(producer_snapshot_file_test, damaged_snapshot_is_removed_and_an_older_one_taken) {
  for (const auto at : {10, 20, 30}) put(at);
  damage(30);
  EXPECT_EQ(load(0, 35), model::offset(20));
  EXPECT_EQ(known_producer(), 20);
  EXPECT_EQ(there(), (offsets{10, 20}));
}

TEST_F(producer_snapshot_file_test, without_a_good_snapshot_everything_is_replayed) {
  put(10);
  damage(10);
  state.record({.producer = model::producer_id(4), .epoch = model::producer_epoch(0)}, now);
  EXPECT_EQ(load(5, 35), model::offset(5));
  EXPECT_EQ(state.size(), 0U);
}

TEST_F(producer_snapshot_file_test, unreadable_snapshot_is_passed_over_and_left) {
  for (const auto at : {10, 20}) put(at);
  files.inject({.what = test::operation::read, .error_number = EIO, .path_contains = "20.snapshot"});
  EXPECT_EQ(load(0, 35), model::offset(10));
  EXPECT_EQ(there(), (offsets{10, 20}));
}

TEST_F(producer_snapshot_file_test, snapshot_from_before_the_log_lacks_what_was_deleted_and_is_not_loaded) {
  put(10);
  EXPECT_EQ(load(15, 35), model::offset(15));
  EXPECT_EQ(known_producer(), -1);
}

TEST_F(producer_snapshot_file_test, snapshots_at_segment_bases_and_the_newest_are_kept) {
  for (const auto at : {10, 20, 25, 30, 38}) put(at);
  ASSERT_TRUE(
      remove_stale_producer_snapshots(files, "/p", std::vector{model::offset(20), model::offset(30)}));
  EXPECT_EQ(there(), (offsets{20, 30, 38}));
}

TEST_F(producer_snapshot_file_test, no_snapshot_tells_itself_from_a_damaged_one) {
  EXPECT_EQ(read_producer_snapshot(files, "/p", model::offset(1)).error().code,
            std::errc::no_such_file_or_directory);
  put(1);
  damage(1);
  EXPECT_EQ(read_producer_snapshot(files, "/p", model::offset(1)).error().code, errc::corrupt_snapshot);
}

TEST_F(producer_snapshot_file_test, power_cut_while_writing_leaves_the_old_or_the_new_snapshot) {
  const auto seed = test::random_seed();
  const std::vector old{some_entry(1)};
  const std::vector fresh{some_entry(2), some_entry(3)};
  for (std::uint64_t at = 0;; ++at) {
    test::fault_file_system disk;
    ASSERT_TRUE(disk.make_directories("/p"));
    ASSERT_TRUE(write_producer_snapshot(disk, "/p", model::offset(5), old));
    disk.make_durable();
    disk.cut_power_at(disk.changes() + at);
    const bool written = write_producer_snapshot(disk, "/p", model::offset(5), fresh).has_value();
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    const auto found = read_producer_snapshot(disk, "/p", model::offset(5));
    ASSERT_TRUE(found) << "change " << at << ": " << found.error().describe();
    EXPECT_TRUE(*found == fresh || (!written && *found == old)) << "change " << at;
    if (!was_cut) break;
  }
}

}  // namespace
}  // namespace tidelog::storage
