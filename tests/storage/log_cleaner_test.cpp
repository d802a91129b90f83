// The cleaner's threads: which log comes first, and what one bad log means to the others.
#include "tidelog/storage/log_cleaner.hpp"

#include "support_cleaning.hpp"

#include <gmock/gmock.h>

#include "tidelog/storage/checkpoint_file.hpp"

#include <thread>

namespace tidelog::test {
namespace {

using storage::log_cleaner;
using storage::log_cleaner_settings;

class log_cleaner_test : public ::testing::Test {
 protected:
  log_cleaner_test() { open(); }
  void open() {
    directory_ = *storage::log_directory::open(world_.environment(), "/data/d", {});
    cleaner_ = std::make_unique<log_cleaner>(*directory_, world_.clock, log_cleaner_settings{});
  }
  [[nodiscard]] static model::topic_partition name(int index) { return {"t", model::partition_index(index)}; }
  std::shared_ptr<storage::log> open_log(int index, const storage::log_config& config = compacted_config()) {
    auto opened = directory_->open_log({name(index), topic_id_, config}, storage::when_missing::create);
    if (!opened) throw std::runtime_error(opened.error().describe());
    return *opened;
  }
  /// `clean` records that a cleaning has been through, then `dirty` more.
  void fill(storage::log& log, int clean_records, int dirty_records) {
    for (int i = 0; i < clean_records; ++i) store(log, make_keyed_batch({put("c" + std::to_string(i), "v")}));
    if (clean_records > 0) {
      seal(log);
      clean(log);
    }
    for (int i = 0; i < dirty_records; ++i) store(log, make_keyed_batch({put("d", std::to_string(i))}));
    seal(log);
  }
  void damage(int index) {
    const auto path = "/data/d/t-" + std::to_string(index) + "/00000000000000000000.log";
    const auto data = *files_.open(path, io::open_mode::read_write);
    std::array<std::byte, 1> byte{};
    ASSERT_TRUE(data->read_at(byte, *data->size() - 2));
    byte[0] ^= std::byte{0x55};
    ASSERT_TRUE(data->write_at(byte, *data->size() - 2));
  }

