#include "support/random_seed.hpp"
#include "support_data_directory.hpp"

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/failed_sync_marker.hpp"
#include "tidelog/storage/partition_metadata.hpp"
#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

class log_verify : public data_directory_test {};

TEST_F(log_verify, directory_of_a_clean_stop_is_clean) {
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
  EXPECT_GE(summary.segments, 3U);
  EXPECT_EQ(summary.batches, std::uint64_t{batches});
  EXPECT_EQ(summary.records, std::uint64_t{batches} * 3);
}

TEST_F(log_verify, damaged_batch_is_reported_with_its_offsets_and_cut_out) {
  const auto segment = files_of(".log").at(1);
  const auto starts = positions(segment);
  const auto before = content(segment);
  flip(segment, starts.at(1) + 70);
  const auto summary = verify();
  ASSERT_TRUE(has(summary, "damaged_batch", severity::damaged)) << listed(summary);
  const auto& found = summary.findings.front();
  EXPECT_EQ(found.position, starts[1]);
  EXPECT_EQ(found.last_offset->value() - found.first_offset->value(), 2);
  const auto damaged = content(segment);
  const auto aside = repair();
  EXPECT_EQ(content(segment), before.substr(0, starts[1]) + before.substr(starts[2]));
  const auto kept =
      aside / "orders-0" / fmt::format("{}.{}-{}", segment.filename().string(), starts[1], starts[2]);
  EXPECT_EQ(content(kept), damaged.substr(starts[1], starts[2] - starts[1]));
  // The records are lost, and stay reported; there is nothing more to repair.
  const auto after = verify();
  EXPECT_TRUE(has(after, "missing_offsets", severity::damaged)) << listed(after);
  EXPECT_EQ(after.findings.size(), 1U) << listed(after);
  EXPECT_TRUE(repair_plan(after.findings).empty());
}

TEST_F(log_verify, batches_behind_one_with_a_wrong_length_are_found) {
  const auto segment = files_of(".log").at(1);
  const auto starts = positions(segment);
  ASSERT_GT(starts.size(), 3U);
  flip(segment, starts[1] + model::batch_position::length + 1);
  const auto summary = verify();
  ASSERT_TRUE(has(summary, "damaged_batch", severity::damaged)) << listed(summary);
  EXPECT_EQ(summary.batches, std::uint64_t{batches} - 1);
}

TEST_F(log_verify, torn_tail_past_the_recovery_point_is_repairable) {
  stop_uncleanly();
  const auto segment = files_of(".log").back();
  fs::resize_file(segment, fs::file_size(segment) - 5);
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "torn_tail", severity::repairable)) << listed(summary);
  EXPECT_EQ(summary.worst(), severity::repairable) << listed(summary);
  expect_clean_after_repair();
}

TEST_F(log_verify, zero_filled_tail_is_repairable) {
  stop_uncleanly();
  const auto segment = files_of(".log").back();
  write(segment, content(segment) + std::string(300, '\0'));
  EXPECT_TRUE(has(verify(), "zero_filled_tail", severity::repairable));
  expect_clean_after_repair();
}

TEST_F(log_verify, tail_that_was_synced_and_is_torn_is_damage) {
  const auto segment = files_of(".log").back();
  fs::resize_file(segment, fs::file_size(segment) - 5);
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "torn_tail", severity::damaged)) << listed(summary);
  repair();
  // The log goes on where it was, so that the lost offsets are not given twice.
  const auto after = verify();
  EXPECT_TRUE(has(after, "missing_segment", severity::damaged)) << listed(after);
  EXPECT_EQ(after.findings.size(), 1U) << listed(after);
}

TEST_F(log_verify, log_that_lost_whole_batches_at_its_end_is_damaged) {
  const auto segment = files_of(".log").back();
  fs::resize_file(segment, positions(segment).back());
  EXPECT_TRUE(has(verify(), "log_ends_early", severity::damaged));
  expect_clean_after_repair();
}

TEST_F(log_verify, missing_segment_is_damage_that_nothing_mends) {
  for (const auto* const suffix : {".index", ".timeindex", ".log"}) fs::remove(files_of(suffix).at(1));
  EXPECT_TRUE(has(verify(), "missing_segment", severity::damaged));
}

TEST_F(log_verify, batches_that_the_next_segment_has_too_are_cut_off) {
  const auto logs = files_of(".log");
  write(logs.at(0), content(logs[0]) + content(logs.at(1)));
  const auto summary = verify();
  EXPECT_TRUE(has(summary, "overlapping_segments", severity::repairable)) << listed(summary);
  EXPECT_EQ(summary.worst(), severity::repairable) << listed(summary);
  expect_clean_after_repair();
}

TEST_F(log_verify, wrong_indexes_are_set_aside) {
  flip(files_of(".index").front(), 7, 1);
  flip(files_of(".timeindex").front(), 7, 1);
  const auto summary = verify();
  EXPECT_EQ(summary.count(severity::repairable), 2U) << listed(summary);
  expect_clean_after_repair();
}

TEST_F(log_verify, zeros_behind_the_entries_of_an_index_are_room) {
  const auto index = files_of(".index").back();
  write(index, content(index) + std::string(800, '\0'));
  EXPECT_EQ(verify().worst(), severity::note);
}

