#include "tidelog/metadata/cluster_metadata.hpp"

#include "image_builder.hpp"
#include "snapshot.hpp"
#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/group_commit.hpp"

#include <array>
#include <set>
#include <thread>

namespace tidelog::metadata {
namespace {

using test::fault_file_system;

/// What a process has open; gone with it.
struct process {
  explicit process(fault_file_system& files_in) : files(files_in) {}

  base::result<std::unique_ptr<cluster_metadata>> open(std::uint64_t snapshot_interval_bytes = 1 << 20) {
    cluster_metadata_settings settings;
    settings.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
    settings.snapshot_interval_bytes = snapshot_interval_bytes;
    return cluster_metadata::open(environment, "/data", settings);
  }

  fault_file_system& files;
  test::manual_clock clock;
  storage::open_file_cache open_files{100};
  storage::group_commit commits;
  storage::log_environment environment{files, open_files, commits, clock};
};

cluster_metadata::plan creation(const std::string& name, std::int32_t partitions) {
  return [=](const image&) -> base::result<std::vector<record>> {
    const auto id = base::random_uuid();
    std::vector<record> records{topic_record{name, id}};
    for (std::int32_t index = 0; index < partitions; ++index) {
      partition_record made;
      made.partition_id = index;
      made.topic_id = id;
      made.replicas = made.isr = {1};
      made.leader = 1;
      made.leader_epoch = made.partition_epoch = 0;
      records.emplace_back(made);
    }
    records.emplace_back(
        config_record{static_cast<std::int8_t>(resource_type::topic), name, "retention.ms", "7"});
    return records;
  };
}

std::set<std::string> names_of(const image& of) {
  std::set<std::string> names;
  for (const auto& topic : of.topics()) names.insert(topic->name);
  return names;
}

TEST(cluster_metadata, a_new_one_has_the_features_and_the_broker) {
  fault_file_system files;
  process run(files);
  auto cluster = run.open();
  ASSERT_TRUE(cluster) << cluster.error().describe();
  const auto now = (*cluster)->current();
  EXPECT_EQ(now->feature_level("metadata.version"), 30);
  EXPECT_EQ(now->feature_level("group.version"), 1);
  EXPECT_EQ(now->feature_level("transaction.version"), 2);
  ASSERT_EQ(now->brokers().count(1), 1U);
  EXPECT_FALSE(now->brokers().at(1).fenced);
  EXPECT_EQ(now->brokers().at(1).endpoints.at(0).port, 9092);
  EXPECT_EQ(now->config({resource_type::broker, ""})->at("min.insync.replicas"), "1");
}

TEST(cluster_metadata, a_directory_that_lacks_features_gets_those_that_go_with_its_version) {
  struct row {
    int metadata_version;
    int groups;
    int transactions;
  };
  for (const auto& [metadata_version, groups, transactions] :
       {row{30, 1, 2}, row{24, 1, 2}, row{23, 1, 0}, row{22, 1, 0}, row{21, 0, 0}}) {
    fault_file_system files;
    process run(files);
    {
      auto cluster = run.open();
      ASSERT_TRUE(cluster);
      const auto version = static_cast<std::int16_t>(metadata_version);
      ASSERT_TRUE((*cluster)->change([&](const image&) -> base::result<std::vector<record>> {
        return std::vector<record>{feature_level_record{"group.version", 0},
                                   feature_level_record{"transaction.version", 0},
                                   feature_level_record{"metadata.version", version}};
      }));
      EXPECT_EQ((*cluster)->current()->feature_level("group.version"), 0);
    }
    auto again = run.open();
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ((*again)->current()->feature_level("group.version"), groups) << metadata_version;
    EXPECT_EQ((*again)->current()->feature_level("transaction.version"), transactions) << metadata_version;
  }
}

TEST(cluster_metadata, a_first_start_cut_short_anywhere_gets_its_features_from_the_next) {
  const auto seed = test::random_seed();
  for (const auto fate : {test::unsynced::kept, test::unsynced::random}) {
    for (std::uint64_t at = 0;; ++at) {
      fault_file_system files;
      files.cut_power_at(at);
      { static_cast<void>(process(files).open()); }
      const bool was_cut = files.is_down();
      files.restart(fate, seed + at);
      process run(files);
      auto cluster = run.open();
      ASSERT_TRUE(cluster) << "change " << at << ": " << cluster.error().describe();
      EXPECT_EQ((*cluster)->current()->feature_level("metadata.version"), 30) << "change " << at;
      EXPECT_EQ((*cluster)->current()->feature_level("group.version"), 1) << "change " << at;
      EXPECT_EQ((*cluster)->current()->feature_level("transaction.version"), 2) << "change " << at;
      if (!was_cut) break;
    }
  }
}

TEST(cluster_metadata, a_change_that_a_crash_has_cut_in_two_takes_nothing_that_came_later_with_it) {
  fault_file_system files;
  {
    process run(files);
    auto cluster = run.open();
    ASSERT_TRUE((*cluster)->change(creation("before", 1)));
    ASSERT_TRUE((*cluster)->close());
  }
  {
    // The first of several batches of a large change.
    process run(files);
    const auto log = storage::log::open(run.environment, "/data/__cluster_metadata-0",
                                        std::make_shared<const storage::log_config>(), {});
    ASSERT_TRUE(log) << log.error().describe();
    const auto epoch = *(*log)->latest_epoch();
    auto batches = make_batches({begin_transaction_record{}, topic_record{"half", base::random_uuid()}},
                                (*log)->log_end_offset(), epoch, 0);
    ASSERT_EQ(batches.size(), 1U);
    ASSERT_TRUE(
        (*log)->append(batches.front(), {.leader_epoch = epoch, .origin = storage::append_origin::internal}));
    ASSERT_TRUE((*log)->flush());
  }
  {
    process run(files);
    auto cluster = run.open();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    EXPECT_EQ(names_of(*(*cluster)->current()), std::set<std::string>{"before"});
    ASSERT_TRUE((*cluster)->change(creation("after", 1)));
  }
  process run(files);
  auto cluster = run.open();
  ASSERT_TRUE(cluster) << cluster.error().describe();
  EXPECT_EQ(names_of(*(*cluster)->current()), (std::set<std::string>{"before", "after"}));
  EXPECT_EQ((*cluster)->current()->brokers().count(1), 1U);
}

TEST(cluster_metadata, a_log_whose_sync_finds_no_room_takes_changes_when_it_is_opened_again) {
  fault_file_system files;
  {
    process run(files);
    auto cluster = run.open();
    ASSERT_TRUE((*cluster)->change(creation("before", 1)));
    // The data directory's own name is somebody else's to look after.
    files.make_durable();
    files.inject({.what = test::operation::sync,
                  .error_number = ENOSPC,
                  .path_contains = "__cluster_metadata-0",
                  .times = test::for_ever});
    EXPECT_FALSE((*cluster)->change(creation("during", 1)));
    EXPECT_FALSE((*cluster)->change(creation("later", 1)));
    EXPECT_TRUE((*cluster)->is_out_of_room());
    EXPECT_FALSE((*cluster)->reopen());
    EXPECT_TRUE((*cluster)->is_out_of_room());
    files.clear_faults();
    const auto image = (*cluster)->reopen();
    ASSERT_TRUE(image) << image.error().describe();
    EXPECT_FALSE((*cluster)->is_out_of_room());
    EXPECT_EQ((*cluster)->current(), *image);
    const auto changed = (*cluster)->change(creation("after", 1));
    ASSERT_TRUE(changed) << changed.error().describe();
  }
  files.restart(test::unsynced::lost);
  process run(files);
  auto cluster = run.open();
  ASSERT_TRUE(cluster) << cluster.error().describe();
  auto names = names_of(*(*cluster)->current());
  // Whoever was told that it failed may find it made.
  names.erase("during");
  EXPECT_EQ(names, (std::set<std::string>{"before", "after"}));
}

TEST(cluster_metadata, the_broker_epoch_is_the_offset_of_its_registration) {
  fault_file_system files;
  std::int64_t first = 0;
  {
    process run(files);
    auto cluster = run.open();
    first = (*cluster)->current()->brokers().at(1).epoch;
    EXPECT_GT(first, 0);
    ASSERT_TRUE((*cluster)->close());
  }
  process run(files);
  auto cluster = run.open();
  EXPECT_GT((*cluster)->current()->brokers().at(1).epoch, first);
}

TEST(cluster_metadata, changes_survive_a_clean_stop_and_epochs_rise) {
  fault_file_system files;
  for (std::int32_t start = 0; start < 3; ++start) {
    process run(files);
    auto cluster = run.open();
    ASSERT_TRUE(cluster) << cluster.error().describe();
    const auto name = "t" + std::to_string(start);
    ASSERT_TRUE((*cluster)->change(creation(name, 2)));
    const auto now = (*cluster)->current();
    EXPECT_EQ(now->topic_count(), static_cast<std::size_t>(start) + 1);
    EXPECT_EQ(now->topic("t0")->partitions.at(1).epoch, model::leader_epoch(start));
    EXPECT_EQ(now->config({resource_type::topic, name})->at("retention.ms"), "7");
    EXPECT_EQ((*cluster)->quorum().epoch, model::leader_epoch(start + 1));
    ASSERT_TRUE((*cluster)->close());
  }
}

TEST(cluster_metadata, a_failing_plan_changes_nothing) {
  fault_file_system files;
  process run(files);
  auto cluster = run.open();
  const auto before = (*cluster)->current();
  auto changed = (*cluster)->change([](const image&) -> base::result<std::vector<record>> {
    return base::fail(errc::corrupt_metadata, "no");
  });
  EXPECT_FALSE(changed);
  EXPECT_EQ((*cluster)->current(), before);
}

TEST(cluster_metadata, a_full_disk_refuses_changes_whole_and_takes_nothing_offline) {
  fault_file_system files;
  process run(files);
  auto cluster = run.open();
  ASSERT_TRUE(cluster);
  const auto space = files.space("/");
  // Too much for one batch, and room for a part of it.
  constexpr std::uint64_t room_bytes = 100'000;
  const std::uint64_t used = space->capacity_bytes - space->available_bytes;
  files.set_capacity_bytes(used + room_bytes);
  const auto refused = (*cluster)->change(creation("large", 20'000));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::no_space_on_device);
  files.set_capacity_bytes(used);
  EXPECT_FALSE((*cluster)->change(creation("small", 1)));

  files.set_capacity_bytes(std::uint64_t{1} << 30);
  const auto changed = (*cluster)->change(creation("small", 1));
  ASSERT_TRUE(changed) << changed.error().describe();
  EXPECT_EQ(names_of(**changed), (std::set<std::string>{"small"}));
  ASSERT_TRUE((*cluster)->close());
  process next(files);
  const auto again = next.open();
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(names_of(*(*again)->current()), (std::set<std::string>{"small"}));
}

TEST(cluster_metadata, a_start_does_not_write_anew_what_is_right) {
  fault_file_system files;
  { ASSERT_TRUE(process(files).open()); }
  files.inject({.what = test::operation::write,
                .error_number = ENOSPC,
                .path_contains = "partition.metadata",
                .times = test::for_ever});
  process run(files);
  EXPECT_TRUE(run.open());
}

const io::path metadata_log = "/data/__cluster_metadata-0/00000000000000000000.log";

void flip(fault_file_system& files, std::uint64_t position) {
  const auto file = *files.open(metadata_log, io::open_mode::read_write);
  std::array<std::byte, 1> byte{};
  ASSERT_TRUE(file->read_at(byte, position));
  byte[0] ^= std::byte{1};
  ASSERT_TRUE(file->write_at(byte, position));
}

/// A disk with three topics, all of which the metadata log is known to hold; its process was killed.
void make_three_topics(fault_file_system& files) {
  process run(files);
  auto cluster = run.open();
  for (const auto* name : {"a", "b", "c"}) ASSERT_TRUE((*cluster)->change(creation(name, 1)));
  ASSERT_TRUE((*cluster)->note_recovery_point());
}

TEST(cluster_metadata, damage_in_what_was_answered_for_is_never_taken_for_the_end) {
  std::uint64_t size = 0;
  {
    fault_file_system files;
    make_three_topics(files);
    size = *(*files.open(metadata_log, io::open_mode::read))->size();
  }
  const std::set<std::string> all{"a", "b", "c"};
  std::size_t refused = 0;
  for (std::uint64_t position = 0; position < size; position += 3) {
    fault_file_system files;
    make_three_topics(files);
    flip(files, position);
    for (int attempt = 0; attempt < 2; ++attempt) {
      process run(files);
      const auto again = run.open();
      if (again) {
        // The leader epoch of a batch is the one thing that no checksum covers and nothing else depends on.
        EXPECT_EQ(names_of(*(*again)->current()), all) << position;
        break;
      }
      ++refused;
      EXPECT_EQ(again.error().code, make_error_code(errc::corrupt_metadata)) << position;
      EXPECT_NE(again.error().describe().find("/data/__cluster_metadata-0/recovery-point"), std::string::npos)
          << again.error().describe();
    }
  }
  EXPECT_GT(refused, size / 3);
}

TEST(cluster_metadata, a_log_that_lost_its_end_is_not_taken_for_whole_until_somebody_says_so) {
  fault_file_system files;
  make_three_topics(files);
  const auto file = *files.open(metadata_log, io::open_mode::read_write);
  ASSERT_TRUE(file->truncate(*file->size() - 10));
  for (int attempt = 0; attempt < 2; ++attempt) EXPECT_FALSE(process(files).open());
  ASSERT_TRUE(files.remove_file("/data/__cluster_metadata-0/recovery-point"));
  process run(files);
  const auto again = run.open();
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(names_of(*(*again)->current()), (std::set<std::string>{"a", "b"}));
}

TEST(cluster_metadata, producer_ids_are_never_given_twice) {
  fault_file_system files;
  ASSERT_TRUE(files.make_directories("/data"));
  files.make_durable();
  std::int64_t next = 0;
  for (int start = 0; start < 3; ++start) {
    process run(files);
    auto cluster = run.open();
    for (int i = 0; i < 2; ++i) {
      auto block = (*cluster)->allocate_producer_ids();
      ASSERT_TRUE(block);
      EXPECT_GE(block->first.value(), next);
      next = block->first.value() + block->count;
    }
    cluster->reset();
    files.restart(test::unsynced::lost);
  }
}

TEST(cluster_metadata, snapshots_take_the_place_of_the_log_behind_them) {
  fault_file_system files;
  {
    process run(files);
    auto cluster = run.open(2000);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE((*cluster)->change(creation("t" + std::to_string(i), 1)));
    auto snapshot = load_newest_snapshot(files, "/data/__cluster_metadata-0");
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_GT((*snapshot)->topic_count(), 10U);
    ASSERT_TRUE((*cluster)->close());
  }
  process run(files);
  auto cluster = run.open(2000);
  ASSERT_TRUE(cluster) << cluster.error().describe();
  EXPECT_EQ((*cluster)->current()->topic_count(), 50U);
}

TEST(cluster_metadata, a_damaged_snapshot_is_passed_over_for_an_older_one) {
  fault_file_system files;
  image empty;
  image_builder builder(empty);
  ASSERT_TRUE(builder.apply(topic_record{"old", base::random_uuid()}));
  builder.reached(model::offset(9), model::leader_epoch(1));
  ASSERT_TRUE(files.make_directories("/s"));
  ASSERT_TRUE(write_snapshot(files, "/s", *builder.build(), 0));
  ASSERT_TRUE(builder.apply(topic_record{"new", base::random_uuid()}));
  builder.reached(model::offset(19), model::leader_epoch(1));
  ASSERT_TRUE(write_snapshot(files, "/s", *builder.build(), 0));
  const io::path newest = io::path("/s") / snapshot_file_name({model::offset(20), model::leader_epoch(1)});
  auto file = files.open(newest, io::open_mode::read_write);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(base::as_bytes("garbage"), 70));
  auto loaded = load_newest_snapshot(files, "/s");
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->last_offset(), model::offset(9));
  EXPECT_EQ((*loaded)->topic_count(), 1U);
}

TEST(cluster_metadata, concurrent_changes_are_all_kept) {
  fault_file_system files;
  process run(files);
  auto cluster = run.open();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        auto changed =
            (*cluster)->change(creation("t" + std::to_string(thread) + "-" + std::to_string(i), 1));
        ASSERT_TRUE(changed);
        EXPECT_NE((*changed)->topic("t" + std::to_string(thread) + "-" + std::to_string(i)), nullptr);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ((*cluster)->current()->topic_count(), 80U);
}

TEST(cluster_metadata, a_power_cut_at_any_change_loses_nothing_that_was_answered) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; ++at) {
    fault_file_system files;
    ASSERT_TRUE(files.make_directories("/data"));
    files.make_durable();
    std::set<std::string> answered;
    files.cut_power_at(at);
    {
      process run(files);
      if (auto cluster = run.open(1500)) {
        for (int i = 0; i < 12; ++i) {
          const auto name = "t" + std::to_string(i);
          if (!(*cluster)->change(creation(name, 3))) break;
          answered.insert(name);
        }
        static_cast<void>((*cluster)->close());
      }
    }
    if (!files.is_down()) break;
    files.restart(test::unsynced::random, seed + at);
    process again(files);
    auto cluster = again.open();
    ASSERT_TRUE(cluster) << "cut at " << at << ": " << cluster.error().describe();
    const auto names = names_of(*(*cluster)->current());
    for (const auto& name : answered) {
      ASSERT_TRUE(names.contains(name)) << name << " was lost; cut at " << at << " seed " << seed;
      EXPECT_EQ((*cluster)->current()->topic(name)->partitions.size(), 3U);
    }
  }
}

