#pragma once
// A machine with a data directory, and the daemon on it as far as its logs are concerned: it starts, works, and stops.

#include "partition_promises.hpp"
#include "support/fault_file_system.hpp"
#include "support/manual_clock.hpp"

#include "tidelog/storage/log_directory.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tidelog::test {

/// Syncs when it is told to, on the thread that tells it: which log comes next is for the schedule to say.
class stepping_committer final : public storage::committer {
 public:
  void request(storage::commit_source& source) override;
  void forget(storage::commit_source& source) override;
  /// Commits for one of those that wait; false when nobody does.
  bool step(std::mt19937_64& random);

 private:
  std::vector<storage::commit_source*> waiting_;
};

/// A partition as the metadata knows it, which is outside of what is tested here.
struct scheduled_partition {
  scheduled_partition(std::string name, model::topic_id with_id, const storage::log_config& config,
                      int first_sender);

  [[nodiscard]] storage::log_request request() const {
    return {{topic, model::partition_index(0)}, id, promises.config()};
  }
  [[nodiscard]] bool is_online() const { return opened && opened->health() == storage::log_health::online; }

  std::string topic;
  model::topic_id id;
  partition_promises promises;
  /// Idempotent producers: all that each has ever made, and how many of these are stored.
  struct sender {
    int index;
    std::vector<sent_batch> made;
    std::size_t stored = 0;
  };
  std::vector<sender> senders;
  /// Its creation was answered: it must be there.
  bool is_created = false;
  /// The high watermark may stand above what is on disk: it was not a durable topic when it got there.
  model::offset unsynced_high_watermark{0};
  last_stop stopped = last_stop::clean;
  std::shared_ptr<storage::log> opened;
};

class schedule_machine {
 public:
  explicit schedule_machine(std::uint64_t seed) : random(seed) {}
  schedule_machine(const schedule_machine&) = delete;
  schedule_machine& operator=(const schedule_machine&) = delete;
  ~schedule_machine() { let_go(); }

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random() % bound; }
  [[nodiscard]] bool one_in(std::uint64_t chances) { return below(chances) == 0; }

  /// The daemon's start: takes the directory, sets strangers aside, opens the logs. False when something stopped it.
  [[nodiscard]] bool start();
  /// Everything that is open is held against its promises, and producers go on from there. Nothing when the power goes
  /// meanwhile.
  void check_everything();
  /// The clean stop. False when it was none, or not to the end.
  bool stop();
  /// The process is gone, with the power or without, and all is at rest; the disk is well again.
  void end_life(unsynced fate, std::uint64_t seed);

  [[nodiscard]] storage::log_directory& directory() { return *life_->directory; }
  [[nodiscard]] bool is_running() const { return life_ && life_->directory && !files.is_down(); }
  [[nodiscard]] bool all_are_online() const;
  [[nodiscard]] stepping_committer& commits() { return life_->commits; }
  [[nodiscard]] model::leader_epoch epoch() const { return model::leader_epoch(epoch_); }
  scheduled_partition& add_partition(const std::string& topic, const storage::log_config& config);
  void remove_partition(const scheduled_partition& gone);
  /// Opens the log; a creation counts when this succeeds.
  [[nodiscard]] base::status open(scheduled_partition& which, storage::when_missing missing);
  /// From now on until the end of this life operations may fail.
  void inject(fault to_come);
  /// The kernel tries to write what waits for it, and fails.
  void fail_write_back();
  void limit_capacity(std::uint64_t bytes);
  [[nodiscard]] bool may_fail() const { return may_fail_; }
  /// No two records and no two batches without a producer have the same.
  [[nodiscard]] std::uint64_t next_number() { return next_number_++; }
  /// What a log tells about itself is a promise.
  void note_promises();

  fault_file_system files;
  manual_clock clock;
  std::mt19937_64 random;
  std::vector<std::unique_ptr<scheduled_partition>> partitions;
  std::uint64_t checks = 0;
  std::uint64_t logs_offline = 0;
  std::uint64_t bytes_set_aside = 0;

 private:
  /// What ends with the process.
  struct life {
    life(schedule_machine& of, std::size_t most_open_files);
    stepping_committer commits;
    storage::open_file_cache open_files;
    storage::log_environment environment;
    base::worker_pool pool{"schedule", 1};
    std::unique_ptr<storage::log_directory> directory;
  };
  [[nodiscard]] bool set_strangers_aside();
  void let_go();

  std::unique_ptr<life> life_;
  std::int32_t epoch_ = -1;
  int next_sender_ = 0;
  std::uint64_t next_id_ = 0;
  std::uint64_t next_number_ = 0;
  bool may_fail_ = false;
  bool was_stopped_cleanly_ = false;
};

}  // namespace tidelog::test
