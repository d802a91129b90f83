#include "group_partition.hpp"

#include "coordinator/support_groups_world.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/codec/compression.hpp"

#include <cerrno>
#include <map>
#include <thread>

namespace tidelog::coordinator {
namespace {

using test::awaited;
using test::groups_run;
using enum model::transaction_outcome;

class group_partition_test : public testing::Test {
 protected:
  test::fault_file_system files;
};

TEST_F(group_partition_test, an_empty_partition_serves_at_once_and_before_that_it_says_that_it_loads) {
  groups_run run(files);
  EXPECT_EQ(run.commit("g", 1), errc::load_in_progress);
  run.groups().load();
  EXPECT_FALSE(run.groups().is_loading());
  EXPECT_FALSE(run.commit("g", 1));
  EXPECT_EQ(run.committed("g"), 1);
}

TEST_F(group_partition_test, what_was_acknowledged_is_there_after_a_crash) {
  const auto seed = test::random_seed();
  {
    groups_run run(files);
    ASSERT_TRUE(run.load());
    for (int i = 0; i < 50; ++i) ASSERT_FALSE(run.commit("g" + std::to_string(i % 7), i));
    files.cut_power();
  }
  files.restart(test::unsynced::random, seed);
  groups_run run(files);
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.groups().counts().offsets, 7U);
  for (int group = 0; group < 7; ++group) {
    EXPECT_EQ(run.committed("g" + std::to_string(group)), group == 0 ? 49 : 42 + group);
  }
}

TEST_F(group_partition_test, every_crash_keeps_what_was_acknowledged) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; at += 3) {
    test::fault_file_system disk;
    std::map<std::string, std::int64_t> acknowledged;
    {
      groups_run run(disk);
      ASSERT_TRUE(run.load());
      disk.make_durable();
      disk.cut_power_at(disk.changes() + at);
      for (int i = 0; i < 12; ++i) {
        const auto group = "g" + std::to_string(i % 3);
        if (!run.commit(group, i)) acknowledged[group] = i;
      }
    }
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    groups_run run(disk);
    ASSERT_TRUE(run.load());
    for (const auto& [group, offset] : acknowledged) EXPECT_GE(run.committed(group), offset) << at;
    if (!was_cut) break;
  }
}

TEST_F(group_partition_test, a_write_that_fails_is_an_error_and_changes_nothing) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit("g", 1));
  files.inject({.what = test::operation::write, .error_number = ENOSPC, .path_contains = ".log"});
  EXPECT_EQ(run.commit("g", 2), errc::not_available);
  EXPECT_EQ(run.committed("g"), 1);
  EXPECT_FALSE(run.commit("g", 3));
  EXPECT_EQ(run.committed("g"), 3);
}

TEST_F(group_partition_test, a_sync_that_fails_gives_the_groups_up) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit("g", 1));
  files.inject({.what = test::operation::sync, .error_number = EIO, .path_contains = ".log"});
  EXPECT_EQ(run.commit("g", 2), errc::not_coordinator);
  // Nothing that might be lost is shown any more.
  EXPECT_THROW(static_cast<void>(run.committed("g")), std::runtime_error);
  EXPECT_EQ(run.commit("g", 3), errc::not_coordinator);
}

TEST_F(group_partition_test, a_request_that_fits_into_no_batch_is_too_large) {
  groups_run run(files, {{"message.max.bytes", "1000"}});
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.commit("g", 1, std::string(2'000, 'm')), errc::commit_too_large);
  EXPECT_FALSE(run.commit("g", 1));
  EXPECT_EQ(run.committed("g"), 1);
}

TEST_F(group_partition_test, a_deleted_partition_gives_its_groups_up) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit("g", 1));
  run.broker().remove(test::groups_topic);
  EXPECT_EQ(run.commit("g", 2), errc::not_coordinator);
}

