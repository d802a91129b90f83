#include "log_directory_setup.hpp"

#include "log_directory_marker.hpp"
#include "support/fault_file_system.hpp"
#include "support/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidelog::storage {
namespace {

const io::path directory = "/var/data";

class log_directory_setup_test : public testing::Test {
 protected:
  base::result<taken_directory> take(const log_directory_options& options = {}) {
    return take_directory(files, directory, options);
  }
  std::error_code refusal(const log_directory_options& options = {}) {
    const auto taken = take(options);
    return taken ? std::error_code() : taken.error().code;
  }
  void make_other_things() {
    ASSERT_TRUE(files.make_directories(directory / "photos"));
    files.make_durable();
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto entries = files.list(directory);
    for (const auto& entry : entries.value()) found.push_back(entry.name);
    std::ranges::sort(found);
    return found;
  }
  test::fault_file_system files;
};

TEST_F(log_directory_setup_test, missing_directory_is_made_and_gets_ids) {
  const auto taken = take();
  ASSERT_TRUE(taken) << taken.error().describe();
  EXPECT_EQ(taken->came_from, taken_directory::origin::made);
  EXPECT_EQ(taken->properties.node_id, model::broker_id(1));
  EXPECT_EQ(taken->properties.cluster_id.size(), 22U);
  EXPECT_TRUE(taken->properties.directory_id);
  EXPECT_EQ(names(), (std::vector<std::string>{".lock", "meta.properties"}));
}

TEST_F(log_directory_setup_test, ids_asked_for_are_given_and_must_then_match) {
  const log_directory_options wanted{.node_id = model::broker_id(7), .cluster_id = "mine"};
  ASSERT_TRUE(take(wanted));
  const auto again = take(wanted);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->came_from, taken_directory::origin::existing);
  EXPECT_EQ(again->properties.cluster_id, "mine");
}

TEST_F(log_directory_setup_test, anothers_ids_are_refused) {
  ASSERT_TRUE(take({.node_id = model::broker_id(7), .cluster_id = "mine"}));
  EXPECT_EQ(refusal({.node_id = model::broker_id(8), .cluster_id = {}}), errc::wrong_node_id);
  EXPECT_EQ(refusal({.node_id = {}, .cluster_id = "yours"}), errc::wrong_cluster_id);
  EXPECT_EQ(refusal(), std::error_code());
}

TEST_F(log_directory_setup_test, second_daemon_is_kept_out_until_the_first_lets_go) {
  {
    const auto first = take();
    ASSERT_TRUE(first);
    EXPECT_EQ(refusal(), errc::directory_locked);
  }
  EXPECT_EQ(refusal(), std::error_code());
}

TEST_F(log_directory_setup_test, foreign_directory_is_refused_by_name_and_left_untouched) {
  make_other_things();
  const auto taken = take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::not_a_data_directory);
  EXPECT_NE(taken.error().describe().find("photos"), std::string::npos) << taken.error().describe();
  EXPECT_EQ(names(), (std::vector<std::string>{"photos"}));
}

TEST_F(log_directory_setup_test, lost_and_found_is_no_foreigner) {
  ASSERT_TRUE(files.make_directories(directory / "lost+found"));
  EXPECT_EQ(refusal(), std::error_code());
}

TEST_F(log_directory_setup_test, foreign_folders_beside_our_files_are_left_alone) {
  ASSERT_TRUE(take());
  make_other_things();
  EXPECT_EQ(refusal(), std::error_code());
}

TEST_F(log_directory_setup_test, unwritable_directory_is_named_and_says_what_the_system_said) {
  files.inject({.what = test::operation::lock, .error_number = EACCES});
  const auto taken = take();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::directory_not_writable);
  EXPECT_NE(taken.error().describe().find("Permission denied"), std::string::npos)
      << taken.error().describe();
}

TEST_F(log_directory_setup_test, read_only_file_system_is_noticed_although_the_lock_can_be_had) {
  ASSERT_TRUE(take());
  files.inject({.what = test::operation::open, .error_number = EROFS, .path_contains = "writable"});
  EXPECT_EQ(refusal(), errc::directory_not_writable);
}

TEST_F(log_directory_setup_test, directory_without_room_for_another_file_can_be_taken) {
  ASSERT_TRUE(take());
  files.inject({.what = test::operation::open,
                .error_number = ENOSPC,
                .path_contains = ".writable",
                .times = test::for_ever});
  const auto taken = take();
  EXPECT_TRUE(taken) << taken.error().describe();
}

TEST_F(log_directory_setup_test, other_failures_keep_their_errno) {
  files.inject({.what = test::operation::write, .error_number = ENOSPC, .path_contains = "meta.properties"});
  EXPECT_EQ(refusal(), std::errc::no_space_on_device);
}

TEST_F(log_directory_setup_test, unknown_version_and_damage_are_refused) {
  ASSERT_TRUE(files.make_directories(directory));
  ASSERT_TRUE(io::replace_file(files, directory / "meta.properties", base::as_bytes("version=2\n")));
  EXPECT_EQ(refusal(), errc::unknown_format_version);
  ASSERT_TRUE(io::replace_file(files, directory / "meta.properties", {}));
  EXPECT_EQ(refusal(), errc::corrupt_meta_properties);
}

