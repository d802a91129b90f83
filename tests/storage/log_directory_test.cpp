#include "support/random_seed.hpp"
#include "support_directory.hpp"

#include "tidelog/base/share_out.hpp"
#include "tidelog/storage/checkpoint_file.hpp"
#include "tidelog/storage/partition_metadata.hpp"

#include <random>

namespace tidelog::storage {
namespace {

TEST_F(log_directory_test, new_directory_is_clean_and_empty) {
  daemon_run run(files);
  EXPECT_EQ(run.directory().start(), start_kind::clean);
  EXPECT_EQ(run.directory().previous_broker_epoch(), -1);
  EXPECT_TRUE(run.directory().list()->empty());
}

TEST_F(log_directory_test, created_partition_is_found_by_name_and_id_also_after_a_power_cut) {
  const auto wanted = request("orders", 3);
  {
    daemon_run run(files);
    const auto opened = run.open(wanted);
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ(run.directory().find(wanted.partition), *opened);
    files.cut_power();
  }
  files.restart(test::unsynced::lost);
  daemon_run run(files);
  EXPECT_EQ(run.directory().start(), start_kind::unclean);
  const auto listed = run.directory().list();
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().directory_name, "orders-3");
  EXPECT_EQ(listed->front().topic_id, wanted.topic_id);
  EXPECT_EQ(listed->front().state, directory_state::in_use);
  EXPECT_TRUE(run.open(wanted, when_missing::fail));
}

TEST_F(log_directory_test, wrong_requests_get_errors_of_their_own) {
  daemon_run run(files);
  EXPECT_EQ(run.open(request("a"), when_missing::fail).error().code, errc::unknown_partition);
  EXPECT_EQ(run.open(request("../a")).error().code, errc::unknown_partition);
  EXPECT_EQ(run.directory().find(at("a")), nullptr);
  ASSERT_TRUE(run.open(request("a")));
  EXPECT_EQ(run.open(request("a")).error().code, errc::partition_exists);
  EXPECT_EQ(run.directory().set_aside_stray(at("a")).error().code, errc::partition_exists);
  EXPECT_EQ(run.directory().delete_log(at("b"), 0).error().code, errc::unknown_partition);
}

TEST_F(log_directory_test, directory_of_another_topic_with_the_name_is_refused) {
  daemon_run run(files);
  ASSERT_TRUE(files.make_directories(data / "a-0"));
  ASSERT_TRUE(write_partition_metadata(files, data / "a-0", base::random_uuid()));
  EXPECT_EQ(run.open(request("a")).error().code, errc::topic_id_mismatch);
}

TEST_F(log_directory_test, directory_without_a_readable_id_gets_the_one_asked_for) {
  daemon_run run(files);
  ASSERT_TRUE(files.make_directories(data / "a-0"));
  ASSERT_TRUE(files.make_directories(data / "b-0"));
  ASSERT_TRUE(io::replace_file(files, data / "b-0" / "partition.metadata", {}));
  for (const auto* topic : {"a", "b"}) {
    ASSERT_TRUE(run.open(request(topic)));
    EXPECT_EQ(read_partition_metadata(files, data / (std::string(topic) + "-0")), request(topic).topic_id);
  }
}

TEST_F(log_directory_test, id_of_which_a_bit_has_flipped_is_put_right) {
  daemon_run run(files);
  ASSERT_TRUE(files.make_directories(data / "a-0"));
  auto damaged = request("a").topic_id;
  damaged.bytes[3] ^= std::byte{0x21};
  ASSERT_TRUE(write_partition_metadata(files, data / "a-0", damaged));
  ASSERT_TRUE(run.open(request("a")));
  EXPECT_EQ(read_partition_metadata(files, data / "a-0"), request("a").topic_id);
}

TEST_F(log_directory_test, clean_stop_leaves_marker_and_checkpoints_and_the_next_use_takes_the_marker_away) {
  {
    daemon_run run(files);
    append(**run.open(request("orders", 1)), 3);
    ASSERT_TRUE(
        run.open({at("__cluster_metadata"), *base::parse_uuid("AAAAAAAAAAAAAAAAAAAAAQ"), log_config{}}));
    const auto closed = run.close(12);
    ASSERT_TRUE(closed) << closed.error().describe();
  }
  EXPECT_EQ(text_of(".kafka_cleanshutdown"), R"({"version":0,"brokerEpoch":12})");
  EXPECT_EQ(text_of(recovery_point_checkpoint), "0\n1\norders 1 3\n");
  EXPECT_EQ(text_of(high_watermark_checkpoint), "0\n1\norders 1 3\n");
  EXPECT_EQ(text_of(log_start_checkpoint), "0\n0\n");
  files.restart(test::unsynced::lost);
  {
    daemon_run run(files);
    EXPECT_EQ(run.directory().start(), start_kind::clean);
    EXPECT_EQ(run.directory().previous_broker_epoch(), 12);
    EXPECT_TRUE(has(".kafka_cleanshutdown"));
    const auto opened = run.open(request("orders", 1), when_missing::fail);
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ((*opened)->log_end_offset(), model::offset(3));
    EXPECT_FALSE(has(".kafka_cleanshutdown"));
  }
  files.restart(test::unsynced::lost);
  EXPECT_EQ(daemon_run(files).directory().start(), start_kind::unclean);
}

TEST_F(log_directory_test, opened_but_unused_directory_stays_clean) {
  {
    daemon_run run(files);
    ASSERT_TRUE(run.open(request("a")));
    ASSERT_TRUE(run.close());
  }
  { daemon_run run(files); }
  EXPECT_EQ(daemon_run(files).directory().start(), start_kind::clean);
}

TEST_F(log_directory_test, many_logs_are_opened_at_once_and_one_that_fails_does_not_stop_the_others) {
  std::vector<log_request> requests;
  for (std::int32_t i = 0; i < 20; ++i) requests.push_back(request("orders", i));
  const auto open_all = [&](daemon_run& run, when_missing missing) {
    std::vector<base::result<std::shared_ptr<log>>> opened(requests.size());
    base::share_out(
        run.pool, requests.size(), [&](std::size_t i) { opened[i] = run.open(requests[i], missing); },
        [](std::size_t) {});
    return opened;
  };
  {
    daemon_run run(files);
    for (const auto& opened : open_all(run, when_missing::create)) {
      ASSERT_TRUE(opened) << opened.error().describe();
      append(**opened, 2);
    }
    ASSERT_TRUE(run.close());
  }
  ASSERT_TRUE(write_partition_metadata(files, data / "orders-7", base::random_uuid()));
  daemon_run run(files);
  const auto opened = open_all(run, when_missing::fail);
  for (std::size_t i = 0; i < opened.size(); ++i) {
    EXPECT_EQ(opened[i].has_value(), i != 7) << i;
    EXPECT_TRUE(!opened[i] || (*opened[i])->log_end_offset() == model::offset(2)) << i;
  }
}

TEST_F(log_directory_test, stop_is_clean_when_a_log_that_was_let_go_of_is_open_again) {
  for (const bool is_opened_again : {false, true}) {
    {
      daemon_run run(files);
      append(**run.open(request("a")), 1);
      ASSERT_TRUE(run.directory().let_go(at("a")));
      if (is_opened_again) {
        ASSERT_TRUE(run.open(request("a"), when_missing::fail));
      }
      ASSERT_TRUE(run.close());
    }
    EXPECT_EQ(daemon_run(files).directory().start(),
              is_opened_again ? start_kind::clean : start_kind::unclean);
  }
}

TEST_F(log_directory_test, log_that_was_not_opened_keeps_its_lines_in_the_checkpoints) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    append(**run.open(request("b")), 1);
    ASSERT_TRUE(run.close());
  }
  daemon_run run(files);
  append(**run.open(request("b")), 1);
  ASSERT_TRUE(run.directory().write_checkpoints());
  EXPECT_EQ(text_of(recovery_point_checkpoint), "0\n2\na 0 3\nb 0 2\n");
}

