#pragma once
// Record batches as producers send them, for the tests of what a partition takes.

#include "tidelog/model/record_batch_builder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::test {

/// What the tests' clocks begin with.
inline constexpr std::int64_t test_now_ms = 1'700'000'000'000;

struct produced_batch {
  int records = 1;
  /// Of the first record; each later one is a millisecond younger.
  std::int64_t timestamp_ms = test_now_ms;
  std::string value = "value";
  std::optional<std::string> key{};
  std::int64_t producer_id = -1;
  std::int32_t sequence = 0;
  std::uint16_t attributes = 0;
  model::compression_type compression = model::compression_type::none;
};

[[nodiscard]] std::vector<std::byte> make_batch(const produced_batch& of);
/// Replaces what follows the header by `records` and puts length, compression and checksum right.
void replace_records(std::vector<std::byte>& batch, model::compression_type compression,
                     base::byte_view records);
/// The values of all records in the batches of `bytes`, which are uncompressed.
[[nodiscard]] std::vector<std::string> values_in(base::byte_view bytes);

}  // namespace tidelog::test