TEST_F(group_partition_test, waiting_requests_are_answered_when_it_is_given_up) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  join_request request;
  request.group_id = "g";
  request.protocol_type = "consumer";
  request.protocols = {{"range", {}}};
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.without_member_id = first_join::counts;
  awaited<join_answer> joined;
  run.groups().handle(&group_shard::join, std::move(request), joined.to());
  EXPECT_FALSE(joined.is_there());
  EXPECT_NE(run.groups().next_deadline_ms(), no_deadline);
  run.groups().give_up(errc::not_coordinator);
  EXPECT_EQ(joined.get().error, errc::not_coordinator);
  EXPECT_EQ(run.groups().next_deadline_ms(), no_deadline);
}

TEST_F(group_partition_test, offsets_of_a_transaction_are_in_a_transactional_batch_and_a_marker_ends_it) {
  groups_run run(files);
  EXPECT_EQ(run.end_transaction(7, aborted), errc::load_in_progress);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit_in_transaction(7, "g", 5));
  ASSERT_FALSE(run.end_transaction(7, committed, 1));
  const auto log = run.broker().find(test::groups_topic);
  const auto slice = log->read(model::offset(0), {.max_bytes = 1 << 20}, storage::read_bound::log_end(),
                               io::patience::waits_for_disk);
  ASSERT_TRUE(slice);
  std::vector<std::byte> bytes(slice->data.length);
  ASSERT_TRUE(slice->data.source->read_at(bytes, slice->data.position));
  std::vector<model::record_batch_view> batches;
  for (base::byte_view rest(bytes); !rest.empty(); rest = rest.subspan(batches.back().size_bytes()))
    batches.push_back(model::parse_record_batch(rest).value());
  ASSERT_EQ(batches.size(), 2U);
  for (const auto& batch : batches) {
    EXPECT_TRUE(batch.is_transactional());
    EXPECT_EQ(batch.producer_id(), model::producer_id(7));
    EXPECT_EQ(batch.base_sequence(), model::no_sequence);
  }
  EXPECT_EQ(batches[0].producer_epoch(), model::producer_epoch(0));
  EXPECT_FALSE(batches[0].is_control());
  EXPECT_EQ(batches[1].producer_epoch(), model::producer_epoch(1));
  EXPECT_TRUE(batches[1].is_control());
  EXPECT_EQ(log->reach().value().last_stable, batches[1].next_offset());
}

TEST_F(group_partition_test, every_crash_keeps_the_ends_of_transactions_that_were_acknowledged) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; at += 3) {
    test::fault_file_system disk;
    std::int64_t held = -1;
    std::int64_t ended = -1;
    {
      groups_run run(disk);
      ASSERT_TRUE(run.load());
      disk.make_durable();
      disk.cut_power_at(disk.changes() + at);
      for (int i = 0; i < 6; ++i) {
        if (run.commit_in_transaction(7, "g", i)) break;
        held = i;
        if (run.end_transaction(7, committed)) break;
        ended = i;
      }
    }
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    groups_run run(disk);
    ASSERT_TRUE(run.load());
    EXPECT_GE(run.committed("g"), ended) << at;
    // What was told to be held is not lost: the marker that comes yet, or came already, commits it.
    ASSERT_FALSE(run.end_transaction(7, committed));
    EXPECT_GE(run.committed("g"), held) << at;
    if (!was_cut) break;
  }
}

TEST_F(group_partition_test, a_marker_that_cannot_be_written_ends_nothing) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit_in_transaction(7, "g", 1));
  files.inject({.what = test::operation::write, .error_number = ENOSPC, .path_contains = ".log"});
  EXPECT_EQ(run.end_transaction(7, committed), errc::not_available);
  EXPECT_EQ(run.committed("g"), -1);
  EXPECT_TRUE(run.is_pending("g"));
  EXPECT_FALSE(run.end_transaction(7, committed));
  EXPECT_EQ(run.committed("g"), 1);
}

