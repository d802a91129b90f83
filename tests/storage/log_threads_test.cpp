// Writers, readers, retention and configuration changes at once; most useful under the thread sanitizer.
#include "support_log.hpp"

#include <atomic>
#include <thread>

namespace tidelog::test {
namespace {

using storage::read_bound;

TEST(log_threads_test, everybody_at_once_sees_whole_batches_in_order) {
  constexpr int batches = 600;
  fault_file_system files;
  log_world world(files, 8);
  storage::log_config config;
  config.segment_bytes = 2000;
  config.index_interval_bytes = 200;
  config.retention_bytes = 8000;
  config.file_delete_delay_ms = 0;
  const auto log = world.open(config);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&] {
      for (int i = 0; i < batches / 2; ++i) {
        const auto stored = append(*log, {.timestamp = world.clock.now_ms()});
        EXPECT_TRUE(wait_committed(*log, stored.end_offset()));
      }
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      model::offset next{0};
      while (next < at(batches)) {
        const auto slice = log->read(next, {.max_bytes = 700}, read_bound::high_watermark());
        if (!slice) {
          // Retention was faster.
          EXPECT_EQ(slice.error().code, storage::errc::offset_out_of_range) << slice.error().describe();
          next = log->log_start_offset();
          continue;
        }
        const auto offsets = offsets_of(*slice);
        for (const auto offset : offsets) {
          EXPECT_EQ(offset, next.value());
          next = next + 1;
        }
      }
    });
  }
  threads.emplace_back([&] {
    for (int round = 0; !done; ++round) {
      EXPECT_TRUE(log->delete_old_segments(world.clock.now_ms()));
      EXPECT_TRUE(log->remove_deleted_files(world.clock.now_ms()));
      config.flush_messages = round % 2 == 0 ? storage::never_flush : 1;
      log->update_config(config);
      static_cast<void>(log->offset_for_timestamp(model::timestamp(0)));
      static_cast<void>(log->size_bytes());
      log->flush_if_due(world.clock.now_ms());
      static_cast<void>(log->rest_if_idle());
      std::this_thread::yield();
    }
  });
  for (std::size_t i = 0; i < 4; ++i) threads[i].join();
  done = true;
  threads.back().join();
  EXPECT_EQ(log->high_watermark(), at(batches));
  EXPECT_TRUE(log->close(storage::close_kind::clean));
}

TEST(log_threads_test, deletion_waits_for_the_names_of_segments_that_stay) {
  fault_file_system files;
  log_world world(files);
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  const auto log = world.open(config);
  for (int i = 0; i < 3; ++i) append(*log, {});
  const io::path oldest = world.directory / "00000000000000000000.log";
  files.hold_back_syncs_of(world.directory);
  std::thread flush([&] { EXPECT_TRUE(log->flush()); });
  files.await_held_back();
  std::thread deletion([&] { EXPECT_TRUE(log->advance_log_start(at(2))); });
  files.await_held_back(2);
  EXPECT_EQ(files.exists(oldest), true);
  files.let_through();
  flush.join();
  deletion.join();
  EXPECT_EQ(files.exists(oldest), false);
}

TEST(log_threads_test, segment_that_is_removed_while_it_waits_for_its_sync_is_no_failure) {
  fault_file_system files;
  log_world world(files, 1);
  auto config = page_cache_config();
  config.segment_bytes = static_cast<std::int64_t>(2 * batch_bytes(10));
  config.file_delete_delay_ms = 0;
  const auto log = world.open(config);
  for (int i = 0; i < 6; ++i) append(*log, {});
  ASSERT_GT(world.open_files.held_files(), 0U) << "what waits for a sync has been closed";
  // The flush has the list with the oldest segment when it goes.
  files.hold_back("00000000000000000000.log");
  std::thread flush([&] { EXPECT_TRUE(log->flush()); });
  files.await_held_back();
  EXPECT_TRUE(log->advance_log_start(at(4)));
  EXPECT_TRUE(log->remove_deleted_files(world.clock.now_ms()));
  files.let_through();
  flush.join();
  EXPECT_EQ(log->recovery_point(), at(6));
  EXPECT_TRUE(log->close(storage::close_kind::clean));
}

class counting_source final : public storage::commit_source {
 public:
  void commit() override {
    EXPECT_FALSE(running.exchange(true)) << "two commits of one source at once";
    seen.store(written.load());
    running.store(false);
  }
  std::atomic<int> written{0};
  std::atomic<int> seen{0};
  std::atomic<bool> running{false};
};

TEST(group_commit_test, every_request_is_followed_by_a_commit_that_began_after_it) {
  storage::group_commit commits(4);
  std::vector<counting_source> sources(3);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        for (auto& source : sources) {
          const int mine = ++source.written;
          commits.request(source);
          if (i % 50 == 0) {
            while (source.seen.load() < mine) std::this_thread::yield();
          }
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& source : sources) {
    while (source.seen.load() < 2000) std::this_thread::yield();
    commits.forget(source);
  }
}

}  // namespace
}  // namespace tidelog::test