TEST_F(log_directory_setup_test, directory_without_an_id_of_its_own_gets_one_for_good) {
  ASSERT_TRUE(files.make_directories(directory));
  ASSERT_TRUE(io::replace_file(files, directory / "meta.properties",
                               base::as_bytes("version=1\nnode.id=3\ncluster.id=c\nx=y\n")));
  const auto id = take()->properties.directory_id;
  ASSERT_TRUE(id);
  const auto again = take();
  EXPECT_EQ(again->properties.directory_id, id);
  EXPECT_EQ(again->properties.others.at("x"), "y");
}

TEST_F(log_directory_setup_test, first_start_cut_short_anywhere_is_begun_again) {
  const auto seed = test::random_seed();
  for (std::uint64_t at = 0;; ++at) {
    test::fault_file_system disk;
    disk.cut_power_at(at);
    std::string cluster;
    if (const auto taken = take_directory(disk, directory, {})) cluster = taken->properties.cluster_id;
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::random, seed + at);
    const auto again = take_directory(disk, directory, {});
    ASSERT_TRUE(again) << "change " << at << ": " << again.error().describe();
    // Ids that were told to somebody are never replaced by others.
    EXPECT_TRUE(cluster.empty() || again->properties.cluster_id == cluster) << "change " << at;
    if (!was_cut) break;
  }
}

TEST_F(log_directory_setup_test, first_start_killed_anywhere_is_on_disk_when_the_second_is_over) {
  for (std::uint64_t at = 0;; ++at) {
    test::fault_file_system disk;
    disk.cut_power_at(at);
    static_cast<void>(take_directory(disk, directory, {}));
    const bool was_cut = disk.is_down();
    disk.restart(test::unsynced::kept);
    std::string cluster;
    {
      const auto second = take_directory(disk, directory, {});
      ASSERT_TRUE(second) << "change " << at << ": " << second.error().describe();
      cluster = second->properties.cluster_id;
    }
    disk.restart(test::unsynced::lost);
    const auto third = take_directory(disk, directory, {});
    ASSERT_TRUE(third) << "change " << at << ": " << third.error().describe();
    EXPECT_EQ(third->properties.cluster_id, cluster) << "change " << at;
    if (!was_cut) break;
  }
}

TEST_F(log_directory_setup_test, parents_that_nobody_may_read_are_no_obstacle) {
  ASSERT_TRUE(files.make_directories(directory));
  files.make_durable();
  files.inject({.what = test::operation::sync_directory, .error_number = EACCES, .times = 1});
  EXPECT_EQ(refusal(), std::error_code());
}

class clean_stop_marker_test : public testing::Test {
 protected:
  std::optional<std::int64_t> epoch() {
    const auto marker = read_clean_stop_marker(files, "/");
    return marker ? std::optional(marker->broker_epoch) : std::nullopt;
  }
  void put(std::string_view text) {
    ASSERT_TRUE(io::replace_file(files, "/.kafka_cleanshutdown", base::as_bytes(text)));
  }
  test::fault_file_system files;
};

TEST_F(clean_stop_marker_test, text_is_byte_for_byte_kafkas) {
  ASSERT_TRUE(write_clean_stop_marker(files, "/", {12}));
  EXPECT_EQ(base::as_text(*io::read_file(files, "/.kafka_cleanshutdown", 100)),
            R"({"version":0,"brokerEpoch":12})");
  EXPECT_EQ(epoch(), 12);
}

TEST_F(clean_stop_marker_test, what_makes_no_sense_is_no_marker) {
  for (const auto* text : {"", "{}", "garbage", R"({"version":1,"brokerEpoch":12})", R"({"version":)"}) {
    put(text);
    EXPECT_EQ(epoch(), std::nullopt) << text;
  }
  put("{ \"brokerEpoch\" : 5 , \"version\" : 0 }");
  EXPECT_EQ(epoch(), 5);
  put(R"({"version":0})");
  EXPECT_EQ(epoch(), -1);
}

TEST_F(clean_stop_marker_test, written_marker_survives_a_power_cut_and_a_removed_one_stays_away) {
  ASSERT_TRUE(write_clean_stop_marker(files, "/", {12}));
  files.restart(test::unsynced::lost);
  EXPECT_EQ(epoch(), 12);
  ASSERT_TRUE(remove_clean_stop_marker(files, "/"));
  files.restart(test::unsynced::lost);
  EXPECT_EQ(epoch(), std::nullopt);
  EXPECT_TRUE(remove_clean_stop_marker(files, "/"));
}

TEST_F(clean_stop_marker_test, unreadable_marker_means_recovery) {
  ASSERT_TRUE(write_clean_stop_marker(files, "/", {12}));
  files.inject({.what = test::operation::read, .error_number = EIO});
  EXPECT_EQ(epoch(), std::nullopt);
}

}  // namespace
}  // namespace tidelog::storage