TEST_F(group_partition_test, a_marker_that_may_be_lost_is_not_acknowledged) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  ASSERT_FALSE(run.commit_in_transaction(7, "g", 1));
  files.inject({.what = test::operation::sync, .error_number = EIO, .path_contains = ".log"});
  EXPECT_EQ(run.end_transaction(7, committed), errc::not_coordinator);
  EXPECT_EQ(run.end_transaction(7, committed), errc::not_coordinator);
}

TEST_F(group_partition_test, topics_deleted_while_it_loads_are_forgotten_afterwards) {
  {
    groups_run run(files);
    ASSERT_TRUE(run.load());
    ASSERT_FALSE(run.commit("g", 1));
    run.broker().stop_cleanly();
  }
  groups_run run(files);
  run.groups().forget_topics({{"t", {}}});
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.committed("g"), -1);
}

/// Batches as a Kafka broker may have written them.
class foreign_batches : public group_partition_test {
 protected:
  static std::vector<std::byte> batch_of(const std::vector<group_record>& records,
                                         model::record_batch_fields fields = {}) {
    model::record_batch_builder builder(fields);
    for (const auto& record : records) {
      const auto bytes = encode_group_record(record);
      builder.add(model::timestamp(1), base::byte_view(bytes.key),
                  bytes.value ? model::nullable_bytes(*bytes.value) : std::nullopt);
    }
    return builder.build();
  }
  static group_record offset_of(const std::string& group, std::int64_t offset) {
    offset_commit_value value;
    value.offset = offset;
    return offset_commit_record{{group, "t", 0}, value};
  }
  static model::record_batch_fields transactional(std::int64_t producer, std::int32_t sequence) {
    model::record_batch_fields fields;
    fields.attributes = model::batch_attribute::transactional;
    fields.producer_id = model::producer_id(producer);
    fields.producer_epoch = model::producer_epoch(0);
    fields.base_sequence = model::sequence(sequence);
    return fields;
  }
  static std::vector<std::byte> marker(std::int64_t producer, model::control_record_type type,
                                       std::size_t value_bytes = 6) {
    auto fields = transactional(producer, -1);
    fields.attributes |= model::batch_attribute::control;
    model::record_batch_builder builder(fields);
    const auto key = model::encode_control_key(type);
    const std::vector<std::byte> value(value_bytes);
    builder.add(model::timestamp(1), base::byte_view(key), base::byte_view(value));
    return builder.build();
  }
  static std::vector<std::byte> damaged_marker(std::int64_t producer) {
    return marker(producer, model::control_record_type::commit, 1);
  }
  static void append(groups_run& run, std::vector<std::byte> batch) {
    const auto log = run.broker().find(test::groups_topic);
    const auto appended = log->append(batch, storage::append_origin::internal);
    ASSERT_TRUE(appended) << appended.error().describe();
    ASSERT_TRUE(test::wait_committed(*log, appended->end_offset()));
  }
};

TEST_F(foreign_batches, compressed_and_transactional_ones_are_read) {
  groups_run run(files);
  auto packed = batch_of({offset_of("packed", 5), offset_of("packed", 6)});
  const auto content = codec::compress(model::compression_type::lz4, {},
                                       base::byte_view(packed).subspan(model::batch_position::records));
  ASSERT_TRUE(content);
  test::replace_records(packed, model::compression_type::lz4, *content);
  append(run, packed);
  append(run, batch_of({offset_of("kept", 1), offset_of("committed", 1)}));
  append(run, batch_of({offset_of("kept", 99)}, transactional(7, 0)));
  append(run, batch_of({offset_of("committed", 2)}, transactional(8, 0)));
  append(run, marker(7, model::control_record_type::abort));
  append(run, marker(8, model::control_record_type::commit));
  append(run, batch_of({offset_of("kept", 98)}, transactional(9, 0)));
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.committed("packed"), 6);
  EXPECT_EQ(run.committed("kept"), 1);
  EXPECT_EQ(run.committed("committed"), 2);
  EXPECT_FALSE(run.is_pending("committed"));
  // What was open at the end of the log is open still.
  EXPECT_TRUE(run.is_pending("kept"));
  EXPECT_FALSE(run.end_transaction(9, model::transaction_outcome::committed));
  EXPECT_EQ(run.committed("kept"), 98);
  EXPECT_FALSE(run.is_pending("kept"));
}

