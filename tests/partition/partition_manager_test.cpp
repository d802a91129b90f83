#include "tidelog/partition/partition_manager.hpp"

#include "broker_world.hpp"

#include <gtest/gtest.h>

#include "tidelog/storage/partition_metadata.hpp"

#include <thread>

namespace tidelog::partition {
namespace {

using metadata::resource_type;
using test::append;
using test::append_committed;
using test::broker_run;
using test::consume;
using values = std::vector<std::string>;

class partition_manager_test : public testing::Test {
 protected:
  test::fault_file_system files;
};

storage::log_config config_of(partition& of) {
  storage::log_config config;
  of.with_log([&](storage::log& log) { config = log.config(); });
  return config;
}

/// The names of the data directory's folders that begin so.
std::vector<std::string> folders(test::fault_file_system& files, const std::string& prefix) {
  std::vector<std::string> found;
  const auto listed = files.list("/data");
  for (const auto& entry : *listed) {
    if (entry.name.rfind(prefix, 0) == 0) found.push_back(entry.name);
  }
  return found;
}

TEST_F(partition_manager_test, a_created_topic_can_be_used_at_once_by_name_and_id) {
  broker_run run(files);
  const auto target = run.create("t");
  ASSERT_NE(target, nullptr);
  append_committed(*target, {.value = "a"});
  EXPECT_EQ(consume(*target), values{"a"});
  const auto hosted = run.manager().find(run.image()->topic("t")->id);
  ASSERT_NE(hosted, nullptr);
  EXPECT_EQ(hosted->find(model::partition_index(0)), target);
  EXPECT_EQ(hosted->find(model::partition_index(1)), nullptr);
  EXPECT_EQ(hosted->find(model::partition_index(-1)), nullptr);
  EXPECT_EQ(run.manager().find("other"), nullptr);
  EXPECT_EQ(run.manager().topics().size(), 1U);
}

TEST_F(partition_manager_test, a_deleted_topic_is_gone_and_its_files_go_when_they_are_due) {
  broker_run run(files);
  const auto target = run.create("t", {{"file.delete.delay.ms", "60000"}});
  append_committed(*target);
  const auto id = target->topic_id();
  run.remove("t");
  EXPECT_EQ(run.manager().find("t"), nullptr);
  EXPECT_EQ(run.manager().find(id), nullptr);
  EXPECT_EQ(files.exists("/data/t-0"), false);
  EXPECT_EQ(folders(files, "t").size(), 1U);
  run.clock.advance(std::chrono::milliseconds(59'999));
  run.manager().remove_deleted_files();
  EXPECT_EQ(folders(files, "t").size(), 1U);
  run.clock.advance(std::chrono::milliseconds(1));
  run.manager().remove_deleted_files();
  EXPECT_EQ(folders(files, "t").size(), 0U);
}

TEST_F(partition_manager_test, a_topic_created_again_under_its_name_has_nothing_of_the_old_one) {
  broker_run run(files);
  const auto old = run.create("t", {{"retention.ms", "1"}});
  append_committed(*old, {.value = "old"});
  run.remove("t");
  const auto young = run.create("t");
  ASSERT_NE(young, old);
  EXPECT_NE(young->topic_id(), old->topic_id());
  append_committed(*young, {.value = "young"});
  EXPECT_EQ(consume(*young), values{"young"});
  EXPECT_NE(config_of(*young).retention_ms, 1);
  EXPECT_EQ(old->check_available().error().code, make_error_code(errc::unknown_partition));
}

TEST_F(partition_manager_test, deletion_and_creation_in_one_step_make_a_new_topic) {
  broker_run run(files);
  const auto old = run.create("t");
  append_committed(*old, {.value = "old"});
  run.record_deletion("t");
  run.record_topic("t", 2);
  run.apply();
  const auto young = run.find("t");
  ASSERT_NE(young, nullptr);
  EXPECT_NE(young->topic_id(), old->topic_id());
  EXPECT_TRUE(consume(*young).empty());
  EXPECT_NE(run.find("t", 1), nullptr);
  EXPECT_EQ(run.manager().find(old->topic_id()), nullptr);
}

TEST_F(partition_manager_test, added_partitions_leave_the_others_alone) {
  broker_run run(files);
  const auto first = run.create("t");
  append_committed(*first, {.value = "a"});
  run.record_topic("t", 3);
  run.apply();
  EXPECT_EQ(run.find("t"), first);
  EXPECT_EQ(consume(*first), values{"a"});
  const auto third = run.find("t", 2);
  ASSERT_NE(third, nullptr);
  append_committed(*third, {.value = "b"});
  EXPECT_EQ(run.manager().find(first->topic_id())->partitions.size(), 3U);
}

TEST_F(partition_manager_test, older_images_are_ignored) {
  broker_run run(files);
  const auto before = run.image();
  const auto target = run.create("t");
  run.manager().apply(before);
  EXPECT_EQ(run.find("t"), target);
}

TEST_F(partition_manager_test, a_changed_topic_config_reaches_the_logs_and_a_removed_one_goes_back) {
  broker_run run(files);
  const auto target = run.create("t");
  const auto other = run.create("other");
  const auto default_bytes = config_of(*target).segment_bytes;
  run.set_config(resource_type::topic, "t", "segment.bytes", "1048577");
  EXPECT_EQ(config_of(*target).segment_bytes, 1'048'577);
  EXPECT_EQ(target->config()->segment_bytes, 1'048'577);
  EXPECT_EQ(config_of(*other).segment_bytes, default_bytes);
  run.set_config(resource_type::topic, "t", "segment.bytes", std::nullopt);
  EXPECT_EQ(config_of(*target).segment_bytes, default_bytes);
}

TEST_F(partition_manager_test, the_nearest_layer_of_configuration_wins) {
  broker_layers layers;
  layers.configuration_file = {{"log.retention.ms", "1000"}};
  broker_run run(files, layers);
  const auto plain = run.create("plain");
  const auto own = run.create("own", {{"retention.ms", "5"}});
  EXPECT_EQ(config_of(*plain).retention_ms, 1000);
  run.set_config(resource_type::broker, "", "log.retention.ms", "2000");
  EXPECT_EQ(config_of(*plain).retention_ms, 2000);
  run.set_config(resource_type::broker, "1", "log.retention.ms", "3000");
  EXPECT_EQ(config_of(*plain).retention_ms, 3000);
  run.set_config(resource_type::broker, "2", "log.retention.ms", "4000");
  EXPECT_EQ(config_of(*plain).retention_ms, 3000);
  run.set_config(resource_type::broker, "1", "log.retention.ms", std::nullopt);
  run.set_config(resource_type::broker, "", "log.retention.ms", std::nullopt);
  layers.configuration_file["log.retention.ms"] = "1500";
  run.manager().update_broker_layers(layers);
  EXPECT_EQ(config_of(*plain).retention_ms, 1500);
  EXPECT_EQ(config_of(*own).retention_ms, 5);
}

TEST_F(partition_manager_test, a_clean_stop_and_a_start_keep_everything_and_raise_the_epochs) {
  {
    broker_run run(files);
    append_committed(*run.create("t"), {.value = "a"});
    run.stop_cleanly();
  }
  broker_run run(files);
  EXPECT_EQ(run.directory().start(), storage::start_kind::clean);
  const auto target = run.find("t");
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->leader_epoch(), model::leader_epoch(1));
  append_committed(*target, {.value = "b"});
  EXPECT_EQ(consume(*target), (values{"a", "b"}));
  EXPECT_EQ(target->epoch_at(model::offset(0)), model::leader_epoch(0));
  EXPECT_EQ(target->epoch_at(model::offset(1)), model::leader_epoch(1));
}

TEST_F(partition_manager_test, what_was_committed_is_there_after_a_power_cut) {
  {
    broker_run run(files);
    const auto target = run.create("t");
    for (const auto* value : {"a", "b", "c"}) append_committed(*target, {.value = value});
    files.cut_power();
  }
  files.restart(test::unsynced::lost);
  broker_run run(files);
  const auto target = run.find("t");
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(consume(*target), (values{"a", "b", "c"}));
}

TEST_F(partition_manager_test, deleted_records_stay_deleted_after_a_power_cut) {
  {
    broker_run run(files);
    const auto target = run.create("t");
    for (const auto* value : {"a", "b", "c"}) append_committed(*target, {.value = value});
    ASSERT_TRUE(target->delete_records_before(model::offset(2)));
    ASSERT_TRUE(run.manager().keep_log_starts());
    files.cut_power();
  }
  files.restart(test::unsynced::lost);
  broker_run run(files);
  EXPECT_EQ(run.find("t")->log_start_offset(), model::offset(2));
  EXPECT_EQ(consume(*run.find("t")), values{"c"});
}

TEST_F(partition_manager_test, directory_of_an_earlier_topic_of_the_name_is_set_aside_and_kept) {
  {
    broker_run run(files);
    append_committed(*run.create("t"));
    run.stop_cleanly();
  }
  ASSERT_TRUE(storage::write_partition_metadata(files, "/data/t-0", base::random_uuid()));
  broker_run run(files);
  EXPECT_TRUE(run.find("t")->check_available());
  EXPECT_EQ(consume(*run.find("t")), values{});
  const auto left = folders(files, "t-0.");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(left.front().find("-stray"), std::string::npos) << left.front();
}

TEST_F(partition_manager_test, directories_without_a_topic_are_set_aside_and_kept) {
  {
    broker_run run(files);
    append_committed(*run.create("known"));
    run.stop_cleanly();
  }
  ASSERT_TRUE(files.make_directories("/data/unknown-0"));
  ASSERT_TRUE(files.make_directories("/data/known-7"));
  broker_run run(files);
  for (const auto* name : {"unknown", "known-7"}) {
    const auto left = folders(files, name);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_NE(left.front().find("-stray"), std::string::npos) << left.front();
  }
  EXPECT_EQ(consume(*run.find("known")), values{"value"});
}

class partition_that_does_not_open : public partition_manager_test {
 protected:
  void SetUp() override {
    broker_run run(files);
    append_committed(*run.create("bad"), {.value = "kept"});
    append_committed(*run.create("good"), {.value = "a"});
    run.stop_cleanly();
  }
};

TEST_F(partition_that_does_not_open, is_offline_while_the_others_serve) {
  files.inject({.what = test::operation::list,
                .error_number = EIO,
                .path_contains = "bad-0",
                .times = test::for_ever});
  files.inject({.what = test::operation::open,
                .error_number = EIO,
                .path_contains = "bad-0",
                .times = test::for_ever});
  {
    broker_run run(files);
    const auto bad = run.find("bad");
    ASSERT_NE(bad, nullptr);
    const auto offline = make_error_code(errc::offline);
    EXPECT_EQ(bad->check_available().error().code, offline);
    auto batch = test::make_batch({});
    EXPECT_EQ(bad->append(batch, storage::append_origin::client).error().code, offline);
    EXPECT_EQ(bad->read(model::offset(0), {.max_bytes = 1}, storage::read_bound::log_end(),
                        io::patience::waits_for_disk)
                  .error()
                  .code,
              offline);
    EXPECT_EQ(test::wait_committed(*bad, model::offset(1)).error().code, offline);
    EXPECT_EQ(bad->log_end_offset(), model::no_offset);
    EXPECT_EQ(bad->high_watermark(), model::no_offset);
    EXPECT_EQ(bad->reach().error().code, offline);
    EXPECT_EQ(bad->epoch_at(model::offset(0)), model::no_leader_epoch);
    test::test_waiter waiter(1);
    EXPECT_FALSE(bad->watch(waiter.get(), test::up_to(0)));
    const auto good = run.find("good");
    append_committed(*good, {.value = "b"});
    EXPECT_EQ(consume(*good), (values{"a", "b"}));
    // Housekeeping and configuration pass over it.
    run.manager().delete_old_segments();
    run.manager().expire_producers(1000);
    run.manager().flush_due_logs();
    run.set_config(resource_type::topic, "bad", "retention.ms", "5");
  }
  files.clear_faults();
  broker_run run(files);
  EXPECT_EQ(consume(*run.find("bad")), values{"kept"});
  EXPECT_EQ(consume(*run.find("good")), (values{"a", "b"}));
}

TEST_F(partition_that_does_not_open, can_be_deleted_and_created_again) {
  files.inject({.what = test::operation::open,
                .error_number = EIO,
                .path_contains = "bad-0/",
                .times = test::for_ever});
  broker_run run(files);
  ASSERT_EQ(run.find("bad")->check_available().error().code, make_error_code(errc::offline));
  files.clear_faults();
  run.remove("bad");
  const auto again = run.create("bad");
  ASSERT_TRUE(again->check_available());
  append_committed(*again, {.value = "new"});
  EXPECT_EQ(consume(*again), values{"new"});
}

TEST_F(partition_manager_test, a_new_partition_that_cannot_be_made_is_offline_and_the_change_stands) {
  broker_run run(files);
  files.inject({.what = test::operation::make_directory, .error_number = EIO, .path_contains = "bad-0"});
  run.record_topic("bad", 1);
  run.record_topic("good", 1);
  run.apply();
  EXPECT_EQ(run.find("bad")->check_available().error().code, make_error_code(errc::offline));
  append_committed(*run.find("good"));
}

TEST_F(partition_manager_test, a_log_past_its_flush_time_is_synced) {
  broker_run run(files);
  const auto target = run.create("t", {{"flush.messages", "9223372036854775807"}, {"flush.ms", "1000"}});
  append(*target);
  run.manager().flush_due_logs();
  const auto synced = [&] {
    model::offset upto{};
    target->with_log([&](storage::log& log) { upto = log.recovery_point(); });
    return upto;
  };
  EXPECT_EQ(synced(), model::offset(0));
  run.clock.advance(std::chrono::seconds(2));
  run.manager().flush_due_logs();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (synced() < model::offset(1) && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(synced(), model::offset(1));
}

TEST_F(partition_manager_test, segments_past_their_retention_go) {
  broker_run run(files);
  const auto target = run.create("t", {{"retention.ms", "1000"}});
  append_committed(*target);
  run.clock.advance(std::chrono::hours(1));
  run.manager().delete_old_segments();
  EXPECT_EQ(target->log_start_offset(), model::offset(1));
  EXPECT_TRUE(consume(*target).empty());
}

TEST_F(partition_manager_test, stopping_wakes_every_waiting_fetch) {
  broker_run run(files);
  const auto target = run.create("t");
  test::test_waiter looks_again(1 << 20);
  ASSERT_TRUE(target->watch(looks_again.get(), test::up_to(0)));
  run.manager().wake_waiting_fetches();
  EXPECT_TRUE(looks_again.fired());
  EXPECT_TRUE(target->check_available());
  test::test_waiter stopped(1 << 20);
  ASSERT_TRUE(target->watch(stopped.get(), test::up_to(0)));
  run.manager().stop();
  EXPECT_TRUE(stopped.fired());
  EXPECT_FALSE(target->check_available());
}

TEST_F(partition_manager_test, a_log_that_rolls_is_held_to_its_size_at_once) {
  broker_run run(files);
  int told = 0;
  run.manager().set_roll_listener([&] { ++told; });
  auto configs = test::page_cache();
  configs.insert({{"retention.bytes", "0"}, {"file.delete.delay.ms", "0"}});
  const auto target = run.create("t", configs);
  for (int i = 0; i < 3; ++i) {
    append(*target);
    target->with_log([](storage::log& log) { ASSERT_TRUE(log.roll()); });
  }
  EXPECT_EQ(told, 1) << "one call is enough until somebody has looked";
  EXPECT_EQ(target->log_start_offset().value(), 0);
  run.manager().look_after_rolled_logs();
  EXPECT_EQ(target->log_start_offset().value(), 3);
  const auto left = files.list("/data/t-0");
  ASSERT_TRUE(left);
  for (const auto& entry : *left) EXPECT_FALSE(entry.name.ends_with(".deleted")) << entry.name;
  append(*target);
  target->with_log([](storage::log& log) { ASSERT_TRUE(log.roll()); });
  EXPECT_EQ(told, 2);
}

TEST_F(partition_manager_test, a_log_that_rolls_keeps_what_was_old_when_it_came_until_the_next_round) {
  broker_run run(files);
  const auto target = run.create("t");
  append(*target, {.timestamp_ms = 1000});
  target->with_log([](storage::log& log) { ASSERT_TRUE(log.flush() && log.roll()); });
  run.manager().look_after_rolled_logs();
  EXPECT_EQ(target->log_start_offset().value(), 0);
  run.manager().delete_old_segments();
  EXPECT_EQ(target->log_start_offset().value(), 1);
}

TEST_F(partition_manager_test, producers_are_forgotten_as_the_configuration_says_at_that_moment) {
  broker_run run(files);
  const auto target = run.create("t");
  append_committed(*target, {.producer_id = 5});
  run.clock.advance(std::chrono::milliseconds(1000));
  run.manager().expire_producers(1001);
  EXPECT_EQ(target->producers().size(), 1U);
  run.manager().expire_producers(1000);
  EXPECT_EQ(target->producers().size(), 0U);
}

/// Lookups never wait for a change, and see a topic whole or not at all.
TEST_F(partition_manager_test, topics_come_and_go_while_they_are_looked_up) {
  broker_run run(files);
  append_committed(*run.create("steady"));
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        if (const auto passing = run.manager().find("passing")) {
          EXPECT_EQ(passing->partitions.size(), passing->state->partitions.size());
        }
        EXPECT_NE(run.find("steady"), nullptr);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    run.record_topic("passing", 2);
    run.apply();
    run.remove("passing");
  }
  done = true;
  for (auto& each : readers) each.join();
}

}  // namespace
}  // namespace tidelog::partition