  const model::topic_id topic_id_{base::random_uuid()};
  fault_file_system files_;
  log_world world_{files_};
  std::unique_ptr<storage::log_directory> directory_;
  std::unique_ptr<log_cleaner> cleaner_;
};

TEST_F(log_cleaner_test, dirtiest_log_comes_first) {
  fill(*open_log(0), 10, 2);
  fill(*open_log(1), 2, 10);
  fill(*open_log(2), 5, 5);
  auto plain = page_cache_config();
  fill(*open_log(3, plain), 0, 10);
  EXPECT_EQ(cleaner_->clean_neediest(), name(1));
  EXPECT_EQ(cleaner_->clean_neediest(), name(2));
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_EQ(cleaner_->clean_neediest(), std::nullopt);
}

TEST_F(log_cleaner_test, cleaned_ends_are_in_the_checkpoint_and_found_again) {
  fill(*open_log(0), 0, 10);
  open_log(1);
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  const auto written = *storage::read_offset_checkpoint(files_, "/data/d/cleaner-offset-checkpoint");
  EXPECT_EQ(written, (storage::partition_offsets{{name(0), at(10)}}));
  cleaner_.reset();
  directory_.reset();
  open();
  EXPECT_EQ(open_log(0)->cleaned_end(), at(10));
  EXPECT_EQ(cleaner_->clean_neediest(), std::nullopt);
  // Another topic of the same name begins anew.
  ASSERT_TRUE(directory_->delete_log(name(0), 0));
  EXPECT_EQ(open_log(0)->cleaned_end(), at(0));
  EXPECT_TRUE(storage::read_offset_checkpoint(files_, "/data/d/cleaner-offset-checkpoint")->empty());
}

TEST_F(log_cleaner_test, bad_log_is_marked_and_the_others_go_on) {
  fill(*open_log(0), 0, 20);
  fill(*open_log(1), 5, 5);
  damage(0);
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_EQ(cleaner_->clean_neediest(), name(1));
  EXPECT_EQ(cleaner_->clean_neediest(), std::nullopt);
  const auto marked = cleaner_->uncleanable();
  ASSERT_EQ(marked.size(), 1U);
  EXPECT_EQ(marked[0].partition, name(0));
  EXPECT_THAT(marked[0].reason, ::testing::HasSubstr("damaged"));
  // After a while it is tried again, and stays marked while nothing has changed.
  world_.clock.advance(log_cleaner::patience_with_damage);
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_EQ(cleaner_->clean_neediest(), std::nullopt);
  damage(0);
  world_.clock.advance(log_cleaner::patience_with_damage);
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_TRUE(cleaner_->uncleanable().empty());
  EXPECT_EQ(directory_->find(name(0))->cleaned_end(), at(20));
}

TEST_F(log_cleaner_test, full_disk_is_not_held_against_a_log_for_long) {
  fill(*open_log(0), 0, 20);
  files_.inject({.what = operation::write, .error_number = ENOSPC, .path_contains = ".cleaned"});
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_EQ(cleaner_->clean_neediest(), std::nullopt);
  world_.clock.advance(log_cleaner::patience_with_full_disk);
  EXPECT_EQ(cleaner_->clean_neediest(), name(0));
  EXPECT_TRUE(cleaner_->uncleanable().empty());
}

TEST_F(log_cleaner_test, threads_clean_while_records_are_written_and_read) {
  log_cleaner_settings settings;
  settings.threads = 2;
  settings.backoff_ms = 1;
  cleaner_->update(settings);
  cleaner_->start();
  std::vector<std::shared_ptr<storage::log>> logs;
  auto config = compacted_config();
  config.segment_bytes = 2000;
  config.file_delete_delay_ms = 0;
  for (int i = 0; i < 3; ++i) logs.push_back(open_log(i, config));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done.load()) {
      for (const auto& log : logs) {
        std::int64_t last = -1;
        for (const auto& each : consume(*log, at(0))) {
          EXPECT_GT(each.offset, last);
          last = each.offset;
        }
      }
    }
  });
  std::thread housekeeper([&] {
    while (!done.load()) {
      for (const auto& log : logs) EXPECT_TRUE(log->remove_deleted_files(world_.clock.now_ms()));
    }
  });
  const int rounds = 400;
  for (int i = 0; i < rounds; ++i) {
    for (const auto& log : logs) {
      store(*log, make_keyed_batch({put("k" + std::to_string(i % 10), std::to_string(i)), put("l", "w")}));
    }
    if (i == rounds / 2) {
      settings.threads = 1;
      cleaner_->update(settings);
    }
  }
  for (const auto& log : logs) seal(*log);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (const auto& log : logs) {
    while (log->cleaned_end() < at(2 * rounds) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(log->cleaned_end(), at(2 * rounds));
  }
  done.store(true);
  reader.join();
  housekeeper.join();
  cleaner_->stop();
  for (const auto& log : logs) {
    const auto values = last_values(consume(*log, at(0)));
    EXPECT_EQ(values.size(), 11U);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(values.at("k" + std::to_string(i)), std::to_string(rounds - 10 + i));
    }
  }
}

TEST_F(log_cleaner_test, stop_and_deletion_do_not_wait_for_a_long_cleaning) {
  log_cleaner_settings settings;
  settings.threads = 1;
  settings.backoff_ms = 1;
  // A byte in a thousand seconds.
  settings.io_max_bytes_per_second = 0.001;
  fill(*open_log(0), 0, 20);
  const auto log = open_log(1);
  fill(*log, 0, 20);
  cleaner_->update(settings);
  cleaner_->start();
  ASSERT_TRUE(directory_->delete_log(name(1), 0));
  ASSERT_TRUE(directory_->delete_log(name(0), 0));
  cleaner_->stop();
  EXPECT_EQ(log->cleaned_end(), at(0));
}

}  // namespace
}  // namespace tidelog::test