TEST_F(foreign_batches, control_batches_that_end_no_transaction_are_passed_over) {
  groups_run run(files);
  append(run, batch_of({offset_of("g", 1)}, transactional(7, 0)));
  append(run, marker(7, model::control_record_type::leader_change));
  append(run, damaged_marker(7));
  append(run, batch_of({offset_of("h", 1)}));
  ASSERT_TRUE(run.load());
  EXPECT_TRUE(run.is_pending("g"));
  EXPECT_EQ(run.committed("h"), 1);
}

TEST_F(foreign_batches, plain_records_of_a_producer_are_in_no_transaction) {
  groups_run run(files);
  auto fields = transactional(7, 0);
  fields.attributes = 0;
  append(run, batch_of({offset_of("g", 1)}, fields));
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.committed("g"), 1);
  EXPECT_FALSE(run.is_pending("g"));
}

TEST_F(foreign_batches, records_of_other_kinds_and_unreadable_ones_are_passed_over) {
  groups_run run(files);
  model::record_batch_builder builder;
  const std::string share_group_key("\0\x0b\0\x01g", 5);
  builder.add(model::timestamp(1), base::as_bytes(share_group_key), std::nullopt);
  builder.add(model::timestamp(1), base::as_bytes("?"), std::nullopt);
  builder.add(model::timestamp(1), std::nullopt, base::as_bytes("no key"));
  append(run, builder.build());
  append(run, batch_of({offset_of("g", 4)}));
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.committed("g"), 4);
}

TEST_F(foreign_batches, loading_in_small_pieces_is_the_same) {
  groups_run run(files, {{"offsets.load.buffer.size", "100"}});
  for (int i = 0; i < 100; ++i) append(run, batch_of({offset_of("g" + std::to_string(i % 10), i)}));
  ASSERT_TRUE(run.load());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run.committed("g" + std::to_string(i)), 90 + i);
  EXPECT_GT(run.groups().load_time_ms(), 0);
}

TEST_F(foreign_batches, what_damage_has_left_of_a_log_is_loaded) {
  {
    groups_run run(files);
    append(run, batch_of({offset_of("g", 4)}));
    append(run, batch_of({offset_of("h", 7)}));
    run.broker().stop_cleanly();
  }
  auto log = files.open("/data/__consumer_offsets-0/00000000000000000000.log", io::open_mode::read_write);
  ASSERT_TRUE(log);
  const std::vector<std::byte> damage(2, std::byte{0x55});
  ASSERT_TRUE((*log)->write_at(damage, 70));
  groups_run run(files);
  ASSERT_TRUE(run.load());
  EXPECT_EQ(run.committed("g"), -1);
  EXPECT_EQ(run.committed("h"), 7);
  EXPECT_FALSE(run.commit("g", 5));
}

TEST_F(group_partition_test, many_threads_commit_and_each_finds_what_it_wrote) {
  groups_run run(files);
  ASSERT_TRUE(run.load());
  constexpr int threads = 4;
  constexpr int commits = 100;
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&run, thread] {
      const auto group = "g" + std::to_string(thread);
      for (int i = 0; i < commits; ++i) {
        EXPECT_FALSE(run.commit(group, i));
        EXPECT_EQ(run.committed(group), i);
      }
    });
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(run.groups().work_done().commits, static_cast<std::uint64_t>(threads) * commits);
}

}  // namespace
}  // namespace tidelog::coordinator
