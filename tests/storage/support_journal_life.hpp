#pragma once
// What the tests of logs over one commit journal share: a daemon's life as far as they are concerned, and what each log must
// have.

#include "journal_instruments.hpp"
#include "support_log.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/journal_file.hpp"
#include "tidelog/storage/log_directory.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidelog::test {

using storage::read_bound;

inline const io::path data = "/data";
inline constexpr std::uint64_t ring_bytes = 40 * storage::journal_block_bytes;
inline constexpr int log_count = 3;

[[nodiscard]] inline model::topic_partition name_of(int log) {
  return {"topic", model::partition_index(log)};
}

/// What a log must have.
struct log_book {
  /// By offset: what was appended, each with a value of its own.
  std::vector<std::string> values;
  /// One more, whose append failed: the machine stopped in the middle of it, so it may be there.
  std::optional<std::string> perhaps;
  /// Confirmed to the writer, or seen by a reader below the high watermark.
  std::int64_t promised_end = 0;
  std::int64_t start = 0;
};

/// One life of a daemon, as far as its logs are concerned.
class life {
 public:
  life(fault_file_system& files, std::array<log_book, log_count>& books, const model::topic_id& topic,
       std::uint64_t journal_bytes = ring_bytes,
       std::size_t whole_sync_from_logs = storage::log_directory_options{}.whole_sync_from_logs,
       std::uint64_t journal_first_bytes = ring_bytes)
      : files_(files), books_(books), topic_(topic) {
    storage::log_directory_options options;
    options.whole_sync_from_logs = whole_sync_from_logs;
    options.journal_bytes = journal_bytes;
    options.journal_first_bytes = journal_first_bytes;
    options.journal_bytes_for_each_log = ring_bytes;
    options.journal_logs_in_a_round = 8;
    options.metrics = &metrics_;
    auto opened = storage::log_directory::open(environment_, data, options);
    if (!opened) return;
    directory_ = std::move(*opened);
    for (int log = 0; log < log_count; ++log) {
      auto each = directory_->open_log({name_of(log), topic_, config()}, storage::when_missing::create);
      if (each) logs_[static_cast<std::size_t>(log)] = std::move(*each);
    }
  }
  life(const life&) = delete;
  life& operator=(const life&) = delete;
  ~life() {
    for (auto& each : logs_) each.reset();
    directory_.reset();
  }

  [[nodiscard]] static storage::log_config config() {
    storage::log_config config;
    config.segment_bytes = 60'000;
    config.index_interval_bytes = 500;
    return config;
  }
  [[nodiscard]] bool is_up() const {
    return std::all_of(logs_.begin(), logs_.end(), [](const auto& each) { return each != nullptr; });
  }
  [[nodiscard]] storage::log& log(int number) { return *logs_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] storage::log_directory& directory() { return *directory_; }
  /// Of a log that went offline.
  [[nodiscard]] bool reopen(int number) {
    auto& of = logs_[static_cast<std::size_t>(number)];
    of.reset();
    if (!directory_->let_go(name_of(number))) return false;
    auto opened = directory_->open_log({name_of(number), topic_, config()}, storage::when_missing::fail);
    if (opened) of = std::move(*opened);
    return opened.has_value();
  }
  [[nodiscard]] log_book& book(int number) { return books_[static_cast<std::size_t>(number)]; }

  [[nodiscard]] bool append(int number, std::size_t padding) {
    auto& of = book(number);
    const auto value = "log " + std::to_string(number) + " record " + std::to_string(of.values.size()) + " " +
                       std::to_string(++serial_) + std::string(padding, '.');
    auto batch =
        make_batch({.producer_id = 5, .sequence = static_cast<int>(of.values.size()), .value = value});
    const auto done = log(number).append(
        batch, {.leader_epoch = model::leader_epoch(epoch_), .origin = storage::append_origin::internal});
    if (!done) {
      of.perhaps = value;
      return false;
    }
    of.values.push_back(value);
    EXPECT_EQ(done->end_offset(), at(static_cast<std::int64_t>(of.values.size())));
    return true;
  }
  [[nodiscard]] bool wait(int number) {
    auto& of = book(number);
    const auto end = static_cast<std::int64_t>(of.values.size());
    if (!wait_committed(log(number), at(end))) return false;
    of.promised_end = end;
    return true;
  }
  void look(int number) {
    auto& of = book(number);
    of.promised_end = std::max(of.promised_end, log(number).high_watermark().value());
  }
  [[nodiscard]] storage::journal_instruments counts() { return storage::journal_instruments(metrics_); }
  void set_epoch(int epoch) { epoch_ = epoch; }

  /// The log has what it must have; what else it has is as it was appended. It goes on from there.
  void check(int number) {
    SCOPED_TRACE("log " + std::to_string(number));
    auto& of = book(number);
    const auto end = log(number).log_end_offset().value();
    ASSERT_GE(end, of.promised_end);
    if (of.perhaps && end == static_cast<std::int64_t>(of.values.size()) + 1)
      of.values.push_back(*of.perhaps);
    of.perhaps.reset();
    ASSERT_LE(end, static_cast<std::int64_t>(of.values.size()));
    ASSERT_EQ(log(number).high_watermark(), at(end));
    const auto start = log(number).log_start_offset();
    ASSERT_LE(start.value(), std::max(of.start, std::int64_t{0}));
    const auto bytes = read_all(log(number), start, read_bound::log_end());
    base::byte_view rest(bytes);
    std::int64_t expected = -1;
    while (!rest.empty()) {
      const auto batch = model::parse_record_batch(rest);
      ASSERT_TRUE(batch) << batch.error().describe();
      ASSERT_TRUE(model::verify_crc(*batch));
      const auto base = batch->base_offset().value();
      // Of segments that were being deleted any may be back.
      if (expected >= of.start && expected >= 0) {
        ASSERT_EQ(base, expected);
      } else if (expected < 0) {
        ASSERT_LE(base, start.value());
      }
      const auto& value = of.values.at(static_cast<std::size_t>(base));
      ASSERT_NE(base::as_text(batch->bytes()).find(value), std::string_view::npos) << "offset " << base;
      expected = base + 1;
      rest = rest.subspan(batch->size_bytes());
    }
    if (expected >= 0) {
      ASSERT_EQ(expected, end);
    }
    of.values.resize(static_cast<std::size_t>(end));
    // It has been synced and shown.
    of.promised_end = end;
  }
  [[nodiscard]] base::status close() { return directory_->close(pool_, 1); }
  manual_clock clock_;

 private:
  metrics::registry metrics_;
  fault_file_system& files_;
  std::array<log_book, log_count>& books_;
  const model::topic_id topic_;
  storage::open_file_cache open_files_{64};
  storage::group_commit commits_{2};
  storage::log_environment environment_{files_, open_files_, commits_, clock_};
  base::worker_pool pool_{"crash", 2};
  std::unique_ptr<storage::log_directory> directory_;
  std::array<std::shared_ptr<storage::log>, log_count> logs_;
  int epoch_ = 0;
  static inline std::uint64_t serial_ = 0;
};

}  // namespace tidelog::test
