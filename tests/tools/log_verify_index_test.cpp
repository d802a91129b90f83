// Indexes that are right although they are not what Tidelog would write, and ones that are wrong.

#include "support_data_directory.hpp"

#include "tidelog/model/record_batch_builder.hpp"
#include "tidelog/storage/log_directory.hpp"

namespace tidelog::tools {
namespace {

std::vector<std::byte> make_keyed_batch(std::int64_t producer, std::string_view key, std::int64_t timestamp) {
  model::record_batch_fields fields;
  if (producer >= 0) {
    fields.producer_id = model::producer_id(producer);
    fields.producer_epoch = model::producer_epoch(0);
    fields.base_sequence = model::sequence(0);
  }
  model::record_batch_builder builder(fields);
  builder.add(model::timestamp(timestamp), base::as_bytes(key), base::as_bytes("value"));
  return builder.build();
}

class log_verify_index : public data_directory_test {
 protected:
  struct index_entry {
    std::int32_t relative_offset;
    std::int32_t position;
  };
  static std::string encode(const std::vector<index_entry>& entries) {
    std::string bytes;
    for (const auto& each : entries) {
      for (const auto value : {each.relative_offset, each.position})
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    }
    return bytes;
  }
  /// The last offset of a batch of the segment, counted from the segment's base.
  static std::int32_t last_offset_of(int batch) { return batch * 3 + 2; }

  /// Beside the other log one that was compacted, with a batch that has the latest timestamp and no record any more.
  void add_compacted_log() {
    storage::open_file_cache open_files(64);
    storage::group_commit commits(1);
    const storage::log_environment environment{*files_, open_files, commits, base::system_clock()};
    auto opened = storage::log_directory::open(environment, root(), {}).value();
    storage::log_request request{
        {"compacted", model::partition_index(0)}, model::topic_id(base::random_uuid()), {}};
    request.config.cleanup = {.remove = false, .compact = true};
    request.config.min_cleanable_dirty_ratio = 0;
    request.config.index_interval_bytes = 1;
    request.config.flush_messages = storage::never_flush;
    const auto log = opened->open_log(request, storage::when_missing::create).value();
    for (auto batch : {make_keyed_batch(7, "a", 9'000), make_keyed_batch(-1, "a", 1'000),
                       make_keyed_batch(-1, "b", 2'000), make_keyed_batch(-1, "c", 3'000)})
      ASSERT_TRUE(log->append(batch, {}));
    ASSERT_TRUE(log->roll());
    ASSERT_TRUE(log->flush());
    ASSERT_TRUE(log->clean({}));
    base::worker_pool pool("test", 1);
    ASSERT_TRUE(opened->close(pool, 1));
  }
};

TEST_F(log_verify_index, log_that_was_compacted_is_clean) {
  add_compacted_log();
  const auto segment = content(root() / "compacted-0" / "00000000000000000000.log");
  const auto emptied = model::parse_record_batch(base::as_bytes(segment)).value();
  ASSERT_EQ(emptied.record_count(), 0);
  ASSERT_GT(fs::file_size(root() / "compacted-0" / "00000000000000000000.timeindex"), 0U);
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
}

TEST_F(log_verify_index, time_entry_of_a_batch_that_compaction_has_emptied_is_right) {
  add_compacted_log();
  // What Apache Kafka's cleaner writes for it: timestamp 9000, offset 0.
  write(root() / "compacted-0" / "00000000000000000000.timeindex",
        std::string("\0\0\0\0\0\0\x23\x28\0\0\0\0", 12));
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
}

TEST_F(log_verify_index, entry_may_have_the_last_offset_of_the_batches_that_were_appended_with_its_own) {
  const auto starts = positions(files_of(".log").front());
  ASSERT_GT(starts.size(), 5U);
  write(files_of(".index").front(), encode({{last_offset_of(3), static_cast<std::int32_t>(starts[1])},
                                            {last_offset_of(5), static_cast<std::int32_t>(starts[4])}}));
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
}

TEST_F(log_verify_index, entry_that_would_begin_a_lookup_too_late_is_wrong) {
  const auto starts = positions(files_of(".log").front());
  write(files_of(".index").front(), encode({{last_offset_of(1), static_cast<std::int32_t>(starts[2])}}));
  EXPECT_TRUE(has(verify(), "wrong_index", severity::repairable));
  expect_clean_after_repair();
}

TEST_F(log_verify_index, entry_between_batches_is_wrong) {
  const auto starts = positions(files_of(".log").front());
  write(files_of(".index").front(), encode({{last_offset_of(2), static_cast<std::int32_t>(starts[2] + 1)}}));
  EXPECT_TRUE(has(verify(), "wrong_index", severity::repairable));
}

TEST_F(log_verify_index, entry_of_an_offset_behind_the_segment_is_wrong) {
  const auto starts = positions(files_of(".log").front());
  const auto behind = last_offset_of(static_cast<int>(starts.size()));
  write(files_of(".index").front(), encode({{behind, static_cast<std::int32_t>(starts[2])}}));
  EXPECT_TRUE(has(verify(), "wrong_index", severity::repairable));
}

TEST_F(log_verify_index, time_entry_may_name_a_record_within_a_batch) {
  // Batch 2 has offsets 6 to 8, and timestamps 1020 to 1022.
  write(files_of(".timeindex").front(), std::string("\0\0\0\0\0\0\x03\xfe\0\0\0\x07", 12));
  const auto summary = verify();
  EXPECT_EQ(summary.worst(), severity::note) << listed(summary);
}

}  // namespace
}  // namespace tidelog::tools
