// A disk that does not give what a recovery wants to read. It may give it the next time, and what it does not give may have
// been acknowledged: so nothing is cut, the log does not open, and says why.

#include "support_recovery.hpp"

#include <map>

namespace tidelog::test {
namespace {

class recovery_read_error : public recovery_test {
 protected:
  using contents = std::map<std::string, std::vector<std::byte>>;
  [[nodiscard]] contents segments_on_disk() {
    contents found;
    const auto entries = *files_.list("/data/t-0");
    for (const auto& entry : entries) {
      if (entry.name.ends_with(".log"))
        found[entry.name] = *io::read_file(files_, world_.directory / entry.name, 1 << 20);
    }
    return found;
  }
  void fail_read(std::uint64_t after, std::uint64_t times) {
    files_.inject({.what = operation::read,
                   .error_number = EIO,
                   .path_contains = ".log",
                   .after = after,
                   .times = times});
  }
  [[nodiscard]] base::status try_reopen(std::int64_t recovery_point) {
    const auto opened = world_.try_open(config(), {.recovery_point = at(recovery_point)});
    return opened ? base::status() : base::status(tl::unexpected(opened.error()));
  }
};

TEST_F(recovery_read_error, leaves_everything_as_it_is_and_is_told) {
  const auto before = segments_on_disk();
  std::uint64_t failures = 0;
  for (std::uint64_t after = 0;; ++after, ++failures) {
    fail_read(after, for_ever);
    const auto opened = try_reopen(3);
    files_.clear_faults();
    if (opened) break;
    EXPECT_EQ(opened.error().code, std::errc::io_error);
    EXPECT_NE(opened.error().describe().find(".log"), std::string::npos) << opened.error().describe();
    EXPECT_EQ(segments_on_disk(), before) << "read " << after;
    EXPECT_EQ(set_aside_files(), 0U);
  }
  EXPECT_GE(failures, 3U);
  EXPECT_EQ(consume_offsets(*reopen(3)), all_but(15, 15));
}

TEST_F(recovery_read_error, that_is_over_the_next_time_costs_nothing) {
  for (std::uint64_t after = 0;; ++after) {
    fail_read(after, 1);
    if (try_reopen(0)) break;
    files_.clear_faults();
    const auto log = reopen(0);
    EXPECT_EQ(consume_offsets(*log), all_but(15, 15)) << "read " << after;
    EXPECT_EQ(log->recovery().files_set_aside, 0U);
  }
}

/// A log with a hole, in a directory of its own, and what a start on a disk that fails makes of it.
class log_with_a_hole {
 public:
  log_with_a_hole() {
    {
      const auto log = world_.open(config_);
      for (int i = 0; i < 15; ++i) append(*log, {.timestamp = 1000 + i});
      EXPECT_TRUE(log->close(storage::close_kind::clean));
    }
    const auto file = *files_.open(segment_name(5, ".log"), io::open_mode::read_write);
    EXPECT_TRUE(
        file->write_at(std::vector<std::byte>(1, std::byte{0xff}), static_cast<std::uint64_t>(2 * one_ - 2)));
  }
  [[nodiscard]] std::uint64_t bytes_kept() {
    std::uint64_t sum = 0;
    const auto entries = *files_.list(world_.directory);
    for (const auto& entry : entries) {
      if (entry.name.find(".log") != std::string::npos && !entry.name.ends_with(".tmp"))
        sum += io::read_file(files_, world_.directory / entry.name, 1 << 20)->size();
    }
    return sum;
  }
  [[nodiscard]] bool opens_when_reads_fail(std::uint64_t after, std::uint64_t times) {
    files_.inject({.what = operation::read,
                   .error_number = EIO,
                   .path_contains = ".log",
                   .after = after,
                   .times = times});
    const auto opened = world_.try_open(config_, {.recovery_point = at(3)});
    files_.clear_faults();
    return opened.has_value();
  }
  [[nodiscard]] std::vector<std::int64_t> offsets_in_the_end() {
    return consume_offsets(*world_.open(config_, {.recovery_point = at(3)}));
  }

 private:
  static storage::log_config made_config() {
    auto config = page_cache_config();
    config.segment_bytes = static_cast<std::int64_t>(5 * batch_bytes(10));
    return config;
  }
  const std::uint64_t one_ = batch_bytes(10);
  const storage::log_config config_ = made_config();
  fault_file_system files_;
  log_world world_{files_};
};

TEST_F(recovery_read_error, behind_a_hole_loses_nothing_that_was_to_be_set_aside) {
  for (const std::uint64_t times : {std::uint64_t{1}, for_ever}) {
    for (std::uint64_t after = 0;; ++after) {
      log_with_a_hole log;
      const auto all_bytes = log.bytes_kept();
      const bool opened = log.opens_when_reads_fail(after, times);
      // Copied already, but not cut yet.
      EXPECT_GE(log.bytes_kept(), all_bytes) << "read " << after;
      EXPECT_EQ(log.offsets_in_the_end(), all_but(6, 15)) << "read " << after;
      EXPECT_GE(log.bytes_kept(), all_bytes) << "read " << after;
      if (opened) break;
    }
  }
}

}  // namespace
}  // namespace tidelog::test