TEST_F(log_verify, damaged_small_files_are_repairable) {
  flip(files_of(".snapshot").back(), 20);
  write(root() / storage::recovery_point_checkpoint, "rubbish");
  write(partition() / "leader-epoch-checkpoint", "rubbish");
  write(partition() / storage::partition_metadata_name, "rubbish");
  const auto summary = verify();
  EXPECT_EQ(summary.count(severity::repairable), 4U) << listed(summary);
  EXPECT_EQ(summary.worst(), severity::repairable);
  expect_clean_after_repair();
}

TEST_F(log_verify, lost_meta_properties_are_damage) {
  fs::remove(root() / "meta.properties");
  EXPECT_TRUE(has(verify(), "no_meta_properties", severity::damaged));
}

TEST_F(log_verify, leftovers_are_only_noted) {
  write(partition() / "00000000000000000000.log.deleted", "x");
  write(partition() / storage::failed_sync_marker_name, "0");
  write(partition() / "00000000000000000000.log.cleaned", "x");
  fs::create_directory(root() / "lost+found");
  fs::create_directory(root() / "orders-1.0123456789abcdef0123456789abcdef-delete");
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
  EXPECT_EQ(summary.count(severity::note), 4U) << listed(summary);
}

TEST_F(log_verify, no_flipped_byte_of_a_batch_is_called_clean) {
  std::mt19937_64 random(test::random_seed());
  for (int round = 0; round < 300; ++round) {
    const auto logs = files_of(".log");
    const auto& file = logs[random() % logs.size()];
    const auto position = random() % fs::file_size(file);
    const auto mask = static_cast<unsigned char>(1U << random() % 8);
    flip(file, position, mask);
    const auto summary = verify();
    ASSERT_NE(summary.worst(), severity::note)
        << file << " position " << position << " mask " << static_cast<int>(mask);
    flip(file, position, mask);
  }
}

TEST_F(log_verify, whatever_is_done_to_the_files_a_repair_ends_and_leaves_nothing_to_repair) {
  std::mt19937_64 random(test::random_seed());
  const auto pristine = directory_.path() / "pristine";
  fs::rename(root(), pristine);
  for (int round = 0; round < 60; ++round) {
    fs::remove_all(root());
    fs::copy(pristine, root(), fs::copy_options::recursive);
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(root()))
      if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "meta.properties")
        all.push_back(entry.path());
    std::sort(all.begin(), all.end());
    // What a recovery would end the log before is set aside with its batches.
    const bool crashed = round % 3 == 0;
    if (crashed) fs::remove(root() / ".kafka_cleanshutdown");
    std::string story = crashed ? "crashed\n" : "";
    for (auto blows = 1 + random() % 4; blows > 0; --blows) {
      const auto& file = all[random() % all.size()];
      auto bytes = content(file);
      if (bytes.empty()) continue;
      const auto at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          for (auto i = at; i < std::min(bytes.size(), at + 100); ++i) bytes[i] = static_cast<char>(random());
          break;
        default:
          bytes.insert(at, std::string(random() % 50, '\2'));
      }
      story += fmt::format("{} at {}\n", file.string(), at);
      write(file, bytes);
    }
    const auto before = verify();
    repair();
    const auto after = verify();
    EXPECT_EQ(after.count(severity::repairable), 0U) << story << listed(before) << "after\n" << listed(after);
    EXPECT_TRUE(repair_plan(after.findings).empty()) << story << listed(before) << "after\n" << listed(after);
    if (!crashed) {
      EXPECT_GE(after.batches, before.batches) << story;
    }
  }
}

TEST_F(log_verify, exit_codes_tell_clean_from_repairable_and_damaged) {
  const auto data = root().string();
  EXPECT_EQ(run({"log", "verify", data}).code, static_cast<int>(exit_code::done));
  EXPECT_EQ(run({"log", "verify", partition().string(), "--jobs", "1"}).code,
            static_cast<int>(exit_code::done));
  flip(files_of(".index").front(), 7, 1);
  EXPECT_EQ(run({"log", "verify", data}).code, static_cast<int>(exit_code::repairable));
  // It only says what it would do.
  EXPECT_EQ(run({"log", "repair", data}).code, static_cast<int>(exit_code::repairable));
  EXPECT_EQ(run({"log", "verify", data}).code, static_cast<int>(exit_code::repairable));
  flip(files_of(".log").front(), 100);
  const auto damaged = run({"log", "verify", data, "-o", "json"});
  EXPECT_EQ(damaged.code, static_cast<int>(exit_code::damaged));
  EXPECT_NE(damaged.printed.find("\"finding\":\"damaged_batch\""), std::string::npos) << damaged.printed;
  EXPECT_NE(damaged.printed.find("\"verdict\":\"damaged\""), std::string::npos) << damaged.printed;
  EXPECT_EQ(run({"log", "verify", directory_.path().string()}).code, static_cast<int>(exit_code::usage));
}

TEST_F(log_verify, directory_in_use_is_refused) {
  const auto lock = files_->lock(root() / ".lock").value();
  for (const auto* const command : {"verify", "repair", "dump"}) {
    const auto got = run({"log", command, root().string()});
    EXPECT_EQ(got.code, static_cast<int>(exit_code::locked)) << command;
    EXPECT_NE(got.complained.find("stop that first"), std::string::npos) << got.complained;
  }
}

}  // namespace
}  // namespace tidelog::tools
