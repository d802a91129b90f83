// The small parts of the cleaner by themselves: hashes, the map of offsets, the rate limit, the outcomes of transactions.
#include "cleaner_offset_map.hpp"
#include "cleaner_transactions.hpp"
#include "support/random_seed.hpp"
#include "support_cleaning.hpp"
#include "transaction_markers.hpp"

#include "tidelog/storage/log_cleaner.hpp"

#include <random>
#include <unordered_map>

namespace tidelog::test {
namespace {

using storage::key_hash;
using storage::offset_map;

TEST(key_hash_test, is_siphash_of_128_bits) {
  const storage::key_hasher hasher({0x0706050403020100U, 0x0f0e0d0c0b0a0908U});
  std::vector<std::byte> input;
  // The first and later ones of the vectors that the algorithm's authors published, as little-endian words.
  EXPECT_EQ(hasher(input), (key_hash{0xe6a825ba047f81a3U, 0x930255c71472f66dU}));
  input.push_back(std::byte{0});
  EXPECT_EQ(hasher(input), (key_hash{0x44af996bd8c187daU, 0x45fc229b11597634U}));
}

TEST(key_hash_test, two_processes_hash_differently) {
  const auto one = storage::key_hasher::with_random_secret();
  const auto other = storage::key_hasher::with_random_secret();
  EXPECT_NE(one(base::as_bytes("key")), other(base::as_bytes("key")));
}

TEST(offset_map_test, agrees_with_a_hash_map) {
  std::mt19937_64 random(random_seed());
  offset_map map({.most_memory_bytes = 1 << 20, .load_factor = 0.9, .most_keys = 5000});
  std::unordered_map<std::string, std::int64_t> model;
  for (std::int64_t at = 0; at < 20'000; ++at) {
    const std::string key = "key " + std::to_string(random() % 6000);
    const auto outcome = map.put(base::as_bytes(key), model::offset(at));
    const bool has_room = model.contains(key) || model.size() < map.most_keys();
    ASSERT_EQ(outcome == offset_map::put_outcome::taken, has_room);
    if (has_room) model[key] = at;
  }
  EXPECT_EQ(map.size(), model.size());
  for (int i = 0; i < 6000; ++i) {
    const std::string key = "key " + std::to_string(i);
    const auto found = map.find(base::as_bytes(key));
    const auto expected = model.find(key);
    ASSERT_EQ(found.has_value(), expected != model.end());
    if (found) {
      ASSERT_EQ(found->value(), expected->second);
    }
  }
}

TEST(offset_map_test, memory_is_bounded_and_no_more_than_needed) {
  EXPECT_LE(offset_map({1 << 20, 0.9, 1ULL << 60}).memory_bytes(), std::size_t{1} << 20);
  EXPECT_LE(offset_map({1 << 20, 0.9, 10}).memory_bytes(), 500U);
  EXPECT_GE(offset_map({1 << 20, 0.9, 10}).most_keys(), 10U);
  EXPECT_EQ(offset_map({0, 1.0, 10}).most_keys(), 1U);
}

TEST(byte_rate_limit_test, bytes_take_their_time) {
  using namespace std::chrono_literals;
  manual_clock clock;
  storage::byte_rate_limit limit(clock);
  EXPECT_EQ(limit.charge(1'000'000), 0ns);
  limit.set_rate(1000);
  EXPECT_EQ(limit.charge(500), 500ms);
  EXPECT_EQ(limit.charge(500), 1s);
  clock.advance(600ms);
  EXPECT_EQ(limit.charge(100), 500ms);
  // Time that nobody used is not saved up.
  clock.advance(1h);
  EXPECT_EQ(limit.charge(1000), 1s);
  limit.set_rate(1.7976931348623157E308);
  EXPECT_EQ(limit.charge(1ULL << 40), 1s);
}

class outcomes_test : public ::testing::Test {
 protected:
  void take(std::int64_t base, std::vector<std::byte> bytes) {
    model::set_base_offset(bytes, at(base));
    const auto batch = *model::parse_record_batch(bytes);
    if (const auto marker = storage::marker_in(batch)) {
      outcomes_.take_marker(batch, marker->outcome);
    } else {
      outcomes_.take_records(batch);
    }
  }
  [[nodiscard]] storage::transaction_outcomes::outcome of(std::int64_t base, std::int64_t producer) const {
    auto bytes = make_keyed_batch({put("k", "v")}, model::compression_type::none,
                                  {.id = producer, .transactional = true});
    model::set_base_offset(bytes, at(base));
    return outcomes_.of(*model::parse_record_batch(bytes));
  }
  storage::transaction_outcomes outcomes_;
};

TEST_F(outcomes_test, follow_the_markers) {
  using outcome = storage::transaction_outcomes::outcome;
  const producer_fields one{.id = 1, .transactional = true};
  const producer_fields two{.id = 2, .transactional = true};
  const auto data = [](const producer_fields& of) {
    return make_keyed_batch({put("k", "v")}, model::compression_type::none, of);
  };
  take(0, data(one));
  take(1, data(two));
  take(2, make_marker(one, model::control_record_type::abort));
  take(3, data(one));
  take(4, make_marker(two, model::control_record_type::commit));
  take(5, make_marker(one, model::control_record_type::commit));
  take(6, data(two));
  EXPECT_EQ(of(0, 1), outcome::aborted);
  EXPECT_EQ(of(1, 2), outcome::committed);
  EXPECT_EQ(of(3, 1), outcome::committed);
  EXPECT_EQ(of(6, 2), outcome::undecided);
  EXPECT_EQ(of(6, 3), outcome::committed);
}

}  // namespace
}  // namespace tidelog::test