TEST_F(log_directory_test, checkpoints_are_written_only_when_something_has_changed) {
  daemon_run run(files);
  const auto opened = run.open(request("a"));
  append(**opened, 1);
  ASSERT_TRUE(run.directory().write_checkpoints());
  const auto before = files.changes();
  ASSERT_TRUE(run.directory().write_checkpoints());
  EXPECT_EQ(files.changes(), before);
  append(**opened, 1);
  ASSERT_TRUE(run.directory().write_checkpoints());
  EXPECT_EQ(text_of(recovery_point_checkpoint), "0\n1\na 0 2\n");
}

TEST_F(log_directory_test, damaged_checkpoints_are_as_good_as_none) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    files.cut_power();
  }
  files.restart(test::unsynced::kept);
  for (const auto* name : {recovery_point_checkpoint, log_start_checkpoint, high_watermark_checkpoint}) {
    ASSERT_TRUE(io::replace_file(files, data / name, base::as_bytes("garbage")));
  }
  daemon_run run(files);
  const auto opened = run.open(request("a"), when_missing::fail);
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ((*opened)->log_end_offset(), model::offset(3));
  ASSERT_TRUE(run.directory().write_checkpoints());
  EXPECT_EQ(text_of(recovery_point_checkpoint), "0\n1\na 0 3\n");
}

