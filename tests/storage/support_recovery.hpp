#pragma once
// What the tests of recovery share: a log of three segments, and ways to damage it.

#include "support_log.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tidelog::test {

using model::batch_position;
using storage::read_bound;
using storage::recovery_outcome;

[[nodiscard]] inline std::string segment_name(std::int64_t base, const char* suffix) {
  return fmt::format("/data/t-0/{:020}{}", base, suffix);
}

/// The base offset of every batch that a consumer gets who reads from the beginning to the end; each batch checks.
[[nodiscard]] inline std::vector<std::int64_t> consume_offsets(storage::log& from_log,
                                                               std::uint64_t max_bytes = 1 << 20) {
  std::vector<std::int64_t> offsets;
  model::offset from = from_log.log_start_offset();
  while (from < from_log.log_end_offset()) {
    const auto slice = from_log.read(from, {.max_bytes = max_bytes}, read_bound::log_end());
    if (!slice) {
      ADD_FAILURE() << slice.error().describe();
      break;
    }
    if (slice->data.length == 0) break;
    const auto some = offsets_of(*slice);
    offsets.insert(offsets.end(), some.begin(), some.end());
    from = slice->next_offset;
  }
  return offsets;
}

/// A log of three segments with five batches each, closed cleanly: segments at 0, 5 and 10, ending at 15.
class recovery_test : public ::testing::Test {
 protected:
  [[nodiscard]] static storage::log_config config() {
    auto config = page_cache_config();
    config.segment_bytes = static_cast<std::int64_t>(5 * batch_bytes(10));
    config.index_interval_bytes = 0;
    return config;
  }
  void SetUp() override {
    const auto log = world_.open(config());
    for (int i = 0; i < 15; ++i) append(*log, {.timestamp = 1000 + i});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
  }
  [[nodiscard]] std::unique_ptr<storage::log> reopen(std::int64_t recovery_point) {
    return world_.open(config(), {.recovery_point = at(recovery_point)});
  }
  [[nodiscard]] std::unique_ptr<storage::log> reopen_clean() {
    return world_.open(config(), {.start = storage::start_kind::clean, .recovery_point = at(15)});
  }
  [[nodiscard]] std::shared_ptr<io::file> file(std::int64_t base, const char* suffix = ".log") {
    return *files_.open(segment_name(base, suffix), io::open_mode::read_write);
  }
  void overwrite(std::int64_t base, std::uint64_t position, std::size_t count, std::byte with) {
    const std::vector<std::byte> bytes(count, with);
    ASSERT_TRUE(file(base)->write_at(bytes, position));
  }
  /// The batch with that offset in the segment of `base` has a header that makes no sense.
  void break_header(std::int64_t base, std::int64_t offset) {
    overwrite(base, static_cast<std::uint64_t>(offset - base) * one_, batch_position::records,
              std::byte{0xa5});
  }
  /// One bit of its records has flipped.
  void break_records(std::int64_t base, std::int64_t offset) {
    overwrite(base, static_cast<std::uint64_t>(offset - base + 1) * one_ - 2, 1, std::byte{0xff});
  }
  [[nodiscard]] std::size_t set_aside_files() {
    std::size_t count = 0;
    const auto entries = *files_.list("/data/t-0");
    for (const auto& entry : entries) {
      if (entry.name.find(".log.aside-") != std::string::npos) ++count;
    }
    return count;
  }

  fault_file_system files_;
  log_world world_{files_};
  std::uint64_t one_ = batch_bytes(10);
};

[[nodiscard]] inline std::vector<std::int64_t> all_but(std::int64_t from, std::int64_t upto) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t each = 0; each < 15; ++each) {
    if (each < from || each >= upto) offsets.push_back(each);
  }
  return offsets;
}

}  // namespace tidelog::test
