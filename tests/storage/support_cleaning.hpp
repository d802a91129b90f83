#pragma once
// What the tests of compaction share: batches with keys, in every compression, and what a reader gets out of a log.

#include "support_log.hpp"

#include <map>
#include <optional>

namespace tidelog::test {

struct keyed_record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::int64_t timestamp = 1'700'000'000'000;
  friend bool operator==(const keyed_record&, const keyed_record&) = default;
};
[[nodiscard]] inline keyed_record put(std::string key, std::string value,
                                      std::int64_t timestamp = 1'700'000'000'000) {
  return {std::move(key), std::move(value), timestamp};
}
[[nodiscard]] inline keyed_record tombstone(std::string key, std::int64_t timestamp = 1'700'000'000'000) {
  return {std::move(key), std::nullopt, timestamp};
}

struct producer_fields {
  std::int64_t id = -1;
  std::int16_t epoch = 0;
  std::int32_t sequence = 0;
  bool transactional = false;
};

[[nodiscard]] std::vector<std::byte> make_keyed_batch(
    const std::vector<keyed_record>& records,
    model::compression_type compression = model::compression_type::none,
    const producer_fields& producer = {});
[[nodiscard]] std::vector<std::byte> make_marker(const producer_fields& producer,
                                                 model::control_record_type type,
                                                 std::int64_t timestamp = 1'700'000'000'000);
/// Stored as the broker's own; fails the test when it cannot be.
storage::appended store(storage::log& to, std::vector<std::byte> batch,
                        storage::append_origin origin = storage::append_origin::internal);

struct read_record {
  std::int64_t offset = 0;
  keyed_record content;
};
/// What a consumer sees from `from` on, control batches left out. Fails the test where a checksum or a count is wrong,
/// or offsets do not rise.
[[nodiscard]] std::vector<read_record> consume(storage::log& of, model::offset from);
/// The batches of the log, whole.
[[nodiscard]] std::vector<std::vector<std::byte>> batches_of(storage::log& of);
/// By key, the last value; nothing for a tombstone.
[[nodiscard]] std::map<std::string, std::optional<std::string>> last_values(
    const std::vector<read_record>& records);

/// Compacted, nothing is synced by itself, any dirt is enough.
[[nodiscard]] storage::log_config compacted_config();
/// Closes the active segment and puts everything on disk, so that all of it may be cleaned.
void seal(storage::log& of);
/// Cleans with plenty of everything; fails the test when that fails.
storage::cleaning_report clean(storage::log& of);

}  // namespace tidelog::test
