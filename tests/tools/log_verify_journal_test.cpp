// The commit journal that a crash has left: verify says what the logs lack of it, and repair waits for the daemon.

#include "support/journal_header.hpp"
#include "support_data_directory.hpp"

#include "tidelog/model/record_batch.hpp"
#include "tidelog/storage/journal_file.hpp"
#include "tidelog/storage/log_directory.hpp"
#include "tidelog/storage/meta_properties.hpp"
#include "tidelog/storage/partition_metadata.hpp"
#include "tidelog/tools/exit_code.hpp"

namespace tidelog::tools {
namespace {

class log_verify_journal : public data_directory_test {
 protected:
  [[nodiscard]] model::topic_id topic() {
    return storage::read_partition_metadata(*files_, partition()).value();
  }
  /// A journal of two groups, a batch in each: those with these numbers.
  void write_journal(int first, int second) {
    storage::journal_header header;
    header.directory_id = *storage::read_meta_properties(*files_, root()).value().directory_id;
    header.ring_blocks = 8;
    const auto file = files_->open(root() / storage::journal_file_name, io::open_mode::create).value();
    ASSERT_TRUE(file->truncate(header.file_bytes()));
    ASSERT_TRUE(file->write_at(storage::encode_journal_header(header), 0));
    storage::journal_group group;
    std::uint64_t sequence = 0;
    for (const int number : {first, second}) {
      ++sequence;
      auto batch = make_batch(number);
      model::set_base_offset(batch, model::offset(number * 3));
      model::set_partition_leader_epoch(batch, model::leader_epoch(0));
      group.add_batch({topic(), model::partition_index(0)}, batch);
      ASSERT_TRUE(file->write_at(group.seal(header.run_id, sequence, 1),
                                 (storage::journal_header_blocks + sequence) * storage::journal_block_bytes));
      group.clear();
    }
  }
  void flip_journal(std::uint64_t block, std::uint64_t position) {
    flip(root() / storage::journal_file_name, block * storage::journal_block_bytes + position);
  }
  /// What the daemon does with the directory when it is started and stopped.
  void start_and_stop() {
    storage::open_file_cache open_files(64);
    storage::group_commit commits(1);
    const storage::log_environment environment{*files_, open_files, commits, base::system_clock()};
    storage::log_directory_options options;
    options.journal_bytes = 1 << 20;
    const auto opened = storage::log_directory::open(environment, root(), options).value();
    storage::log_request request{{"orders", model::partition_index(0)}, topic(), {}};
    ASSERT_TRUE(opened->open_log(request, storage::when_missing::fail));
    base::worker_pool pool("test", 1);
    ASSERT_TRUE(opened->close(pool, 1));
  }
};

TEST_F(log_verify_journal, means_nothing_after_a_clean_stop) {
  write_journal(batches, batches + 1);
  flip_journal(0, 30);
  EXPECT_TRUE(verify().findings.empty());
}

TEST_F(log_verify_journal, that_the_logs_have_all_of_is_clean) {
  write_journal(batches - 2, batches - 1);
  stop_uncleanly();
  const auto found = verify();
  EXPECT_TRUE(has(found, "journal_in_use", severity::note)) << listed(found);
  EXPECT_EQ(found.worst(), severity::note) << listed(found);
}

TEST_F(log_verify_journal, batches_that_only_it_has_make_the_directory_repairable) {
  write_journal(batches - 1, batches);
  stop_uncleanly();
  const auto found = verify();
  ASSERT_TRUE(has(found, "only_in_journal", severity::repairable)) << listed(found);
  EXPECT_EQ(found.worst(), severity::repairable) << listed(found);
  EXPECT_EQ(found.findings.front().first_offset, model::offset(batches * 3));
  EXPECT_EQ(found.findings.front().last_offset, model::offset(batches * 3 + 2));
  EXPECT_EQ(run({"log", "verify", root().string()}).code, static_cast<int>(exit_code::repairable));
  EXPECT_EQ(run({"log", "verify", partition().string()}).code, static_cast<int>(exit_code::repairable));
  start_and_stop();
  const auto after = verify();
  EXPECT_EQ(after.worst(), severity::note) << listed(after);
  EXPECT_EQ(after.batches, std::uint64_t{batches} + 1);
}

TEST_F(log_verify_journal, batches_behind_a_gap_or_of_another_topic_do_not_count) {
  write_journal(batches + 1, batches + 2);
  stop_uncleanly();
  EXPECT_EQ(verify().worst(), severity::note) << listed(verify());
  write_journal(batches, batches + 1);
  fs::remove(partition() / storage::partition_metadata_name);
  EXPECT_FALSE(has(verify(), "only_in_journal", severity::repairable));
}

TEST_F(log_verify_journal, repair_leaves_to_the_daemon_what_the_journal_gives_back) {
  // A crash has torn the batch before the last: both were acknowledged by the journal.
  write_journal(batches - 2, batches - 1);
  stop_uncleanly();
  const auto segment = files_of(".log").back();
  const auto starts = positions(segment);
  ASSERT_GE(starts.size(), 2U);
  flip(segment, starts[starts.size() - 2] + 70);
  const auto before = content(segment);
  for (const auto& given : {root().string(), partition().string()}) {
    const auto refused = run({"log", "repair", given, "--execute"});
    EXPECT_EQ(refused.code, static_cast<int>(exit_code::damaged));
    EXPECT_NE(refused.complained.find("start tidelogd once on it, which plays 2 batches"), std::string::npos)
        << refused.complained;
    EXPECT_EQ(content(segment), before);
  }
  start_and_stop();
  const auto after = verify();
  EXPECT_EQ(after.worst(), severity::note) << listed(after);
  EXPECT_EQ(after.batches, std::uint64_t{batches});
}

TEST_F(log_verify_journal, damaged_group_is_damage) {
  write_journal(batches - 2, batches - 1);
  stop_uncleanly();
  flip_journal(storage::journal_header_blocks + 1, 100);
  EXPECT_TRUE(has(verify(), "journal_groups_missing", severity::damaged));
}

TEST_F(log_verify_journal, damaged_header_is_damage_and_the_file_is_set_aside) {
  write_journal(batches, batches + 1);
  stop_uncleanly();
  flip_journal(0, 30);
  EXPECT_TRUE(has(verify(), "bad_journal", severity::damaged));
  const auto aside = repair();
  EXPECT_TRUE(fs::exists(aside / storage::journal_file_name));
  EXPECT_EQ(verify().worst(), severity::note);
}

TEST_F(log_verify_journal, of_another_version_is_left_to_that_version) {
  write_journal(batches, batches + 1);
  stop_uncleanly();
  const auto journal = *files_->open(root() / storage::journal_file_name, io::open_mode::read_write);
  test::set_journal_version(*journal, storage::journal_header_position(0), 2);
  const auto found = verify();
  EXPECT_TRUE(has(found, "journal_of_another_version", severity::repairable)) << listed(found);
  EXPECT_FALSE(found.start_first.empty());
}

TEST_F(log_verify_journal, of_another_directory_is_noted) {
  write_journal(batches, batches + 1);
  stop_uncleanly();
  auto properties = storage::read_meta_properties(*files_, root()).value();
  properties.directory_id = base::random_uuid();
  ASSERT_TRUE(storage::write_meta_properties(*files_, root(), properties));
  EXPECT_TRUE(has(verify(), "journal_of_another_directory", severity::note));
  EXPECT_EQ(verify().worst(), severity::note);
}

}  // namespace
}  // namespace tidelog::tools
