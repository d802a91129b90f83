// A start that nobody waits for any more does not read a large batch, or what stands behind damage, to its end; and the next
// one finds everything as it was.
#include "segment.hpp"
#include "support_recovery.hpp"

#include <atomic>
#include <limits>
#include <map>

namespace tidelog::test {
namespace {

constexpr std::size_t mib = 1024 * 1024;

TEST(scan, asks_before_each_mebibyte_whether_it_is_wanted) {
  fault_file_system files;
  log_world world(files);
  {
    const auto log = world.open(page_cache_config());
    append(*log, {.value_bytes = 8 * mib});
  }
  storage::segment_home home{world.environment(), io::compact_path(world.directory)};
  int asked = 0;
  int most = std::numeric_limits<int>::max();
  const auto scan = [&] {
    storage::segment one(home, at(0));
    asked = 0;
    return one.scan({}, at(0), 4096, [&]() -> base::status {
      if (++asked >= most) return base::fail(storage::errc::opening_given_up, "here");
      return {};
    });
  };
  ASSERT_TRUE(scan());
  EXPECT_GE(asked, 8);
  // And behind damage, where there is nothing to be found.
  const auto file = *files.open(world.directory / fmt::format("{:020}.log", 0), io::open_mode::read_write);
  ASSERT_TRUE(file->write_at(std::vector<std::byte>(1, std::byte{0x77}), 4 * mib));
  ASSERT_TRUE(scan());
  EXPECT_GE(asked, 16);
  for (most = 1; most <= 16; ++most) {
    const auto outcome = scan();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, make_error_code(storage::errc::opening_given_up));
    EXPECT_EQ(asked, most);
  }
}

/// Two segments, at 0 and 3, closed cleanly. The second batch of the first is large, and its header makes no sense any more.
class large_damage : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto log = world_.open(page_cache_config());
    append(*log, {});
    append(*log, {.value_bytes = 8 * mib});
    append(*log, {});
    ASSERT_TRUE(log->roll());
    append(*log, {});
    ASSERT_TRUE(log->close(storage::close_kind::clean));
    const auto file = *files_.open(segment_name(0, ".log"), io::open_mode::read_write);
    const std::vector<std::byte> wrong(batch_position::records, std::byte{0xa5});
    ASSERT_TRUE(file->write_at(wrong, batch_bytes(10)));
  }
  void count_reads() {
    files_.watch_reads([this](const io::path& name) {
      if (name != segment_name(0, ".log")) return;
      if (++reads_ >= most_reads_) given_up_ = true;
    });
  }
  [[nodiscard]] std::map<std::string, std::vector<std::byte>> segments_on_disk() {
    std::map<std::string, std::vector<std::byte>> found;
    const auto entries = *files_.list(world_.directory);
    for (const auto& entry : entries) {
      if (entry.name.find(".log") != std::string::npos)
        found[entry.name] = *io::read_file(files_, world_.directory / entry.name, 16 * mib);
    }
    return found;
  }

  fault_file_system files_;
  log_world world_{files_};
  std::atomic<bool> given_up_{false};
  int reads_ = 0;
  int most_reads_ = std::numeric_limits<int>::max();
};

TEST_F(large_damage, is_not_surveyed_to_its_end_by_a_replay_that_nobody_waits_for) {
  // Without a snapshot of the producers all of the log is walked, also what had been synced.
  ASSERT_TRUE(files_.remove_file(segment_name(3, ".snapshot")));
  ASSERT_TRUE(files_.remove_file(segment_name(4, ".snapshot")));
  const auto before = segments_on_disk();
  count_reads();
  const storage::log_open_options options{.recovery_point = at(3), .given_up = &given_up_};
  int interrupted = 0;
  for (most_reads_ = 1;; ++most_reads_, ++interrupted) {
    reads_ = 0;
    given_up_ = false;
    const auto opened = world_.try_open(page_cache_config(), options);
    if (opened) break;
    EXPECT_EQ(opened.error().code, make_error_code(storage::errc::opening_given_up));
    EXPECT_LE(reads_, most_reads_);
    EXPECT_EQ(segments_on_disk(), before);
  }
  EXPECT_GE(interrupted, 8);
  files_.watch_reads({});
  const auto log = world_.open(page_cache_config(), {.recovery_point = at(3)});
  EXPECT_EQ(consume_offsets(*log, 16 * mib), (std::vector<std::int64_t>{0, 2, 3}));
  const auto report = log->recovery();
  ASSERT_TRUE(report.has(recovery_outcome::damaged_range));
  EXPECT_EQ(report.find(recovery_outcome::damaged_range)->first_offset, at(1));
  EXPECT_EQ(report.find(recovery_outcome::damaged_range)->next_offset, at(2));
}

TEST_F(large_damage, is_not_surveyed_to_its_end_by_a_lookup_that_nobody_waits_for) {
  storage::segment_home home{world_.environment(), io::compact_path(world_.directory)};
  for (const bool has_index : {true, false}) {
    if (!has_index) {
      ASSERT_TRUE(files_.remove_file(segment_name(0, ".index")));
    }
    int asked = 0;
    const auto look_up = [&](int most) {
      storage::segment one(home, at(0));
      one.mark_sealed();
      asked = 0;
      return one.find(at(1), *one.size(), 4096, io::patience::waits_for_disk, [&]() -> base::status {
        if (++asked >= most) return base::fail(storage::errc::opening_given_up, "here");
        return {};
      });
    };
    int interrupted = 0;
    for (;; ++interrupted) {
      const auto found = look_up(interrupted + 1);
      if (found) break;
      EXPECT_EQ(found.error().code, make_error_code(storage::errc::opening_given_up));
      EXPECT_EQ(asked, interrupted + 1);
    }
    EXPECT_GE(interrupted, 8) << has_index;
    const auto found = look_up(std::numeric_limits<int>::max());
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->base_offset, at(2));
  }
}

}  // namespace
}  // namespace tidelog::test
