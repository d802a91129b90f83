#pragma once
// The shell around what a coordinator keeps in one partition of an internal topic: one event at a time, records into the
// partition's log, answers when they are durable, and at the beginning the reading of what is there. What is kept, and what
// events do to it, is the business of those that are derived from it.

#include "answer_list.hpp"
#include "log_record_reader.hpp"
#include "steady_time.hpp"

#include "tidelog/base/clock.hpp"
#include "tidelog/base/worker_pool.hpp"
#include "tidelog/partition/partition.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

namespace tidelog::coordinator {

/// References outlive the partition, or are not used any more once it is given up.
struct coordinator_partition_environment {
  base::worker_pool& workers;
  const base::clock& clock;
  /// Told, from under the partition's lock, when something may be due at that time.
  std::function<void(steady_ms)> wake_at;
};

/// Made as a shared_ptr. Thread safe.
class coordinator_partition : public std::enable_shared_from_this<coordinator_partition> {
 public:
  coordinator_partition(const coordinator_partition&) = delete;
  coordinator_partition& operator=(const coordinator_partition&) = delete;
  virtual ~coordinator_partition() = default;

  /// Reads the log, on workers, and then serves. What is empty serves when this returns. While the log is not open yet
  /// there is nothing to read: it stays loading, for another to take its place.
  void load();
  /// Which of its partition's logs it has read.
  [[nodiscard]] std::uint64_t openings_at_load() const { return openings_at_load_.load(); }
  [[nodiscard]] const std::shared_ptr<partition::partition>& log() const { return log_; }

  /// Every request that waits, and every later one, is answered with `error`. The first error stays.
  void give_up(std::error_code error);

  /// When something may have to be done; no_deadline when never.
  [[nodiscard]] steady_ms next_deadline_ms() const { return next_deadline_.load(); }
  [[nodiscard]] bool is_loading() const { return stage_.load() == stage::loading; }
  /// How long loading took; 0 before it is done.
  [[nodiscard]] std::int64_t load_time_ms() const { return load_time_ms_.load(); }

 protected:
  enum class stage { loading, serving, given_up };
  /// What the operator reads of; literals.
  struct words {
    std::string_view contents;     ///< "groups"
    std::string_view of_a_number;  ///< "group(s)"
  };
  coordinator_partition(std::shared_ptr<partition::partition> log,
                        coordinator_partition_environment environment, words called);

  // Of what is kept, for those that are derived.

  [[nodiscard]] virtual std::uint64_t load_buffer_bytes() const = 0;
  /// While loading, by the one task that loads, without the lock: what is kept belongs to it.
  [[nodiscard]] virtual base::status replay(const model::record_batch_view& batch,
                                            const model::record_view& record) = 0;
  [[nodiscard]] virtual base::status replay_control(const model::record_batch_view& batch) = 0;
  /// All has been replayed. As everything that follows, under the lock.
  [[nodiscard]] virtual answer_list finish_loading() = 0;
  [[nodiscard]] virtual std::size_t kept_count() const = 0;
  [[nodiscard]] virtual steady_ms next_due_ms() const = 0;
  /// Everybody who waits is told that it is over.
  [[nodiscard]] virtual answer_list end_waiting(std::error_code why) = 0;
  /// Before that, without the lock.
  virtual void stop_other_work() {}

  // What they do it with.

  /// Handles an event under the lock, and says what it has to say, unless the partition does not serve: then tells why.
  std::error_code pass(const std::function<answer_list()>& event);
  /// What is due is about to be done.
  void forget_deadline() { next_deadline_.store(no_deadline); }
  /// Why it does not serve; under the lock.
  [[nodiscard]] std::error_code refusal() const;
  [[nodiscard]] stage current_stage() const { return stage_.load(); }
  /// Since then what is kept is for who holds the lock, also when the partition was given up; before, it may be the loading
  /// task's.
  [[nodiscard]] bool has_loaded() const { return load_time_ms() > 0; }
  /// Under the lock: what an append has come to for the one who asked for it.
  [[nodiscard]] std::error_code outcome_of(const base::result<storage::appended>& appended);
  /// The log's end as far as it is known here; under the lock.
  [[nodiscard]] model::offset end() const { return end_; }
  [[nodiscard]] const base::clock& clock() const { return environment_.clock; }

  mutable std::mutex mutex_;

 private:
  void note_deadline();
  void send(answer_list told);
  void durability_failed(const base::error& why);
  void cannot_load(const base::error& why);
  void load_some();
  void serve();

  const std::shared_ptr<partition::partition> log_;
  const coordinator_partition_environment environment_;
  const words called_;

  std::atomic<stage> stage_{stage::loading};
  std::error_code why_given_up_;
  /// On its way to being given up.
  std::atomic<bool> is_failing_{false};
  /// The operator was told that nothing can be written, and nothing could be since.
  bool writes_fail_ = false;
  model::offset end_{0};
  std::atomic<steady_ms> next_deadline_{no_deadline};

  std::atomic<std::uint64_t> openings_at_load_{0};
  std::unique_ptr<log_record_reader> reader_;
  steady_ms load_started_ms_ = 0;
  std::atomic<std::int64_t> load_time_ms_{0};
};

}  // namespace tidelog::coordinator