TEST_F(log_directory_test, deleted_partition_is_set_aside_and_removed_when_due) {
  daemon_run run(files);
  append(**run.open(request("a")), 1);
  ASSERT_TRUE(run.directory().delete_log(at("a"), 1'000));
  EXPECT_EQ(run.directory().find(at("a")), nullptr);
  EXPECT_FALSE(has("a-0"));
  EXPECT_EQ(run.directory().list()->front().state, directory_state::being_deleted);
  EXPECT_EQ(run.directory().remove_deleted(999), 1U);
  EXPECT_EQ(run.directory().remove_deleted(1'000), 0U);
  EXPECT_TRUE(run.directory().list()->empty());
}

TEST_F(log_directory_test, deletion_cut_short_goes_on_at_the_next_start) {
  {
    daemon_run run(files);
    ASSERT_TRUE(run.open(request("a")));
    ASSERT_TRUE(run.directory().delete_log(at("a"), 1'000'000));
    ASSERT_TRUE(run.directory().sync_names());
  }
  files.restart(test::unsynced::lost);
  daemon_run run(files);
  EXPECT_EQ(run.directory().remove_deleted(1), 0U);
  EXPECT_TRUE(run.directory().list()->empty());
}

TEST_F(log_directory_test, failed_removal_is_tried_again) {
  daemon_run run(files);
  ASSERT_TRUE(run.open(request("a")));
  ASSERT_TRUE(run.directory().delete_log(at("a"), 0));
  files.inject({.what = test::operation::remove, .error_number = EIO});
  EXPECT_EQ(run.directory().remove_deleted(1), 1U);
  EXPECT_EQ(run.directory().remove_deleted(1), 0U);
}

TEST_F(log_directory_test, new_partition_does_not_inherit_the_checkpoint_of_a_deleted_one) {
  daemon_run run(files);
  append(**run.open(request("a")), 3);
  ASSERT_TRUE(run.directory().write_checkpoints());
  ASSERT_TRUE(run.directory().delete_log(at("a"), 0));
  ASSERT_TRUE(run.open({at("a"), base::random_uuid(), log_config{}}));
  const auto points = read_offset_checkpoint(files, data / recovery_point_checkpoint);
  EXPECT_FALSE(points->contains(at("a")));
}

TEST_F(log_directory_test, checkpoint_of_a_directory_that_is_gone_is_not_inherited_either) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    ASSERT_TRUE(run.close());
  }
  ASSERT_TRUE(files.remove_tree(data / "a-0"));
  daemon_run run(files);
  ASSERT_TRUE(run.open(request("a")));
  const auto points = read_offset_checkpoint(files, data / recovery_point_checkpoint);
  EXPECT_FALSE(points->contains(at("a")));
}

TEST_F(log_directory_test, checkpoint_whose_replacement_failed_is_not_taken_for_what_it_was_before) {
  daemon_run run(files);
  const auto deleted = run.open(request("a"));
  append(**deleted, 2);
  ASSERT_TRUE(run.directory().write_checkpoints());
  ASSERT_TRUE((*deleted)->advance_log_start(model::offset(1)));
  files.inject({.what = test::operation::sync_directory, .error_number = EIO});  // by then it has its name
  EXPECT_FALSE(run.directory().write_checkpoints());
  ASSERT_TRUE(run.directory().delete_log(at("a"), 0));
  const log_request successor{at("a"), base::random_uuid(), log_config{}};
  append(**run.open(successor), 1);
  files.restart(test::unsynced::lost);
  daemon_run next(files);
  EXPECT_EQ((*next.open(successor, when_missing::fail))->log_start_offset(), model::offset(0));
}

TEST_F(log_directory_test, stray_directory_is_set_aside_and_never_removed) {
  daemon_run run(files);
  ASSERT_TRUE(files.make_directories(data / "old-4"));
  ASSERT_TRUE(run.directory().set_aside_stray(at("old", 4)));
  EXPECT_EQ(run.directory().remove_deleted(1'000'000), 0U);
  const auto listed = run.directory().list();
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().state, directory_state::stray);
}

TEST_F(log_directory_test, foreign_folders_and_files_are_left_alone) {
  { daemon_run run(files); }
  for (const auto* name : {"lost+found", "photos", "orders-x"})
    ASSERT_TRUE(files.make_directories(data / name));
  ASSERT_TRUE(io::replace_file(files, data / "a-0", {}));
  daemon_run run(files);
  EXPECT_TRUE(run.directory().list()->empty());
  ASSERT_TRUE(run.close());
  for (const auto* name : {"lost+found", "photos", "orders-x", "a-0"}) EXPECT_TRUE(has(name)) << name;
}

TEST_F(log_directory_test, log_that_cannot_be_closed_costs_the_marker_but_not_the_others_their_checkpoints) {
  daemon_run run(files);
  const auto broken = *run.open(request("broken"));
  append(**run.open(request("well")), 2);
  append(*broken, 1);
  files.inject({.what = test::operation::sync,
                .error_number = EIO,
                .path_contains = "broken-0",
                .times = test::for_ever});
  auto batch = some_batch();
  ASSERT_TRUE(broken->append(batch, {}));
  EXPECT_FALSE(run.close());
  EXPECT_FALSE(has(".kafka_cleanshutdown"));
  const auto points = read_offset_checkpoint(files, data / recovery_point_checkpoint);
  EXPECT_EQ(points->at(at("well")), model::offset(2));
  EXPECT_LE(points->at(at("broken")), model::offset(1));
}

TEST_F(log_directory_test, after_an_unclean_stop_an_unopened_log_is_not_declared_clean) {
  {
    daemon_run run(files);
    ASSERT_TRUE(run.open(request("a")));
    ASSERT_TRUE(run.open(request("b")));
  }
  {
    daemon_run run(files);
    ASSERT_TRUE(run.open(request("a")));
    EXPECT_TRUE(run.close());
  }
  EXPECT_EQ(daemon_run(files).directory().start(), start_kind::unclean);
}

TEST_F(log_directory_test, metadata_log_which_others_open_does_not_keep_a_stop_from_being_clean) {
  ASSERT_TRUE(daemon_run(files).is_open());
  ASSERT_TRUE(files.make_directories(data / "__cluster_metadata-0"));
  daemon_run run(files);
  ASSERT_EQ(run.directory().start(), start_kind::unclean);
  ASSERT_TRUE(run.open(request("t")));
  ASSERT_TRUE(run.close());
  EXPECT_TRUE(has(".kafka_cleanshutdown"));
}

TEST_F(log_directory_test, power_cut_at_any_point_of_a_life_loses_nothing_confirmed) {
  const auto seed = test::random_seed();
  for (std::uint64_t change = 0;; ++change) {
    test::fault_file_system disk;
    disk.cut_power_at(change);
    int confirmed = 0;
    bool closed = false;
    {
      daemon_run run(disk);
      if (run.is_open()) {
        if (const auto opened = run.open(request("a"))) {
          for (int i = 0; i < 3; ++i) {
            auto batch = some_batch();
            if ((*opened)->append(batch, {}) && (*opened)->flush()) ++confirmed;
          }
        }
        closed = run.close().has_value();
      }
    }
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + change);
    daemon_run again(disk);
    ASSERT_TRUE(again.is_open()) << "change " << change;
    EXPECT_TRUE(!closed || again.directory().start() == start_kind::clean) << "change " << change;
    const auto opened = again.open(request("a"));
    ASSERT_TRUE(opened) << "change " << change << ": " << opened.error().describe();
    EXPECT_GE((*opened)->log_end_offset(), model::offset(confirmed)) << "change " << change;
    if (!was_cut) break;
  }
}

