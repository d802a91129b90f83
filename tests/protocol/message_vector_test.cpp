// The messages against bytes that another implementation encoded (tests/data/messages).

#include "message_cases.hpp"
#include "support/random_seed.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/errc.hpp"

#include <random>

namespace tidelog::test {

namespace {

/// Calls `check(case, vector)` for every vector of every message in the versions that we have.
template <class Check>
void for_each_vector(Check&& check) {
  for (const auto& entry : message_cases()) {
    const auto vectors = read_vectors(entry.name);
    ASSERT_FALSE(vectors.empty()) << entry.name;
    for (const auto& vector : vectors) {
      if (!entry.versions.contains(vector.version)) continue;
      check(entry, vector);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

/// The vectors show records as "", the printer as a number of bytes; both tell null.
nlohmann::json without_record_sizes(nlohmann::json value) {
  if (value.is_object()) {
    for (auto& [name, field] : value.items()) {
      field = name == "records" && field.is_number() ? nlohmann::json("") : without_record_sizes(field);
    }
  } else if (value.is_array()) {
    for (auto& element : value) element = without_record_sizes(element);
  }
  return value;
}

}  // namespace

TEST(message_vectors, every_version_of_every_message_has_some) {
  for (const auto& entry : message_cases()) {
    std::vector<int> seen(static_cast<std::size_t>(entry.versions.max) + 1);
    for (const auto& vector : read_vectors(entry.name)) {
      if (entry.versions.contains(vector.version)) ++seen[static_cast<std::size_t>(vector.version)];
    }
    for (auto version = entry.versions.min; version <= entry.versions.max; ++version) {
      EXPECT_GT(seen[static_cast<std::size_t>(version)], 0) << entry.name << " version " << version;
    }
  }
}

TEST(message_vectors, decode_to_the_same_fields_and_encode_to_the_same_bytes) {
  for_each_vector([](const message_case& entry, message_vector vector) {
    const auto outcome = entry.decode(vector.bytes, vector.version);
    ASSERT_TRUE(outcome) << entry.name << " v" << vector.version << ": " << outcome.error().describe();
    ASSERT_EQ(outcome->bytes_left, 0U) << entry.name << " v" << vector.version;
    ASSERT_EQ(without_record_sizes(nlohmann::json::parse(outcome->json)), vector.fields)
        << entry.name << " v" << vector.version;
    ASSERT_EQ(outcome->encoded_again, vector.bytes)
        << entry.name << " v" << vector.version << ' ' << outcome->json;
  });
}

TEST(message_vectors, no_beginning_of_a_message_is_a_message) {
  for_each_vector([](const message_case& entry, const message_vector& vector) {
    for (std::size_t length = 0; length < vector.bytes.size(); ++length) {
      // A copy of its own, so that a sanitizer sees the first byte read beyond it.
      std::vector<std::byte> beginning(vector.bytes.begin(),
                                       vector.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      const auto outcome = entry.decode(beginning, vector.version);
      ASSERT_FALSE(outcome) << entry.name << " v" << vector.version << " cut at " << length;
      ASSERT_EQ(&outcome.error().code.category(), &codec::error_category());
    }
  });
}

TEST(message_vectors, changed_bytes_decode_to_something_consistent_or_fail) {
  std::mt19937_64 random(random_seed());
  for_each_vector([&](const message_case& entry, const message_vector& vector) {
    for (int round = 0; round < 40 && !vector.bytes.empty(); ++round) {
      auto changed = vector.bytes;
      for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
        changed[random() % changed.size()] = static_cast<std::byte>(random());
      }
      const auto first = entry.decode(changed, vector.version);
      if (!first) continue;
      auto again = first->encoded_again;
      const auto second = entry.decode(again, vector.version);
      ASSERT_TRUE(second) << entry.name << " v" << vector.version << ": " << second.error().describe();
      ASSERT_EQ(second->json, first->json) << entry.name << " v" << vector.version;
      ASSERT_TRUE(nlohmann::json::accept(first->json)) << first->json;
    }
  });
}

TEST(message_vectors, counts_and_lengths_from_nowhere_are_refused_or_harmless) {
  for_each_vector([](const message_case& entry, const message_vector& vector) {
    for (std::size_t at = 0; at + 4 <= vector.bytes.size(); ++at) {
      for (const auto& giant :
           {std::vector{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0x7f}, {0x80, 0, 0, 0}}) {
        auto changed = vector.bytes;
        for (std::size_t i = 0; i < 4; ++i) changed[at + i] = static_cast<std::byte>(giant[i]);
        static_cast<void>(entry.decode(changed, vector.version));
      }
    }
  });
}

TEST(messages, random_ones_survive_a_round_trip_in_every_version) {
  const auto seed = random_seed();
  for (const auto& entry : message_cases()) {
    for (auto version = entry.versions.min; version <= entry.versions.max; ++version) {
      for (std::uint64_t round = 0; round < 50; ++round) {
        value_source from(seed + round);
        auto made = entry.make_random(from, version);
        const auto outcome = entry.decode(made.encoded, version);
        ASSERT_TRUE(outcome) << entry.name << " v" << version << ": " << outcome.error().describe();
        ASSERT_EQ(outcome->bytes_left, 0U) << entry.name << " v" << version;
        ASSERT_EQ(outcome->json, made.json) << entry.name << " v" << version;
        ASSERT_EQ(outcome->encoded_again, made.encoded) << entry.name << " v" << version;
      }
    }
  }
}

}  // namespace tidelog::test
