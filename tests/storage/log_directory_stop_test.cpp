// Many logs at once: a stop, a start after a crash, and logs that nobody uses any more sync the file system a few times and
// not each log.
#include "journal_instruments.hpp"
#include "support_directory.hpp"

#include "tidelog/storage/producer_snapshot.hpp"

#include <thread>

namespace tidelog::storage {
namespace {

class many_logs_test : public log_directory_test {
 protected:
  static constexpr std::int32_t partitions = 8;

  [[nodiscard]] static log_directory_options options(std::size_t whole_sync_from_logs) {
    log_directory_options options;
    options.journal_bytes = 1 << 20;
    options.whole_sync_at_rest_from_logs = whole_sync_from_logs;
    return options;
  }
  void open_all(daemon_run& run, int batches) {
    for (std::int32_t i = 0; i < partitions; ++i) {
      const auto opened = run.open(request("t", i));
      ASSERT_TRUE(opened) << opened.error().describe();
      if (batches > 0) append(**opened, batches);
    }
  }
  /// Syncs of files and directories until the directory is closed.
  [[nodiscard]] std::uint64_t syncs_of_a_stop(std::size_t whole_sync_from_logs) {
    metrics::registry metrics;
    auto with = options(whole_sync_from_logs);
    with.metrics = &metrics;
    daemon_run run(files, with);
    open_all(run, 3);
    // What the journal syncs when it begins is not what is counted.
    while (journal_instruments(metrics).ring_bytes.value() == 0) std::this_thread::yield();
    const auto before = files.syncs();
    EXPECT_TRUE(run.close());
    return files.syncs() - before;
  }
  /// Syncs of files and directories until logs that were written to are at rest.
  [[nodiscard]] std::uint64_t syncs_of_a_rest(std::size_t whole_sync_from_logs) {
    daemon_run run(files, options(whole_sync_from_logs));
    for (std::int32_t i = 0; i < partitions; ++i) {
      auto lazy = request("t", i);
      lazy.config.flush_messages = never_flush;
      const auto opened = run.open(lazy);
      EXPECT_TRUE(opened);
      // Names are synced by each log, which is not what is counted.
      EXPECT_TRUE((*opened)->flush());
      for (int batch = 0; batch < 3; ++batch) {
        auto bytes = some_batch();
        EXPECT_TRUE((*opened)->append(bytes, {}));
      }
    }
    const auto logs = run.directory().logs();
    const auto before = files.syncs();
    std::size_t at_rest = 0;
    while (at_rest < logs.size()) {
      at_rest = 0;
      std::vector<std::shared_ptr<log>> unsynced;
      for (const auto& each : logs) {
        const auto found = each.opened->rest_if_idle();
        if (found == log::idleness::at_rest) ++at_rest;
        if (found == log::idleness::unsynced) unsynced.push_back(each.opened);
      }
      run.directory().sync_together(unsynced.size());
      for (const auto& each : unsynced) each->sync_soon();
      std::this_thread::yield();
    }
    return files.syncs() - before;
  }
  void expect_a_clean_start() {
    daemon_run run(files, options(1));
    EXPECT_EQ(run.directory().start(), start_kind::clean);
    open_all(run, 0);
    for (const auto& each : run.directory().logs()) {
      EXPECT_EQ(each.opened->log_end_offset(), model::offset(3)) << each.partition.text();
      EXPECT_EQ(each.opened->recovery().events_counted, 0U) << each.partition.text();
      EXPECT_TRUE(has_snapshot(each.partition));
    }
  }
  void expect_all_records() {
    daemon_run run(files, options(1));
    open_all(run, 0);
    for (const auto& each : run.directory().logs())
      EXPECT_EQ(each.opened->log_end_offset(), model::offset(3)) << each.partition.text();
  }
  [[nodiscard]] bool has_snapshot(const model::topic_partition& of) {
    return read_producer_snapshot(files, data / of.text(), model::offset(3)).has_value();
  }
};

TEST_F(many_logs_test, stop_at_once_leaves_what_one_by_one_does_also_after_a_power_cut) {
  const auto at_once = syncs_of_a_stop(1);
  files.restart(test::unsynced::lost);
  expect_a_clean_start();
  ASSERT_TRUE(files.remove_tree(data));
  const auto one_by_one = syncs_of_a_stop(1000);
  files.restart(test::unsynced::lost);
  expect_a_clean_start();
  EXPECT_GE(one_by_one, at_once + 5 * partitions);
}

TEST_F(many_logs_test, stop_leaves_nothing_of_what_it_prepared_in_vain) {
  const auto leftovers = [&] {
    std::vector<std::string> names;
    for (std::int32_t i = 0; i < partitions; ++i) {
      const auto directory = data / fmt::format("t-{}", i);
      const auto entries = files.list(directory);
      for (const auto& each : *entries) {
        if (each.name.ends_with(".tmp")) names.push_back((directory / each.name).native());
      }
    }
    return names;
  };
  {
    daemon_run run(files, options(partitions));
    open_all(run, 0);
    // Too few for a sync of the whole file system.
    append(*run.directory().logs().front().opened, 3);
    EXPECT_TRUE(run.close());
    EXPECT_EQ(leftovers(), std::vector<std::string>());
  }
  {
    daemon_run run(files, options(1));
    open_all(run, 3);
    files.inject({.what = test::operation::sync_volume, .error_number = EIO});
    static_cast<void>(run.close());
    EXPECT_EQ(leftovers(), std::vector<std::string>());
  }
}

TEST_F(many_logs_test, logs_that_nobody_uses_are_synced_together) {
  EXPECT_EQ(syncs_of_a_rest(1), 0U);
  files.restart(test::unsynced::lost);
  expect_all_records();
  ASSERT_TRUE(files.remove_tree(data));
  EXPECT_EQ(syncs_of_a_rest(1000), partitions);
}

TEST_F(many_logs_test, stop_goes_on_one_by_one_when_the_sync_of_all_fails) {
  for (const std::uint64_t nth : {std::uint64_t{0}, std::uint64_t{1}}) {
    {
      daemon_run run(files, options(1));
      open_all(run, 3);
      files.inject({.what = test::operation::sync_volume, .error_number = EIO, .after = nth});
      // A failure befalls any file: the logs whose own sync then fails are not closed cleanly.
      static_cast<void>(run.close());
      files.clear_faults();
    }
    files.restart(test::unsynced::lost);
    expect_all_records();
    ASSERT_TRUE(files.remove_tree(data));
  }
}

TEST_F(many_logs_test, power_cut_at_any_change_of_a_stop_loses_nothing) {
  for (std::uint64_t cut = 0;; ++cut) {
    bool came_through = false;
    {
      daemon_run run(files, options(1));
      open_all(run, 3);
      files.cut_power_at(files.changes() + cut);
      static_cast<void>(run.close());
      came_through = !files.is_down();
    }
    files.restart(test::unsynced::random, cut);
    {
      daemon_run run(files, options(1));
      ASSERT_TRUE(run.is_open());
      open_all(run, 0);
      for (const auto& each : run.directory().logs())
        ASSERT_EQ(each.opened->log_end_offset(), model::offset(3)) << each.partition.text() << " cut " << cut;
    }
    if (came_through) break;
    files.restart(test::unsynced::kept);
    ASSERT_TRUE(files.remove_tree(data));
  }
}

TEST_F(many_logs_test, start_after_a_crash_syncs_names_once) {
  const auto syncs_of_a_start = [&](std::size_t whole_sync_from_logs) {
    {
      daemon_run run(files, options(1));
      open_all(run, 3);
    }
    files.restart(test::unsynced::kept);
    const auto before = files.syncs();
    daemon_run run(files, options(whole_sync_from_logs));
    open_all(run, 0);
    const auto made = files.syncs() - before;
    EXPECT_TRUE(run.close());
    files.restart(test::unsynced::kept);
    EXPECT_TRUE(files.remove_tree(data));
    return made;
  };
  const auto at_once = syncs_of_a_start(1);
  EXPECT_GE(syncs_of_a_start(1000), at_once + 2 * partitions - 1);
}

}  // namespace
}  // namespace tidelog::storage