TEST_F(log_directory_test, checkpoints_of_random_bytes_are_rebuilt) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    ASSERT_TRUE(run.close());
  }
  std::mt19937_64 random(test::random_seed());
  constexpr std::array checkpoints{recovery_point_checkpoint, log_start_checkpoint, high_watermark_checkpoint,
                                   cleaner_checkpoint, ".kafka_cleanshutdown"};
  for (int round = 0; round < 100; ++round) {
    for (const auto* name : checkpoints) {
      std::vector<std::byte> garbage(random() % 200);
      for (auto& each : garbage) each = static_cast<std::byte>(random());
      ASSERT_TRUE(io::replace_file(files, data / name, garbage));
    }
    daemon_run run(files);
    ASSERT_TRUE(run.is_open());
    EXPECT_EQ(run.directory().start(), start_kind::unclean);
    const auto opened = run.open(request("a"), when_missing::fail);
    ASSERT_TRUE(opened) << opened.error().describe();
    ASSERT_EQ((*opened)->log_start_offset(), model::offset(0));
    ASSERT_EQ((*opened)->log_end_offset(), model::offset(3));
    ASSERT_TRUE(run.directory().write_checkpoints());
    ASSERT_EQ(text_of(recovery_point_checkpoint), "0\n1\na 0 3\n");
  }
}

