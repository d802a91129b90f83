// A directory that was not stopped cleanly: repair ends a log where the daemon's recovery would.

#include "support/random_seed.hpp"
#include "support_data_directory.hpp"

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/storage/partition_metadata.hpp"

namespace tidelog::tools {
namespace {

class log_repair_crash : public data_directory_test {
 protected:
  void crash_with_recovery_point(std::int64_t at) {
    stop_uncleanly();
    ASSERT_TRUE(
        storage::write_offset_checkpoint(*files_, root() / storage::recovery_point_checkpoint,
                                         {{{"orders", model::partition_index(0)}, model::offset(at)}}));
  }
  /// What is read of the log from its beginning, when the daemon opens it as it is.
  std::string records_after_recovery() {
    storage::open_file_cache open_files(64);
    storage::group_commit commits(1);
    const storage::log_environment environment{*files_, open_files, commits, base::system_clock()};
    const auto opened = storage::log_directory::open(environment, root(), {}).value();
    const auto id = storage::read_partition_metadata(*files_, partition()).value();
    const auto log =
        opened->open_log({{"orders", model::partition_index(0)}, id, {}}, storage::when_missing::fail);
    EXPECT_TRUE(log) << (log ? "" : log.error().describe());
    std::string all = fmt::format("{}:", (*log)->log_end_offset().value());
    base::worker_pool pool("test", 1);
    EXPECT_TRUE(opened->close(pool, 1));
    for (const auto& segment : files_of(".log")) all += content(segment);
    return all;
  }
};

TEST_F(log_repair_crash, what_stands_behind_a_hole_past_the_recovery_point_is_kept_and_not_served) {
  const auto segment = files_of(".log").at(1);
  const auto starts = positions(segment);
  const auto first_batch_of_segment = static_cast<std::int64_t>(positions(files_of(".log")[0]).size());
  crash_with_recovery_point(first_batch_of_segment * 3);
  const auto sound = content(segment);
  flip(segment, starts[1] + 70);
  const auto damaged = content(segment);
  const auto later = files_of(".log").at(2);
  const auto later_content = content(later);
  const auto found = verify();
  EXPECT_TRUE(has(found, "damaged_batch", severity::damaged)) << listed(found);
  EXPECT_TRUE(has(found, "behind_the_end", severity::damaged)) << listed(found);
  const auto aside = repair() / "orders-0";
  EXPECT_EQ(content(segment), sound.substr(0, starts[1]));
  EXPECT_EQ(files_of(".log").size(), 2U);
  EXPECT_EQ(content(aside / fmt::format("{}.{}-{}", segment.filename().string(), starts[1], damaged.size())),
            damaged.substr(starts[1]));
  EXPECT_EQ(content(aside / later.filename()), later_content);
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
}

TEST_F(log_repair_crash, damage_below_the_recovery_point_does_not_end_the_log) {
  crash_with_recovery_point(std::int64_t{batches} * 3);
  const auto segment = files_of(".log").at(1);
  flip(segment, positions(segment)[1] + 70);
  repair();
  const auto after = verify();
  EXPECT_EQ(after.batches, std::uint64_t{batches} - 1);
  EXPECT_EQ(after.findings.size(), 1U) << listed(after);
  EXPECT_TRUE(has(after, "missing_offsets", severity::damaged)) << listed(after);
}

TEST_F(log_repair_crash, log_ends_before_a_segment_that_is_missing_past_the_recovery_point) {
  crash_with_recovery_point(1);
  for (const auto* const suffix : {".index", ".timeindex", ".log"}) fs::remove(files_of(suffix).at(1));
  const auto found = verify();
  EXPECT_TRUE(has(found, "missing_segment", severity::damaged)) << listed(found);
  repair();
  EXPECT_EQ(files_of(".log").size(), 1U);
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
}

TEST_F(log_repair_crash, offsets_below_the_recovery_point_are_not_given_twice) {
  const auto segment = files_of(".log").back();
  const auto starts = positions(segment);
  fs::resize_file(segment, starts[2] + 10);
  crash_with_recovery_point(std::int64_t{batches} * 3);
  const auto harmed = directory_.path() / "harmed";
  fs::copy(root(), harmed, fs::copy_options::recursive);
  repair();
  const auto after = verify();
  EXPECT_TRUE(has(after, "missing_segment", severity::damaged)) << listed(after);
  EXPECT_TRUE(repair_plan(after.findings).empty()) << listed(after);
  const auto repaired = records_after_recovery();
  EXPECT_EQ(repaired.substr(0, 4), fmt::format("{}:", batches * 3));
  fs::remove_all(root());
  fs::rename(harmed, root());
  EXPECT_EQ(records_after_recovery(), repaired);
}

TEST_F(log_repair_crash, log_whose_sync_has_failed_is_recovered_after_a_clean_stop_too) {
  const auto segment = files_of(".log").front();
  const auto starts = positions(segment);
  write(partition() / storage::failed_sync_marker_name, "0");
  flip(segment, starts[1] + 70);
  const auto found = verify();
  EXPECT_TRUE(has(found, "behind_the_end", severity::damaged)) << listed(found);
}

TEST_F(log_repair_crash, repair_ends_the_log_where_a_recovery_would) {
  std::mt19937_64 random(test::random_seed());
  const auto pristine = directory_.path() / "pristine";
  const auto harmed = directory_.path() / "harmed";
  fs::rename(root(), pristine);
  for (int round = 0; round < 40; ++round) {
    fs::remove_all(root());
    fs::copy(pristine, root(), fs::copy_options::recursive);
    // On a batch's beginning, as they are written.
    const auto recovery_point = static_cast<std::int64_t>(random() % batches) * 3;
    crash_with_recovery_point(recovery_point);
    const auto logs = files_of(".log");
    // Only what is past the recovery point: below it a recovery leaves damage where it is, and a repair cuts it out.
    const auto number = static_cast<std::size_t>(recovery_point / 3) +
                        random() % static_cast<std::size_t>(batches - recovery_point / 3);
    std::size_t before = 0;
    for (const auto& segment : logs) {
      const auto starts = positions(segment);
      if (number < before + starts.size()) {
        const auto from = starts[number - before];
        auto bytes = content(segment);
        const auto at = from + random() % (bytes.size() - from);
        if (random() % 3 == 0) {
          bytes.resize(at);
        } else {
          bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
        }
        write(segment, bytes);
        break;
      }
      before += starts.size();
    }
    fs::remove_all(harmed);
    fs::copy(root(), harmed, fs::copy_options::recursive);
    const auto recovered = records_after_recovery();
    fs::remove_all(root());
    fs::rename(harmed, root());
    repair();
    EXPECT_EQ(verify().count(severity::repairable), 0U) << listed(verify());
    EXPECT_EQ(records_after_recovery(), recovered)
        << "batch " << number << ", recovery point " << recovery_point;
  }
}

}  // namespace
}  // namespace tidelog::tools
