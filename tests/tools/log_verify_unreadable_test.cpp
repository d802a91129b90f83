// A disk that does not give what a file holds: that is a finding about this file, and everything else is checked.

#include "support/fault_file_system.hpp"
#include "support_data_directory.hpp"

#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/journal_file.hpp"

#include <algorithm>
#include <cerrno>

namespace tidelog::tools {
namespace {

/// The directory in memory, where reads can fail.
class log_verify_unreadable : public data_directory_test {
 protected:
  void copy_into_memory() {
    for (const auto& entry : fs::recursive_directory_iterator(root())) {
      const auto to = data / fs::relative(entry.path(), root());
      if (entry.is_directory()) continue;
      ASSERT_TRUE(memory_.make_directories(to.parent_path()));
      const auto bytes = content(entry.path());
      ASSERT_TRUE((*memory_.open(to, io::open_mode::create))->write_at(base::as_bytes(bytes), 0));
    }
  }
  void refuse(const std::string& path_contains, test::operation what = test::operation::read) {
    memory_.inject({.what = what,
                    .error_number = EIO,
                    .path_contains = path_contains,
                    .after = 0,
                    .times = test::for_ever});
  }
  verify_summary verify_memory() {
    auto checked = verify_directory(memory_, {data, {}}, {2});
    EXPECT_TRUE(checked) << (checked ? "" : checked.error().describe());
    return checked ? std::move(*checked) : verify_summary{};
  }
  static const finding* find(const verify_summary& summary, const fs::path& file) {
    const auto found = std::find_if(summary.findings.begin(), summary.findings.end(),
                                    [&](const finding& each) { return each.file == file; });
    return found == summary.findings.end() ? nullptr : &*found;
  }

  const io::path data = "/data";
  test::fault_file_system memory_;
};

TEST_F(log_verify_unreadable, segment_is_damage_and_the_others_are_read) {
  copy_into_memory();
  const auto segment = files_of(".log").at(1);
  const auto lost = positions(segment).size();
  refuse(segment.filename().string());
  const auto summary = verify_memory();
  const auto* const found = find(summary, fs::path("orders-0") / segment.filename());
  ASSERT_NE(found, nullptr) << listed(summary);
  EXPECT_EQ(found->kind, "unreadable");
  EXPECT_EQ(found->level, severity::damaged);
  EXPECT_EQ(found->position, 0U);
  EXPECT_EQ(found->first_offset,
            model::offset(static_cast<std::int64_t>(positions(files_of(".log")[0]).size()) * 3));
  EXPECT_EQ(summary.findings.size(), 1U) << listed(summary);
  EXPECT_EQ(summary.batches, batches - lost);
  EXPECT_TRUE(repair_plan(summary.findings).empty());
}

TEST_F(log_verify_unreadable, batch_whose_header_can_be_read_does_not_hide_those_behind_it) {
  copy_into_memory();
  const auto segment = files_of(".log").at(1).filename().string();
  // The large piece, a small one and the first batch itself cannot be had; its header, asked for next, can.
  memory_.inject(
      {.what = test::operation::read, .error_number = EIO, .path_contains = segment, .after = 0, .times = 4});
  const auto summary = verify_memory();
  EXPECT_EQ(summary.findings.size(), 1U) << listed(summary);
  EXPECT_TRUE(has(summary, "unreadable", severity::damaged)) << listed(summary);
  EXPECT_EQ(summary.batches, std::uint64_t{batches} - 1);
}

TEST_F(log_verify_unreadable, what_can_be_made_again_is_repairable) {
  for (const auto* const name : {".index", ".timeindex", ".snapshot", "leader-epoch-checkpoint",
                                 "partition.metadata", storage::recovery_point_checkpoint}) {
    memory_.clear_faults();
    copy_into_memory();
    refuse(name);
    const auto summary = verify_memory();
    EXPECT_EQ(summary.worst(), severity::repairable) << name << "\n" << listed(summary);
    EXPECT_EQ(summary.batches, std::uint64_t{batches}) << name;
    const auto done = repair_plan(summary.findings).execute(memory_, data, io::path("aside-") += name);
    EXPECT_TRUE(done) << name << " " << done.error().describe();
    memory_.clear_faults();
    const auto after = verify_memory();
    EXPECT_EQ(after.worst(), severity::note) << name << "\n" << listed(after);
  }
}

TEST_F(log_verify_unreadable, journal_keeps_a_repair_from_being_made) {
  write(root() / storage::journal_file_name, "x");
  stop_uncleanly();
  copy_into_memory();
  refuse(storage::journal_file_name);
  const auto summary = verify_memory();
  EXPECT_TRUE(has(summary, "unreadable", severity::damaged)) << listed(summary);
  EXPECT_FALSE(summary.start_first.empty());
}

TEST_F(log_verify_unreadable, partition_that_cannot_be_listed_is_damage) {
  copy_into_memory();
  refuse("orders-0", test::operation::list);
  const auto summary = verify_memory();
  EXPECT_TRUE(has(summary, "unreadable", severity::damaged)) << listed(summary);
}

TEST_F(log_verify_unreadable, metadata_log_leaves_nothing_to_be_said_of_what_it_may_have_told) {
  const auto metadata = root() / "__cluster_metadata-0";
  fs::create_directory(metadata);
  write(metadata / "00000000000000000000.log", "x");
  for (const auto* const suffix : {".index", ".timeindex", ".log"}) fs::remove(files_of(suffix).at(1));
  copy_into_memory();
  refuse("__cluster_metadata-0");
  const auto summary = verify_memory();
  EXPECT_TRUE(has(summary, "unreadable", severity::damaged)) << listed(summary);
  EXPECT_FALSE(has(summary, "stray", severity::note)) << listed(summary);
  EXPECT_FALSE(has(summary, "missing_segment", severity::damaged)) << listed(summary);
}

TEST_F(log_verify_unreadable, no_read_that_fails_once_ends_the_check) {
  copy_into_memory();
  for (std::uint64_t after = 0;; ++after) {
    memory_.inject({.what = test::operation::read, .error_number = EIO, .after = after});
    const auto met = memory_.faults_met();
    const auto summary = verify_memory();
    if (memory_.faults_met() == met) break;
    memory_.clear_faults();
  }
}

}  // namespace
}  // namespace tidelog::tools