TEST_F(log_directory_test, what_the_logs_found_wrong_is_counted) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    append(**run.open(request("b")), 3);
    files.cut_power();
  }
  files.restart(test::unsynced::kept);
  const auto file = *files.open(data / "a-0" / "00000000000000000000.log", io::open_mode::read_write);
  constexpr std::array wrong{std::byte{0xff}};
  ASSERT_TRUE(file->write_at(wrong, model::batch_position::records));
  const std::uint64_t bytes = *file->size();
  daemon_run run(files);
  ASSERT_TRUE(run.open(request("a")));
  ASSERT_TRUE(run.open(request("b")));
  const auto totals = run.directory().recovery();
  EXPECT_EQ(totals.files_set_aside, 1U);
  EXPECT_EQ(totals.bytes_set_aside, bytes);
  EXPECT_EQ(totals.damaged_ranges, 0U);
}

TEST_F(log_directory_test, lost_or_damaged_partition_metadata_is_restored_and_no_partition_vanishes) {
  {
    daemon_run run(files);
    append(**run.open(request("a")), 3);
    ASSERT_TRUE(run.close());
  }
  const auto name = data / "a-0" / partition_metadata_name;
  for (const std::size_t garbage_bytes : {0U, 1U, 50U, 10'000U}) {
    SCOPED_TRACE(garbage_bytes);
    ASSERT_TRUE(files.remove_file(name));
    if (garbage_bytes > 0) {
      const std::vector<std::byte> garbage(garbage_bytes, std::byte{0xa7});
      ASSERT_TRUE(io::replace_file(files, name, garbage));
    }
    daemon_run run(files);
    ASSERT_EQ(run.directory().list()->size(), 1U);
    EXPECT_FALSE(run.directory().list()->front().topic_id);
    const auto opened = run.open(request("a"), when_missing::fail);
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ((*opened)->log_end_offset(), model::offset(3));
    EXPECT_EQ(read_partition_metadata(files, data / "a-0"), request("a").topic_id);
  }
}

TEST_F(log_directory_test, power_cut_never_takes_the_first_segment_from_a_log_that_keeps_a_later_one) {
  const auto seed = test::random_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    test::fault_file_system disk;
    auto wanted = request("a");
    wanted.config.flush_messages = never_flush;
    wanted.config.segment_bytes = 150;
    {
      daemon_run run(disk);
      const auto opened = run.open(wanted);
      ASSERT_TRUE(opened);
      for (int i = 0; i < 8; ++i) {
        auto batch = some_batch();
        ASSERT_TRUE((*opened)->append(batch, {}));
      }
      disk.cut_power();
    }
    disk.restart(test::unsynced::random, seed + round);
    daemon_run again(disk);
    const auto opened = again.open(wanted, when_missing::fail);
    ASSERT_TRUE(opened) << opened.error().describe();
    ASSERT_EQ((*opened)->log_start_offset(), model::offset(0)) << "seed " << seed + round;
  }
}

