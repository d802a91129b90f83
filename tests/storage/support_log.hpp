#pragma once
// What the tests of the log share: a small world around a log, and batches to put into it.

#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/log.hpp"

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace tidelog::test {

/// Everything a log needs, over any file system.
struct log_world {
  /// The data directory is there, durably.
  explicit log_world(io::file_system& on, std::size_t most_open_files = 64);

  [[nodiscard]] storage::log_environment environment() { return {files, open_files, commits, clock}; }
  [[nodiscard]] base::result<std::unique_ptr<storage::log>> try_open(
      const storage::log_config& config, const storage::log_open_options& options);
  [[nodiscard]] std::unique_ptr<storage::log> open(const storage::log_config& config,
                                                   const storage::log_open_options& options = {});
  [[nodiscard]] std::unique_ptr<storage::log> open_clean(const storage::log_config& config);

  io::file_system& files;
  io::path directory = "/data/t-0";
  manual_clock clock;
  storage::open_file_cache open_files;
  storage::group_commit commits{2};
};

struct batch_spec {
  int records = 1;
  std::int64_t timestamp = 1'700'000'000'000;
  std::size_t value_bytes = 10;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;
  std::int32_t sequence = 0;
  std::string value{};
};

/// Records of timestamps `timestamp`, `timestamp` + 1, …
[[nodiscard]] std::vector<std::byte> make_batch(const batch_spec& spec);
/// The size of make_batch({.value_bytes = n}).
[[nodiscard]] std::size_t batch_bytes(std::size_t value_bytes);

/// Appends and fails the test when that fails.
storage::appended append(storage::log& to, const batch_spec& spec, int epoch = 0);
/// Waits until `end` is committed.
[[nodiscard]] base::status wait_committed(storage::log& of, model::offset end);
/// The bytes of a slice, empty for an empty one.
[[nodiscard]] std::vector<std::byte> bytes_of(const storage::read_slice& slice);
/// The base offsets of the batches in a slice.
[[nodiscard]] std::vector<std::int64_t> offsets_of(const storage::read_slice& slice);
/// Everything from `from` to the bound, slice by slice.
[[nodiscard]] std::vector<std::byte> read_all(storage::log& from_log, model::offset from,
                                              storage::read_bound bound, std::uint64_t max_bytes = 1 << 20);

[[nodiscard]] inline model::offset at(std::int64_t offset) {
  return model::offset(offset);
}
/// Page cache: nothing is synced by itself.
[[nodiscard]] inline storage::log_config page_cache_config() {
  storage::log_config config;
  config.flush_messages = storage::never_flush;
  return config;
}

}  // namespace tidelog::test