TEST(records, a_record_of_an_unknown_kind_is_kept_as_it_is) {
  const std::vector<std::byte> value{std::byte{1}, std::byte{18}, std::byte{0}, std::byte{42}, std::byte{43}};
  auto decoded = decode_record(value);
  ASSERT_TRUE(decoded);
  ASSERT_TRUE(std::holds_alternative<kept_record>(*decoded));
  EXPECT_EQ(encode_record(*decoded), value);
}

TEST(records, every_truncation_is_an_error_and_not_a_crash) {
  register_broker_record full;
  full.end_points = {{"PLAINTEXT", "somewhere", 9092, 0}};
  full.log_dirs = {base::random_uuid()};
  const auto value = encode_record(full);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(decode_record(base::byte_view(value).first(size))) << size;
  }
  EXPECT_TRUE(decode_record(value));
}

TEST(image, a_feature_level_of_the_future_is_refused) {
  image_builder builder{image{}};
  auto applied = builder.apply(feature_level_record{"metadata.version", 31});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, make_error_code(errc::unsupported_feature_level));
}

TEST(image, an_aborted_transaction_leaves_no_trace) {
  image_builder builder{image{}};
  ASSERT_TRUE(builder.apply(begin_transaction_record{}));
  ASSERT_TRUE(builder.apply(topic_record{"t", base::random_uuid()}));
  ASSERT_TRUE(builder.apply(abort_transaction_record{}));
  ASSERT_TRUE(builder.apply(topic_record{"u", base::random_uuid()}));
  EXPECT_EQ(names_of(*builder.build()), std::set<std::string>{"u"});
}

TEST(image, what_changed_between_two_is_found) {
  image_builder builder{image{}};
  const auto kept = base::random_uuid();
  const auto gone = base::random_uuid();
  ASSERT_TRUE(builder.apply(topic_record{"kept", kept}));
  ASSERT_TRUE(builder.apply(topic_record{"gone", gone}));
  const auto before = builder.build();
  ASSERT_TRUE(builder.apply(remove_topic_record{gone}));
  ASSERT_TRUE(builder.apply(topic_record{"made", base::random_uuid()}));
  const auto after = builder.build();
  std::set<std::string> seen;
  image::for_each_topic_change(*before, *after, [&](const topic_ptr& left, const topic_ptr& right) {
    seen.insert(left ? "-" + left->name : "+" + right->name);
  });
  EXPECT_EQ(seen, (std::set<std::string>{"-gone", "+made"}));
}

}  // namespace
}  // namespace tidelog::metadata