TEST_F(log_directory_test, creation_that_a_kill_cut_short_is_durable_once_it_is_written_to) {
  for (std::uint64_t change = 0;; ++change) {
    SCOPED_TRACE(change);
    test::fault_file_system disk;
    const auto before = [&] {
      daemon_run run(disk);
      disk.cut_power_at(disk.changes() + change);
      static_cast<void>(run.open(request("a")));
      return disk.is_down();
    }();
    disk.restart(test::unsynced::kept);
    {
      daemon_run run(disk);
      const auto opened = run.open(request("a"));
      ASSERT_TRUE(opened) << opened.error().describe();
      append(**opened, 2);
      disk.cut_power();
    }
    disk.restart(test::unsynced::lost);
    daemon_run run(disk);
    const auto opened = run.open(request("a"), when_missing::fail);
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ((*opened)->log_end_offset(), model::offset(2));
    if (!before) break;
  }
}

TEST_F(log_directory_test, power_cut_at_any_point_of_the_first_start_leaves_a_directory_that_starts) {
  const auto seed = test::random_seed();
  for (std::uint64_t change = 0;; ++change) {
    test::fault_file_system disk;
    disk.cut_power_at(change);
    {
      daemon_run run(disk);
      if (run.is_open()) {
        static_cast<void>(run.open(request("a")));
        static_cast<void>(run.directory().write_checkpoints());
      }
    }
    const bool was_cut = disk.is_down();
    for (const auto fate : {test::unsynced::random, test::unsynced::lost}) {
      disk.restart(fate, seed + change);
      daemon_run again(disk);
      ASSERT_TRUE(again.is_open()) << "change " << change;
      ASSERT_TRUE(again.open(request("a"))) << "change " << change;
    }
    if (!was_cut) break;
  }
}

}  // namespace
}  // namespace tidelog::storage
