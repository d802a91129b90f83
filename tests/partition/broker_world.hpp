#pragma once
// A broker below its network: data directory, metadata and partitions over a file system that can fail.

#include "batches.hpp"
#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include <gtest/gtest.h>

#include "tidelog/partition/partition_manager.hpp"

#include <future>
#include <memory>
#include <string>

namespace tidelog::test {

/// Whether a run begins when the recovery after an unclean stop is over, or while it goes on.
enum class recovery { waited_for, in_background };

/// One run of the broker. Throws where the world itself does not come up.
class broker_run {
 public:
  explicit broker_run(fault_file_system& files, partition::broker_layers layers = {},
                      recovery how = recovery::waited_for);
  ~broker_run();
  /// The logs, the metadata and the directory are closed as a clean stop does. Otherwise the run ends like a crash.
  void stop_cleanly();

  [[nodiscard]] partition::partition_manager& manager() { return *manager_; }
  [[nodiscard]] storage::log_directory& directory() { return *directory_; }
  [[nodiscard]] metadata::image_ptr image() const { return cluster_->current(); }

  /// A change of the metadata that the partitions do not know of yet.
  metadata::image_ptr record(std::vector<metadata::record> records);
  void record_topic(const std::string& name, std::int32_t partitions,
                    const metadata::config_map& configs = {});
  void record_deletion(const std::string& name);

  void apply() { manager().apply(image()); }
  /// The first partition of a new topic.
  partition::partition_ptr create(const std::string& name, const metadata::config_map& configs = {});
  void remove(const std::string& name);
  void set_config(metadata::resource_type type, const std::string& resource, const std::string& key,
                  const std::optional<std::string>& value);
  /// Null when there is none.
  [[nodiscard]] partition::partition_ptr find(const std::string& topic, std::int32_t index = 0);

  manual_clock clock{test_now_ms};

 private:
  storage::open_file_cache open_files_{64};
  storage::group_commit commits_{2};
  storage::log_environment environment_;
  base::worker_pool pool_{"opening", 2};
  std::unique_ptr<metadata::cluster_metadata> cluster_;
  std::unique_ptr<storage::log_directory> directory_;
  std::unique_ptr<partition::partition_manager> manager_;
};

/// As partition_manager::recover(), and waits until it is through.
void recover_and_wait(partition::partition_manager& manager);

/// The page cache's own durability: the high watermark is the log's end at once.
[[nodiscard]] inline metadata::config_map page_cache() {
  return {{"flush.messages", "9223372036854775807"}};
}

/// Appends and fails the test when that fails.
storage::appended append(partition::partition& to, const produced_batch& of = {});
[[nodiscard]] base::status wait_committed(partition::partition& of, model::offset end);
void append_committed(partition::partition& to, const produced_batch& of = {});
/// The values that a consumer reads from the log start on.
[[nodiscard]] std::vector<std::string> consume(partition::partition& of);

/// What a reader has seen of a partition without transactions that ends there.
[[nodiscard]] inline partition::log_reach up_to(std::int64_t end) {
  return {model::offset(0), model::offset(end), model::offset(end)};
}

/// A waiter that a test can wait for.
class test_waiter {
 public:
  explicit test_waiter(std::uint64_t wanted_bytes);
  [[nodiscard]] const std::shared_ptr<partition::fetch_waiter>& get() const { return waiter_; }
  [[nodiscard]] bool fired() const { return waiter_->fired(); }
  /// Waits for it; false when that takes impossibly long.
  [[nodiscard]] bool fires() {
    return woken_.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  }

 private:
  std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
  std::future<void> woken_ = promise_->get_future();
  std::shared_ptr<partition::fetch_waiter> waiter_;
};

}  // namespace tidelog::test
